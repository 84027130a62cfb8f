import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { createLibrary } from "../../src/generate/library.ts";
import { host } from "../../src/host/node.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

describe("the official client", { skip: skipWithoutRuntime }, async () => {
  const folder = chatFolder();
  const server = await serverOf(folder);
  const remote = clientOf(server);
  const { url } = await server.listen();
  const overSocket = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const local = clientOf(await serverOf(folder, { inProcess: true }));
  const greedy = { model: "tiny", temperature: 0, max_tokens: 12 } as const;
  const chat = { ...greedy, messages: [{ role: "user", content: "the cat" }] } as const satisfies object;

  for (const [how, client] of [
    ["in process", remote],
    ["over a socket", overSocket],
    ["with the engine in this process", local],
  ] as const) {
    test(`gets the text of ownlm generate, ${how}`, async () => {
      const expected = await createLibrary(host).generate(folder, "the cat", { temperature: 0, maxNewTokens: 12 });
      const { choices, usage, object } = await client.completions.create({ ...greedy, prompt: "the cat" });
      assert.equal(object, "text_completion");
      assert.equal(choices[0]!.text, expected.text);
      assert.equal(choices[0]!.finish_reason, expected.finishReason);
      assert.equal(usage!.prompt_tokens, expected.promptIds.length);
      assert.equal(usage!.completion_tokens, expected.ids.length);
      const byIds = await client.completions.create({ ...greedy, prompt: [...expected.promptIds] });
      assert.equal(byIds.choices[0]!.text, expected.text);
    });

    test(`reads a chat's stream as its whole, ${how}`, async () => {
      const whole = await client.chat.completions.create({ ...chat, messages: [...chat.messages] });
      const stream = await client.chat.completions.create({
        ...chat,
        messages: [...chat.messages],
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      const deltas = chunks.flatMap(({ choices }) => choices);
      assert.equal(deltas.map(({ delta }) => delta.content ?? "").join(""), whole.choices[0]!.message.content);
      assert.deepEqual(
        deltas.map(({ delta }) => delta.role).filter((role) => role !== undefined),
        ["assistant"],
      );
      assert.equal(deltas.at(-1)!.finish_reason, whole.choices[0]!.finish_reason);
      assert.ok(deltas.slice(0, -1).every(({ finish_reason }) => finish_reason === null));
      const { prompt_tokens_details, ...usage } = chunks.at(-1)!.usage!;
      assert.deepEqual({ ...usage, prompt_tokens_details: whole.usage!.prompt_tokens_details }, whole.usage);
      assert.equal(prompt_tokens_details!.cached_tokens, usage.prompt_tokens - 1);
      assert.deepEqual(chunks.at(-1)!.choices, []);
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    });
  }

  test("gets several choices of several prompts in their order, and the prompt back", async () => {
    const { choices, usage } = await remote.completions.create({
      model: "tiny",
      prompt: ["the cat", "the dog"],
      n: 2,
      echo: true,
      temperature: 1,
      seed: 5,
      max_tokens: 4,
    });
    assert.deepEqual(
      choices.map(({ index, text }) => [index, text.slice(0, 7)]),
      [
        [0, "the cat"],
        [1, "the cat"],
        [2, "the dog"],
        [3, "the dog"],
      ],
    );
    const alone = await createLibrary(host).generate(folder, "the cat", {
      numReturnSequences: 2,
      temperature: 1,
      seed: 5,
      maxNewTokens: 4,
    });
    assert.deepEqual(
      choices.slice(0, 2).map(({ text }) => text),
      alone.sequences!.map(({ text }) => `the cat${text}`),
    );
    assert.ok(usage!.completion_tokens <= 16);
  });

  test("stops at a stop string, and before it", async () => {
    const whole = await remote.completions.create({ ...greedy, prompt: "the cat" });
    const stop = whole.choices[0]!.text.slice(3, 5);
    const cut = await remote.completions.create({ ...greedy, prompt: "the cat", stop });
    assert.equal(cut.choices[0]!.finish_reason, "stop");
    assert.equal(cut.choices[0]!.text, whole.choices[0]!.text.slice(0, whole.choices[0]!.text.indexOf(stop)));
  });

  test("lists the model", async () => {
    const names = [];
    for await (const { id } of remote.models.list()) names.push(id);
    assert.deepEqual(names, ["tiny"]);
    assert.equal((await remote.models.retrieve("tiny")).id, "tiny");
  });

  test("is told which field is wrong", async () => {
    const cases: readonly [body: object, status: number, param: string | null][] = [
      [{ model: "other" }, 404, "model"],
      [{ temperature: 3 }, 400, "temperature"],
      [{ top_p: "high" }, 400, "top_p"],
      [{ max_tokens: 0 }, 400, "max_tokens"],
      [{ n: 1000 }, 400, "n"],
      [{ stop: [""] }, 400, "stop[0]"],
      [{ messages: [] }, 400, "messages"],
      [{ messages: [{ role: "robot", content: "x" }] }, 400, "messages[0].role"],
      [{ messages: [{ role: "user", content: 5 }] }, 400, "messages[0].content"],
      [{ messages: [{ role: "user", content: [{ type: "image_url" }] }] }, 400, "messages[0].content[0].type"],
      [{ stream_options: { include_usage: true } }, 400, "stream_options"],
      [{ response_format: { type: "xml" } }, 400, "response_format.type"],
      [{ temprature: 1 }, 400, "temprature"],
      [{ messages: [{ role: "user", content: "cat ".repeat(500) }] }, 400, "prompt"],
    ];
    for (const [body, status, param] of cases)
      await assert.rejects(remote.chat.completions.create({ ...chat, ...body } as never), (error: unknown) => {
        assert.ok(error instanceof OpenAI.APIError, String(error));
        assert.deepEqual([error.status, error.param], [status, param], error.message);
        return true;
      });
  });
});
