import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, serverOf } from "../serve/servers.ts";

/** A folder where tests/interop/clients/package.json was installed: the packages are too large for everybody's. */
const root = process.env.OWNLM_CLIENTS;
const skip = skipWithoutRuntime || (!root && "OWNLM_CLIENTS names no folder with the clients of tests/interop/clients");

const TEMPLATE =
  "{% if tools %}{% for t in tools %}{{ t.function.name }}<tool_call>{% endfor %}{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>";

// biome-ignore lint/suspicious/noExplicitAny: the packages are not installed where this is compiled
type Module = any;

const load = async (name: string): Promise<Module> => {
  const resolve = createRequire(path.join(path.resolve(root!), "package.json")).resolve;
  return await import(pathToFileURL(resolve(name)).href);
};

describe("clients as they are", { skip }, async () => {
  if (skip) return;
  const folder = chatFolder({ context: 1024 });
  writeFileSync(path.join(folder, "chat_template.jinja"), TEMPLATE);
  const server = await serverOf(folder);
  const baseURL = `${(await server.listen()).url}/v1`;
  const { z } = await load("zod");
  const given = { maxRetries: 0, temperature: 0 };
  const form = z.object({ a: z.enum(["x", "y"]), n: z.number().int().min(0).max(9) });
  const isForm = (value: { a: string; n: number }) => ["x", "y"].includes(value.a) && value.n >= 0 && value.n <= 9;

  test("the Vercel AI SDK writes, streams, makes objects, calls functions and embeds", async () => {
    const ai = await load("ai");
    const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
    const provider = createOpenAICompatible({
      name: "ownlm",
      baseURL,
      supportsStructuredOutputs: true,
      includeUsage: true,
    });
    const ask = { ...given, model: provider("tiny"), prompt: "the cat" };
    const { text, usage, finishReason } = await ai.generateText({ ...ask, maxOutputTokens: 8 });
    assert.deepEqual([usage.outputTokens, finishReason], [8, "length"]);
    const stream = ai.streamText({ ...ask, maxOutputTokens: 8 });
    let streamed = "";
    for await (const piece of stream.textStream) streamed += piece;
    assert.equal(streamed, text);
    assert.ok(isForm((await ai.generateObject({ ...ask, schema: form })).object));
    const tools = { look: ai.tool({ description: "Looks", inputSchema: form }) };
    const { toolCalls } = await ai.generateText({ ...ask, tools, toolChoice: "required" });
    assert.ok(toolCalls[0].toolName === "look" && isForm(toolCalls[0].input));
    const calling = ai.streamText({ ...ask, tools, toolChoice: "required" });
    await calling.consumeStream();
    assert.deepEqual((await calling.toolCalls)[0].input, toolCalls[0].input);
    const { embedding } = await ai.embed({
      model: provider.textEmbeddingModel("tiny"),
      value: "the cat",
      maxRetries: 0,
    });
    assert.equal(embedding.length, 32);
  });

  test("LangChain's ChatOpenAI writes, streams and keeps to a form, by chats and by responses", async () => {
    const { ChatOpenAI } = await load("@langchain/openai");
    const chat = (more: object) =>
      new ChatOpenAI({ ...given, model: "tiny", apiKey: "none", configuration: { baseURL }, ...more });
    const short = chat({ maxTokens: 8 });
    const { content } = await short.invoke("the cat");
    let streamed = "";
    for await (const piece of await short.stream("the cat")) streamed += piece.content;
    assert.equal(streamed, content);
    for (const method of ["jsonSchema", "functionCalling"])
      assert.ok(isForm(await chat({}).withStructuredOutput(form, { method, name: "form" }).invoke("the cat")));
    const [part] = (await chat({ maxTokens: 8, useResponsesApi: true }).invoke("the cat")).content;
    assert.equal(part.text, content);
  });
});
