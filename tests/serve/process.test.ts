import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder } from "./servers.ts";

const main = path.join(repoRoot, "dist/src/cli/main.js");

/** Starts the real program; resolves with its first line. */
async function started(args: readonly string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, "serve", ...args], { env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let out = "";
  const first = await new Promise<string>((resolve, reject) => {
    child.stdout!.setEncoding("utf8").on("data", (piece) => {
      out += piece;
      if (out.includes("\n")) resolve(out.split("\n")[0]!);
    });
    void ended.then(() => reject(new Error("it ended before it listened")));
  });
  return { child, first, ended, output: () => out };
}

describe("ownlm serve", { skip: skipWithoutRuntime }, async () => {
  const folder = chatFolder();

  test("prints one address, lets running answers end when it is told to stop, and ends", async () => {
    const { child, first, ended } = await started([folder, "--port", "0", "--alias", "tiny"]);
    const [, url] = /^tiny: (http:\/\/127\.0\.0\.1:\d+\/v1)$/.exec(first)!;
    const client = new OpenAI({ baseURL: url!, apiKey: "none", maxRetries: 0 });
    const stream = await client.completions.create({
      model: "tiny",
      prompt: "the",
      max_tokens: 200,
      stream: true,
      logit_bias: { 0: -100 },
    });
    let chunks = 0;
    let finish: string | null = null;
    for await (const { choices } of stream) {
      if (++chunks === 2) child.kill("SIGTERM");
      finish = choices[0]?.finish_reason ?? finish;
    }
    assert.equal(finish, "length");
    assert.equal(await ended, 0);
    await assert.rejects(client.models.list());
  });

  test("asks for a key where one is set, tells probes its health without, and logs in JSON", async () => {
    const { child, first, ended, output } = await started([folder, "--port", "0", "--json"], {
      OWNLM_API_KEYS: "k1, k2",
    });
    const { event, url } = JSON.parse(first);
    assert.equal(event, "listening");
    assert.equal((await fetch(`${url}/v1/models`)).status, 401);
    assert.equal((await fetch(`${url}/v1/models`, { headers: { authorization: "Bearer k2" } })).status, 200);
    assert.equal((await fetch(`${url}/health`)).status, 200);
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
    const entries = output()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      entries.filter((entry) => entry.event === "request").map(({ status }) => status),
      [401, 200, 200],
    );
    assert.ok(!output().includes("k2"));
  });
});
