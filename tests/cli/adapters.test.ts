import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import { modelFolder, temporaryFolder } from "../generate/folders.ts";
import { randomAdapter } from "../helpers/adapters.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { ownlm } from "./world.ts";

describe("verbs and adapters", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const [a, b] = ["a", "b"].map((name, i) =>
    randomAdapter(path.join(temporaryFolder(), name), folder, { targets: ["q_proj", "up_proj"], baseModel: folder }, i),
  ) as [string, string];
  const GREEDY = ["-n", "6", "-t", "0", "--json"];
  const idsOf = async (...args: string[]) => (await ownlm(["generate", ...args, ...GREEDY])).json().ids;

  test("generate takes an adapter's folder, and adapters beside a model by name", async () => {
    const [alone, base] = [await idsOf(a, "the cat"), await idsOf(folder, "the cat")];
    assert.notDeepEqual(alone, base);
    const beside = ["--adapter", a, "--adapter", `other=${b}`];
    assert.deepEqual(await idsOf(folder, "the cat", ...beside), alone);
    assert.deepEqual(await idsOf(folder, "the cat", ...beside, "--adapter-name", "other"), await idsOf(b, "the cat"));
    assert.deepEqual(await idsOf(folder, "the cat", ...beside, "--adapter-name", "none"), base);
    const wrong = await ownlm(["generate", folder, "the cat", ...beside, "--adapter-name", "c"]);
    assert.deepEqual([wrong.status, /got "c", expected one of a, other/.test(wrong.stderr)], [2, true]);
  });

  test("score, next and --prompts take them too", async () => {
    const score = async (...args: string[]) => (await ownlm(["score", ...args, "--json"])).json().logprob;
    assert.equal(await score(folder, "the cat sat", "--adapter", a), await score(a, "the cat sat"));
    assert.notEqual(await score(folder, "the cat sat"), await score(a, "the cat sat"));
    const next = async (...args: string[]) => (await ownlm(["next", ...args, "--json"])).stdout;
    assert.equal(await next(folder, "the", "--adapter", a), await next(a, "the"));
    const prompts = path.join(temporaryFolder(), "prompts.jsonl");
    writeFileSync(prompts, '{"prompt":"the cat"}\n{"prompt":"the dog sat"}\n');
    const each = async (...args: string[]) =>
      (await ownlm(["generate", ...args, "--prompts", prompts, ...GREEDY])).stdout;
    assert.equal(await each(folder, "--adapter", a, "--adapter", b, "--adapter-name", "b"), await each(b));
  });

  test("merge gives a model that goes on as the adapter does", async () => {
    const out = path.join(temporaryFolder(), "merged");
    const { stdout } = await ownlm(["merge", a, "--out", out]);
    assert.match(stdout, /^4 of \d+ weights changed, .*\nYour model is in .*merged\. Try: ownlm generate/);
    assert.deepEqual(await idsOf(out, "the cat"), await idsOf(a, "the cat"));
    const both = await ownlm(["merge", folder, a, b, "--weights", "0.5,-1", "--out", `${out}2`, "--json"]);
    assert.deepEqual(both.json().adapters, [
      { folder: a, share: 0.5 },
      { folder: b, share: -1 },
    ]);
    const wrong = await ownlm(["merge", folder, a, b, "--weights", "0.5", "--out", `${out}3`]);
    assert.match(wrong.stderr, /--weights: got 1 for 2 adapters/);
  });

  test("export writes an adapter in its base, into a folder that is not there yet, with a Modelfile", async () => {
    const gguf = path.join(temporaryFolder(), "new", "x.gguf");
    const result = (await ownlm(["export", a, "--gguf", gguf, "--type", "q8_0", "--modelfile", "--json"])).json();
    assert.deepEqual([result.file, result.modelfile], [gguf, path.join(path.dirname(gguf), "Modelfile")]);
    assert.deepEqual(host.listFolder(path.dirname(gguf)), ["Modelfile", "x.gguf"]);
  });

  test("verbs that need a whole model say what to do with an adapter", async () => {
    const { stderr } = await ownlm(["quantize", a, "--out", path.join(temporaryFolder(), "q")]);
    assert.match(stderr, /is an adapter, .* ownlm merge/);
  });
});
