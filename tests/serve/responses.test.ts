import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

const TEMPLATE =
  "{% if tools %}{% for t in tools %}{{ t.function.name }}<tool_call>{% endfor %}{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}\n{% endfor %}<assistant>";

describe("responses", { skip: skipWithoutRuntime }, async () => {
  const folder = chatFolder();
  writeFileSync(path.join(folder, "chat_template.jinja"), TEMPLATE);
  const client = clientOf(await serverOf(folder));
  const ask = { model: "tiny", input: "the cat", instructions: "Be short.", temperature: 0, max_output_tokens: 8 };

  test("are those of the chat, as items", async () => {
    const { output_text, status, usage, incomplete_details } = await client.responses.create(ask);
    const chat = await client.chat.completions.create({
      model: "tiny",
      messages: [
        { role: "system", content: "Be short." },
        { role: "user", content: "the cat" },
      ],
      temperature: 0,
      max_tokens: 8,
    });
    assert.equal(output_text, chat.choices[0]!.message.content);
    assert.equal(status, "incomplete");
    assert.equal(incomplete_details?.reason, "max_output_tokens");
    assert.equal(usage!.input_tokens, chat.usage!.prompt_tokens);
    assert.equal(usage!.output_tokens, 8);
  });

  test("come as the client's events, in their order", async () => {
    const whole = await client.responses.create(ask);
    const types: string[] = [];
    let text = "";
    for await (const event of await client.responses.create({ ...ask, stream: true })) {
      assert.equal(event.sequence_number, types.length);
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, whole.output_text);
    const expected =
      "created in_progress output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done incomplete";
    assert.deepEqual(
      types.filter((type, i) => type !== types[i - 1]),
      expected.split(" ").map((type) => `response.${type}`),
    );
    const stream = client.responses.stream(ask);
    assert.equal((await stream.finalResponse()).output_text, whole.output_text);
  });

  test("call functions, and take what these gave", async () => {
    const tool = {
      type: "function" as const,
      name: "look",
      strict: true,
      parameters: { type: "object", properties: { n: { enum: [1, 2] } }, required: ["n"], additionalProperties: false },
    };
    const called = await client.responses.create({
      ...ask,
      max_output_tokens: 100,
      tools: [tool],
      tool_choice: "required",
    });
    const [call] = called.output;
    assert.ok(call?.type === "function_call" && call.name === "look");
    assert.ok([1, 2].includes(JSON.parse(call.arguments).n));
    const stream = client.responses.stream({
      ...ask,
      max_output_tokens: 100,
      tools: [tool],
      tool_choice: { type: "function", name: "look" },
    });
    const [streamed] = (await stream.finalResponse()).output;
    assert.ok(streamed?.type === "function_call" && streamed.arguments === call.arguments);
    const next = await client.responses.create({
      ...ask,
      input: [
        { role: "user", content: "the cat" },
        call,
        { type: "function_call_output", call_id: call.call_id, output: "2" },
        { role: "user", content: [{ type: "input_text", text: "and?" }] },
      ],
    });
    assert.equal(next.output[0]!.type, "message");
  });

  test("name the field that is wrong in their own words", async () => {
    const cases: readonly [body: object, param: string][] = [
      [{ previous_response_id: "resp_1" }, "previous_response_id"],
      [{ input: [] }, "input"],
      [{ input: [{ role: "robot", content: "x" }] }, "input[0].role"],
      [{ max_output_tokens: 0 }, "max_output_tokens"],
      [{ text: { format: { type: "xml" } } }, "text.format.type"],
      [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
      [{ background: true }, "background"],
      [{ input: [{ type: "image_generation_call" }] }, "input[0].type"],
    ];
    for (const [body, param] of cases)
      await assert.rejects(client.responses.create({ ...ask, ...body } as never), { status: 400, param });
  });
});
