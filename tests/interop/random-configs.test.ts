import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { openEngine } from "../../src/generate/engine.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { ndArray } from "../helpers/reference.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { patternWeights } from "../helpers/reference-families.ts";
import { distance, readArrays } from "../helpers/reference-models.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** How many configs are drawn, and from which seed. */
const COUNT = Number(process.env.OWNLM_RANDOM_CONFIGS ?? 40);
const SEED = Number(process.env.OWNLM_SEED ?? 1);

test(`${COUNT} configs drawn at random give transformers' logits`, {
  skip: skipWithoutPython || skipWithoutRuntime,
}, async () => {
  const root = mkdtempSync(path.join(tmpdir(), "ownlm-configs-"));
  try {
    assert.equal(runPython("random_configs.py", [root, `${SEED}`, `${COUNT}`]), COUNT);
    for (let i = 0; i < COUNT; i++) {
      const text = readFileSync(path.join(root, `${i}`, "config.json"), "utf8");
      const model = modelFromConfig(JSON.parse(text), "config.json");
      const weights = patternWeights(model);
      const place = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;
      using engine = await openEngine(
        runtime!,
        model,
        { place },
        { chunk: [5, 1, 512][i % 3]!, session: { threads: 1 } },
      );
      const known = readArrays(path.join(root, `${i}`, "golden.safetensors"));
      const logits = known.get("logits")!;
      const rows = await logitsOf(engine, [...known.get("ids")!.data]);
      const largest = logits.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const error = distance(ndArray(logits.shape, rows.flat()), logits);
      assert.ok(error < 1e-5 * Math.max(10, largest), `off by ${error} of ${largest}: ${text}`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
