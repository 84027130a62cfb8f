import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { createLibrary } from "../../src/generate/library.ts";
import { ownlm } from "../cli/world.ts";
import { modelFolder } from "../generate/folders.ts";
import type { Files } from "../helpers/hub-server.ts";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { hubWorld, type Variables } from "./world.ts";

/** Every file of a folder. */
const filesOf = (folder: string): Files =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name))]));

/** Runs a compiled program of the repository to its end. */
function program(
  file: string,
  args: readonly string[],
  variables: Variables,
): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, HF_HUB_OFFLINE: "", ...variables };
  const child = spawn(process.execPath, [path.join(repoRoot, file), ...args], { env, cwd: variables.HF_HOME });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => {
    said.stdout += text;
  });
  child.stderr.on("data", (text) => {
    said.stderr += text;
  });
  return new Promise((resolve) => child.on("close", () => resolve(said)));
}

describe("the page that started it all", { skip: skipWithoutRuntime }, () => {
  test('loads "gpt2" by name, encodes, generates 5 tokens, decodes and prints, online and then without', async () => {
    await using world = await hubWorld();
    const folder = modelFolder("gpt2");
    world.server.commit("gpt2", { ...filesOf(folder), "pytorch_model.bin": "x" });
    const { AutoModelForCausalLM, AutoTokenizer } = createLibrary(world.host);
    using local = await AutoModelForCausalLM.fromPretrained(folder);
    const tokenizer = await AutoTokenizer.fromPretrained(folder);
    const inputIds = tokenizer.encode("The capital of France is");
    const { ids } = await local.generate(inputIds, { maxNewTokens: 5 });
    const expected = `${tokenizer.decode([...inputIds, ...ids])}\n`;
    const online = await program("dist/examples/page.js", [], world.variables);
    assert.deepEqual(online, { stdout: expected, stderr: "" });
    await world.server.close();
    const offline = await program("dist/examples/page.js", [], { ...world.variables, HF_HUB_OFFLINE: "1" });
    assert.deepEqual(offline, { stdout: expected, stderr: "" });
  });

  test("stands in the README as it runs", () => {
    const [, page = ""] = readFileSync(path.join(repoRoot, "examples/page.ts"), "utf8").split('index.ts";');
    const readme = readFileSync(path.join(repoRoot, "README.md"), "utf8");
    const lines = page
      .split("\n")
      .slice(2)
      .filter((line) => line !== "" && !line.startsWith("const name"));
    for (const line of lines) assert.ok(readme.includes(line.replaceAll("(name)", '("gpt2")')), line);
  });
});

describe("verbs", { skip: skipWithoutRuntime }, () => {
  test("take a hub's id wherever they take a model", async () => {
    await using world = await hubWorld();
    const folder = modelFolder("llama");
    world.server.commit("me/tiny", filesOf(folder));
    const run = (...args: string[]) => ownlm(args, { host: world.host });
    const made = await run("generate", "me/tiny", "the cat", "-n", "3", "--seed", "1", "--json");
    assert.equal(made.status, 0, made.stdout);
    assert.deepEqual(
      made.json(),
      (await run("generate", folder, "the cat", "-n", "3", "--seed", "1", "--json")).json(),
    );
    for (const args of [
      ["score", "me/tiny", "the cat"],
      ["next", "me/tiny", "the cat"],
      ["tokenize", "me/tiny", "the cat"],
      ["quantize", "me/tiny", "--bits", "8", "--out", path.join(world.root, "small")],
      ["export", "me/tiny", "--gguf", path.join(world.root, "tiny.gguf")],
    ]) {
      const { status, stderr } = await run(...args);
      assert.deepEqual([status, stderr.includes("ownlm:")], [0, false], `${args.join(" ")}: ${stderr}`);
    }
  });

  test("show a pull as plain lines in a pipe, and as JSON lines for programs", async () => {
    await using world = await hubWorld();
    world.server.commit("me/tiny", { "a.json": "{}", "model.safetensors": "x".repeat(100_000) });
    const run = (...args: string[]) => ownlm(args, { host: world.host });
    const json = await run("pull", "me/tiny", "--json");
    const events = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(events.at(-1).event, "done");
    assert.deepEqual(
      events
        .slice(0, -1)
        .map(({ event }) => event)
        .filter((event) => event !== "progress"),
      [],
    );
    assert.equal(events.at(-2).doneBytes, 100_002);
    const again = await run("pull", "me/tiny");
    assert.match(again.stdout, /^me\/tiny at [0-9a-f]{12}: 2 files, 97\.7 KiB, all there already\n\//);
    assert.equal((await run("rm", "me/tiny")).stdout, "removed me/tiny: 97.7 KiB freed\n");
    const plain = await run("pull", "me/tiny");
    assert.match(plain.stderr, /me\/tiny: 100% of 97\.7 KiB, 2 of 2 files\n$/);
    assert.match(
      (await run("list")).stdout,
      /^id +type +size +files +revisions\nme\/tiny +model +97\.7 KiB +2 +main\n1 in the cache/,
    );
    assert.equal((JSON.parse((await run("list", "--json")).stdout) as unknown[]).length, 1);
    world.server.found = [
      { id: "org/a\u001b[2J", likes: 3, downloads: 1234, lastModified: "2026-01-01", config: { model_type: "llama" } },
    ];
    const found = await run("search", "a");
    assert.match(found.stdout, /org\/a.*1,234 +3 +2026-01-01 .*yes/);
    assert.ok(!found.stdout.includes("\u001b"));
  });
});
