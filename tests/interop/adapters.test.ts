import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { merge } from "../../src/generate/merge.ts";
import { host } from "../../src/host/node.ts";
import type { AdapterConfig } from "../../src/weights/adapter-config.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { randomAdapter } from "../helpers/adapters.ts";
import { ndArray } from "../helpers/reference-array.ts";
import { logitsOf, openFolder } from "../helpers/reference-engine.ts";
import { distance, readArrays } from "../helpers/reference-models.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const VARIANTS = ["lora", "all", "rslora", "dora", "patterns"];
const NAMES = [
  ...["llama", "gpt2", "qwen2", "gemma"].flatMap((base) => VARIANTS.map((variant) => `${base}--${variant}`)),
  ...["saved", "head", "embedding", "table", "tied", "dora-embedding"].map((variant) => `llama-tied--${variant}`),
  ...["saved", "head", "embedding", "dora-embedding"].map((variant) => `llama--${variant}`),
  ...["saved", "tied", "bias", "lora-bias", "embedding"].map((variant) => `gpt2--${variant}`),
];

const root = mkdtempSync(path.join(tmpdir(), "ownlm-adapters-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Why the tests are skipped, or false; asked once. */
let skip: string | false = skipWithoutPython || skipWithoutRuntime;
if (!skip && runPython("adapters.py", ["make", root]) === "missing")
  skip = "OWNLM_PYTHON has no peft: see bench/peers/requirements.txt";

describe("adapters that peft wrote", { skip }, () => {
  before(() => assert.deepEqual(runPython("adapters.py", ["make", root, ...NAMES]), NAMES));

  for (const name of NAMES)
    test(`${name}: merged into their base, have peft's logits`, async () => {
      const at = (part: string) => path.join(root, name, part);
      await merge(host, at("base"), [at("adapter")], { out: at("merged") });
      const expected = readArrays(at("expected.safetensors"));
      const [logits, plain] = [expected.get("logits")!, expected.get("plain")!];
      using engine = await openFolder(at("merged"));
      const ours = ndArray(logits.shape, (await logitsOf(engine, [...expected.get("ids")!.data])).flat());
      assert.ok(distance(logits, plain) > 0.1, "the adapter changes nothing");
      const most = logits.data.reduce((max, x) => Math.max(max, Math.abs(x)), 1);
      const error = distance(ours, logits);
      assert.ok(error < 1e-5 * most, `the logits differ by ${error} of ${most}`);
    });
});

describe("adapters that peft wrote, in memory", { skip }, () => {
  for (const name of NAMES)
    test(`${name}: have peft's logits over their base`, async () => {
      const at = (part: string) => path.join(root, name, part);
      const expected = readArrays(at("expected.safetensors"));
      using opened = await openModel(host, runtime!, at("base"), { adapter: [at("adapter")], threads: 1 });
      using loan = opened.borrow();
      const logits = expected.get("logits")!;
      const ours = ndArray(logits.shape, (await logitsOf(loan.engine, [...expected.get("ids")!.data])).flat());
      const most = logits.data.reduce((max, x) => Math.max(max, Math.abs(x)), 1);
      const error = distance(ours, logits);
      assert.ok(error < 1e-5 * most, `the logits differ by ${error} of ${most}`);
    });
});

/** Every tensor of a safetensors file as bytes, by name. */
function bytesOf(file: string): Map<string, Uint8Array> {
  const { tensors } = readSafetensors(host, file);
  return new Map([...tensors].map(([name, { offset, length }]) => [name, host.readBytes(file, offset, length)]));
}

const WRITTEN: readonly (readonly [says: string, base: string, config: Partial<AdapterConfig>])[] = [
  ["LoRA of Llama", "llama", { targets: ["q_proj", "down_proj"] }],
  ["rsLoRA of Qwen 2", "qwen2", { targets: ["v_proj", "up_proj"], rsLora: true }],
  ["DoRA of GPT-2", "gpt2", { targets: ["c_attn", "c_fc"], dora: true, fanInFanOut: true }],
  ["DoRA of Gemma", "gemma", { targets: ["k_proj", "gate_proj"], dora: true }],
  ["a whole embedding that is the head too", "llama-tied", { targets: ["o_proj"], modulesToSave: ["embed_tokens"] }],
  ["ranks and alphas by pattern", "llama", { targets: ["q_proj"], rankPattern: { "layers.1.q_proj": 7 } }],
];

describe("adapters that ownlm wrote", { skip }, () => {
  const ids = [5, 41, 9, 22, 60, 2, 13, 0, 31];
  before(() => {
    const bases = [...new Set(WRITTEN.map(([, base]) => `${base}--lora`))];
    assert.deepEqual(runPython("adapters.py", ["make", root, ...bases]), bases);
  });

  /** How far the logits of merged folders are from peft's of the adapters. */
  async function difference(base: string, adapters: readonly string[], weights?: readonly number[], save?: string) {
    const theirs = runPython("adapters.py", ["check", base, ...adapters], JSON.stringify({ ids, weights, save }));
    const out = path.join(root, `merged-${path.basename(adapters.at(-1)!)}-${weights?.length ?? 0}`);
    await merge(host, base, adapters, { out, ...(weights && { weights: weights.map(String) }) });
    using engine = await openFolder(out);
    const ours = await logitsOf(engine, ids);
    return Math.max(...ours.flatMap((row, i) => row.map((x, j) => Math.abs(x - (theirs as number[][])[i]![j]!))));
  }

  for (const [i, [says, base, config]] of WRITTEN.entries())
    test(`${says}: load in peft with equal logits, and come back with equal bytes`, async () => {
      const at = path.join(root, `${base}--lora`, "base");
      const folder = randomAdapter(path.join(root, `written-${i}`), at, config, i);
      const again = path.join(root, `again-${i}`);
      const error = await difference(at, [folder], undefined, again);
      assert.ok(error < 1e-4, `the logits differ by ${error}`);
      assert.deepEqual(
        bytesOf(path.join(again, "a0", "adapter_model.safetensors")),
        bytesOf(path.join(folder, "adapter_model.safetensors")),
      );
    });

  test("several: their weighted sum is peft's", async () => {
    const at = path.join(root, "llama--lora", "base");
    const folders = [1, 2, 3].map((n) =>
      randomAdapter(path.join(root, `sum-${n}`), at, { rank: n, targets: ["q_proj", "up_proj"] }, n),
    );
    const error = await difference(at, folders, [0.5, 1, -0.25]);
    assert.ok(error < 1e-4, `the logits differ by ${error}`);
  });
});
