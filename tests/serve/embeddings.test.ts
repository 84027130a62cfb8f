import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

describe("embeddings", { skip: skipWithoutRuntime }, async () => {
  const client = clientOf(await serverOf(chatFolder()));

  test("are of length 1, the same in numbers and in bytes, for texts and ids", async () => {
    const input = ["the cat sat", "Once upon a time"];
    const floats = await client.embeddings.create({ model: "tiny", input, encoding_format: "float" });
    // The client asks for bytes by itself.
    const bytes = await client.embeddings.create({ model: "tiny", input });
    assert.deepEqual(
      bytes.data.map(({ embedding }) => Array.from(embedding)),
      floats.data.map(({ embedding }) => embedding),
    );
    assert.deepEqual(
      floats.data.map(({ index }) => index),
      [0, 1],
    );
    const norm = Math.hypot(...floats.data[0]!.embedding);
    assert.ok(Math.abs(norm - 1) < 1e-6);
    assert.notDeepEqual(floats.data[0]!.embedding, floats.data[1]!.embedding);
    const { tokens } = (await await client.post("/../tokenize", { body: { prompt: input[0] } })) as {
      tokens: number[];
    };
    const byIds = await client.embeddings.create({ model: "tiny", input: tokens, encoding_format: "float" });
    assert.deepEqual(byIds.data[0]!.embedding, floats.data[0]!.embedding);
    assert.equal(byIds.usage.prompt_tokens, tokens.length);
  });

  test("refuse what cannot be by the field", async () => {
    const cases: readonly [body: object, param: string][] = [
      [{ input: [] }, "input"],
      [{ input: ["a", 5] }, "input[1]"],
      [{ input: "a", dimensions: 5 }, "dimensions"],
      [{ input: "a", encoding_format: "int8" }, "encoding_format"],
      [{ input: ["a", "cat ".repeat(400)] }, "input[1]"],
    ];
    for (const [body, param] of cases)
      await assert.rejects(client.embeddings.create({ model: "tiny", ...body } as never), { status: 400, param });
  });
});
