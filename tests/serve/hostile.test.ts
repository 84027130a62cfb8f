import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import http from "node:http";
import net from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

/** Malformed requests to try. */
const RUNS = Number(process.env.OWNLM_FUZZ_RUNS ?? 300);

/** Fields that a body may have, each with values that are nearly right. */
const FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  model: ["tiny", "", "tiny\0", 5],
  messages: [
    [],
    [{ role: "user", content: "x" }],
    [{ role: "tool", content: "x" }],
    [{ role: "user", content: [{ type: "text" }] }],
    [{ role: "assistant", tool_calls: [{}] }],
  ],
  prompt: ["the", "", [1, 2], [[1], [2, -1]], [], ["a", 5], [1e9], [null]],
  tokens: [[1], [-1], [[]], "x"],
  content: ["the", 5],
  input: ["the", [1, 2]],
  max_tokens: [1, 2, 0, -1, 1e30, 1.5],
  max_completion_tokens: [1, 0],
  temperature: [0, 1, -1, 5, "1"],
  top_p: [0.5, 0, 2],
  top_k: [1, -1, 1e10],
  seed: [1, -1, 2 ** 60],
  n: [1, 2, 0, 1e6],
  stop: ["x", [], [""], Array(100).fill("a"), [["a"]]],
  stream: [true, false, "yes"],
  stream_options: [{ include_usage: true }, {}, [], { x: 1 }],
  logprobs: [true, 1, -1, 1000],
  top_logprobs: [1, 21],
  logit_bias: [{ 5: 1 }, { x: 1 }, { 999999999: 1 }, { 5: 1000 }, []],
  response_format: [
    { type: "json_object" },
    { type: "json_schema", json_schema: { name: "x", schema: { $ref: "#" } } },
    { type: "json_schema" },
    "json",
  ],
  tools: [[], [{}], [{ type: "function", function: { name: "f" } }], "none"],
  tool_choice: ["none", "auto", "required", {}, "x"],
  echo: [true],
  presence_penalty: [1, 3],
  __proto__x: [1],
  constructor: [1],
};
const PATHS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/tokenize",
  "/detokenize",
  "/apply-template",
  "/v1/responses",
  "/v1/embeddings",
];

const nearly = fc.record(
  Object.fromEntries(Object.entries(FIELDS).map(([name, values]) => [name, fc.constantFrom(...values)])),
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 6, arbitrary: nearly.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "[".repeat(50_000),
      '{"a":'.repeat(50_000),
      "",
      "\ud800",
      '{"messages":'.padEnd(9_000_000, "1"),
    ),
  },
  { weight: 1, arbitrary: nearly.map((value) => JSON.stringify(value).slice(0, -2)) },
);

describe("a server among enemies", { skip: skipWithoutRuntime }, async () => {
  const folder = chatFolder();
  const server = await serverOf(folder, { slots: 2 });
  const { url } = await server.listen();
  const port = Number(new URL(url).port);
  const load = async () => (await (await server.fetch("http://localhost/health")).json()).models.tiny;
  const works = async () => {
    const { choices } = await clientOf(server).completions.create({ model: "tiny", prompt: "the", max_tokens: 2 });
    assert.equal(choices.length, 1);
  };

  test(`answers ${RUNS} random requests with a status and OpenAI's error, never with a fault of its own`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), body, async (path, text) => {
        const headers = { "content-type": "application/json" };
        const response = await server.fetch(`http://localhost${path}`, { method: "POST", headers, body: text });
        const answer = await response.text();
        if (response.ok) return;
        const { error } = JSON.parse(answer);
        assert.equal(typeof error.message, "string");
        assert.ok([400, 404, 413, 503].includes(response.status), `${response.status} ${answer}`);
      }),
      { numRuns: RUNS },
    );
    await works();
  });

  test("frees the slots of clients that vanish in mid-stream", async () => {
    const vanish = () =>
      new Promise<void>((resolve) => {
        const request = http.request({
          port,
          method: "POST",
          path: "/v1/completions",
          headers: { "content-type": "application/json" },
        });
        request.on("response", (response) => response.once("data", () => request.destroy()));
        request.on("close", () => resolve());
        request.on("error", () => {});
        request.end(
          JSON.stringify({ prompt: "the", max_tokens: 200, stream: true, logit_bias: { 0: -100 }, temperature: 1 }),
        );
      });
    await Promise.all(Array.from({ length: 12 }, vanish));
    for (let waitedMs = 0; (await load()).running + (await load()).waiting > 0; waitedMs += 10) {
      assert.ok(waitedMs < 5000, `busy after 5 s: ${JSON.stringify(await load())}`);
      await sleep(10);
    }
    await works();
  });

  test("frees the slot of a client that does not wait for its whole answer", async () => {
    const request = http.request({
      port,
      method: "POST",
      path: "/v1/completions",
      headers: { "content-type": "application/json" },
    });
    request.on("error", () => {});
    request.end(JSON.stringify({ prompt: "the", max_tokens: 240, n: 20, temperature: 1, logit_bias: { 0: -100 } }));
    while ((await load()).running === 0) await sleep(1);
    request.destroy();
    for (let waitedMs = 0; (await load()).running + (await load()).waiting > 0; waitedMs += 10) {
      assert.ok(waitedMs < 5000, `busy after 5 s: ${JSON.stringify(await load())}`);
      await sleep(10);
    }
  });

  test("answers another client within 500 ms of one vanishing that had all slots and the line", async () => {
    const metrics = async () => (await server.fetch("http://localhost/metrics")).text();
    const ended = async () => {
      const counts = [...(await metrics()).matchAll(/^ownlm_texts_total\{.*\} (\d+)$/gm)].map(([, n]) => Number(n));
      return counts.reduce((sum, n) => sum + n, 0);
    };
    const takenMs: number[] = [];
    // A machine that does something else for a moment is asked again; a slot that is not given back never is in time.
    while (takenMs.length < 5 && !takenMs.some((ms) => ms < 500)) {
      const before = await ended();
      const request = http.request({
        port,
        method: "POST",
        path: "/v1/completions",
        headers: { "content-type": "application/json" },
      });
      request.on("error", () => {});
      request.end(JSON.stringify({ prompt: "the", max_tokens: 240, n: 100, temperature: 1, logit_bias: { 0: -100 } }));
      while ((await load()).running < 2) await sleep(1);
      const startMs = performance.now();
      request.destroy();
      while ((await load()).running + (await load()).waiting > 0) await sleep(1);
      await works();
      takenMs.push(performance.now() - startMs);
      assert.ok((await ended()) - before < 100, "the texts had ended by themselves");
    }
    assert.ok(
      takenMs.some((ms) => ms < 500),
      `took ${takenMs.map(Math.round).join(", ")} ms`,
    );
  });

  test("hangs up on who sends headers forever, and serves others meanwhile", async () => {
    const slow = Array.from({ length: 50 }, () => {
      const socket = net.connect(port);
      socket.on("error", () => {});
      socket.write("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n");
      const drip = setInterval(() => socket.write("x-slow: 1\r\n"), 500);
      return new Promise<void>((resolve) => {
        socket.on("close", () => {
          clearInterval(drip);
          resolve();
        });
      });
    });
    await works();
    await Promise.all(slow);
    await works();
  });

  test("serves others while a thousand connections say nothing", async () => {
    const idle = await Promise.all(
      Array.from({ length: 1000 }, () => {
        const socket = net.connect({ port });
        socket.on("error", () => {});
        return new Promise<net.Socket>((resolve) => socket.once("connect", () => resolve(socket)));
      }),
    );
    const answer = await fetch(`${url}/v1/models`);
    assert.equal(answer.status, 200);
    await works();
    for (const socket of idle) socket.destroy();
  });

  test("refuses what is no HTTP, too large headers and unknown methods", async () => {
    const say = (text: string) =>
      new Promise<string>((resolve) => {
        const socket = net.connect({ port }, () => socket.end(text));
        let answer = "";
        socket.on("data", (piece) => {
          answer += piece;
        });
        socket.on("close", () => resolve(answer));
        socket.on("error", () => resolve(answer));
      });
    assert.match(await say("\0\0\0\r\n\r\n"), /^(HTTP\/1.1 400|$)/);
    assert.match(await say(`GET / HTTP/1.1\r\nHost: localhost\r\nx: ${"a".repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431/);
    assert.match(await say("BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"), /^HTTP\/1.1 400/);
    assert.match(await say("GET / HTTP/1.1\r\nHost: evil\r\n\r\n"), /^HTTP\/1.1 403/);
    await works();
  });

  test("answers with an error when the engine is killed, and starts it anew", async () => {
    const children = execFileSync("pgrep", ["-P", String(process.pid), "-f", "engine-process"], { encoding: "utf8" });
    const pending = clientOf(server).completions.create({
      model: "tiny",
      prompt: "the",
      max_tokens: 240,
      n: 50,
      temperature: 1,
    });
    const ended = assert.rejects(pending, { status: 500, code: "runtime" });
    while ((await load()).running === 0) await sleep(1);
    for (const pid of children.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
    await ended;
    await works();
  });
});
