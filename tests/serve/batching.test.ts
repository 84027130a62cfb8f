import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

const PROMPTS = ["the cat", "the dog sat on the mat; ".repeat(6), "Once", "Once upon a time there was", "on the mat"];

describe("texts made together", { skip: skipWithoutRuntime }, async () => {
  const folder = chatFolder();
  const server = await serverOf(folder, { slots: 3 });
  const client = clientOf(server);
  const health = async () => (await (await server.fetch("http://localhost/health")).json()).models.tiny;

  test("are those made alone, whatever they share a step with", async () => {
    const bodies = PROMPTS.flatMap((prompt, i) => [
      { model: "tiny", prompt, temperature: 0, max_tokens: 8 + 3 * i },
      { model: "tiny", prompt, temperature: 1, seed: i, max_tokens: 5 + i, top_p: 0.9, presence_penalty: 0.5 },
    ]);
    const alone = [];
    for (const body of bodies) alone.push((await client.completions.create(body)).choices);
    const together = await Promise.all(bodies.map((body) => client.completions.create(body)));
    assert.deepEqual(
      together.map(({ choices }) => choices),
      alone,
    );
  });

  test("know the beginning that they share with an earlier text", async () => {
    const prompt = "the cat sat on the mat; the dog sat on the cat.";
    const first = await client.completions.create({ model: "tiny", prompt, temperature: 0, max_tokens: 5 });
    const second = await client.completions.create({ model: "tiny", prompt, temperature: 0, max_tokens: 5 });
    assert.deepEqual(second.choices, first.choices);
    assert.equal(second.usage!.prompt_tokens_details!.cached_tokens, second.usage!.prompt_tokens - 1);
  });

  test("know the beginning that they share with a text under way", async () => {
    const prompt = "the dog sat on the cat; the cat sat on the mat.";
    const ask = { model: "tiny", temperature: 0, logit_bias: { 0: -100 } };
    const slow = await client.completions.create({ ...ask, prompt, max_tokens: 150, stream: true });
    await slow[Symbol.asyncIterator]().next();
    const longer = `${prompt} Once`;
    const { choices, usage } = await client.completions.create({ ...ask, prompt: longer, max_tokens: 4 });
    assert.ok(usage!.prompt_tokens_details!.cached_tokens! > usage!.prompt_tokens / 2);
    slow.controller.abort();
    const again = await client.completions.create({ ...ask, prompt: longer, max_tokens: 4 });
    assert.deepEqual(again.choices, choices);
  });

  test("end when their client goes away, and their slots are free", async () => {
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const streams = await Promise.all(
      controllers.map(({ signal }) =>
        client.completions.create(
          { model: "tiny", prompt: "the cat", max_tokens: 200, temperature: 0, stream: true, logit_bias: { 0: -100 } },
          { signal },
        ),
      ),
    );
    for (const stream of streams) await stream[Symbol.asyncIterator]().next();
    for (const controller of controllers) controller.abort();
    for (let waitedMs = 0; (await health()).running > 0; waitedMs += 10) {
      assert.ok(waitedMs < 5000, "slots are not free after 5 s");
      await sleep(10);
    }
    assert.deepEqual(await health(), { running: 0, waiting: 0, slots: 3 });
  });

  test("wait in line, and are turned away where it is full", async () => {
    const small = await serverOf(folder, { slots: 1, queue: 2 });
    const ask = () => clientOf(small).completions.create({ model: "tiny", prompt: "the cat", max_tokens: 100 });
    const all = await Promise.allSettled(Array.from({ length: 8 }, ask));
    const refused = all.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    assert.ok(all.some(({ status }) => status === "fulfilled"));
    assert.ok(refused.length >= 1);
    assert.ok(refused.every(({ reason }) => reason.status === 503 && reason.code === "busy"));
  });

  test("tell log P of each token and of the prompt's, as ownlm score does", async () => {
    const { AutoModelForCausalLM, AutoTokenizer } = await import("../../src/index.ts");
    using model = await AutoModelForCausalLM.fromPretrained(folder);
    const tokenizer = await AutoTokenizer.fromPretrained(folder);
    const prompt = tokenizer.encode("the cat sat on the mat");
    const { choices } = await client.completions.create({
      model: "tiny",
      prompt,
      temperature: 0,
      max_tokens: 3,
      logprobs: 2,
      echo: true,
    });
    const { token_logprobs, top_logprobs, tokens, text_offset } = choices[0]!.logprobs!;
    assert.equal(token_logprobs!.length, prompt.length + 3);
    assert.equal(token_logprobs![0], null);
    assert.equal(tokens!.slice(0, prompt.length).join(""), "the cat sat on the mat");
    assert.equal(text_offset![1], tokens![0]!.length);
    const { ids } = await model.generate(prompt, { maxNewTokens: 3 });
    const scored = await model.score([...prompt, ...ids]);
    for (const [i, logprob] of scored.logprobs.entries())
      if (logprob !== null) assert.ok(Math.abs(logprob - token_logprobs![i]!) < 1e-4, `token ${i}`);
    // The most probable token was taken.
    for (const [i, top] of top_logprobs!.slice(prompt.length).entries())
      assert.equal(Math.max(...Object.values(top!)), token_logprobs![prompt.length + i]);
  });

  test("tell log P in a chat, with the bytes of each token", async () => {
    const ask = { model: "tiny", messages: [{ role: "user" as const, content: "hi" }], temperature: 0, max_tokens: 4 };
    const { choices } = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 3 });
    const content = choices[0]!.logprobs!.content!;
    assert.equal(content.length, 4);
    for (const { logprob, top_logprobs, bytes, token } of content) {
      assert.equal(top_logprobs.length, 3);
      assert.equal(top_logprobs[0]!.logprob, logprob);
      assert.equal(new TextDecoder().decode(Uint8Array.from(bytes!)), token);
    }
    const stream = await client.chat.completions.create({ ...ask, logprobs: true, top_logprobs: 3, stream: true });
    const streamed = [];
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    // What is known of the prompt is not read again: the last bits differ.
    assert.deepEqual(
      streamed.map(({ token }) => token),
      content.map(({ token }) => token),
    );
    for (const [i, { logprob }] of streamed.entries()) assert.ok(Math.abs(logprob - content[i]!.logprob) < 1e-4);
  });

  test("follow logit_bias, and a schema", async () => {
    const biased = await client.completions.create({
      model: "tiny",
      prompt: "the",
      max_tokens: 4,
      logit_bias: { 65: 100 },
    });
    assert.equal(new Set(biased.choices[0]!.text).size, 1);
    const answer = await client.chat.completions.create({
      model: "tiny",
      messages: [{ role: "user", content: "a cat" }],
      temperature: 0,
      max_tokens: 60,
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "cat",
          schema: {
            type: "object",
            properties: { lives: { enum: [7, 9] } },
            required: ["lives"],
            additionalProperties: false,
          },
        },
      },
    });
    assert.equal(answer.choices[0]!.finish_reason, "stop");
    assert.ok([7, 9].includes(JSON.parse(answer.choices[0]!.message.content!).lives));
  });
});
