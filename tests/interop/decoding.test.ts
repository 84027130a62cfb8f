import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDecoding, type DecodingRow, openFamily } from "../helpers/reference-decoding.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** How many settings are drawn, and from which seed. */
const COUNT = Number(process.env.OWNLM_RANDOM_DECODING ?? 60);
const SEED = Number(process.env.OWNLM_SEED ?? 2);

test(`${COUNT} settings of decoding drawn at random give the ids and scores of transformers' generate`, {
  skip: skipWithoutPython || skipWithoutRuntime,
}, async () => {
  const rows = runPython("decoding.py", [`${SEED}`, `${COUNT}`]) as DecodingRow[];
  assert.ok(rows.length > 0.8 * COUNT, `${rows.length} rows are the same in float32 and float64`);
  for (const family of new Set(rows.map((row) => row.family))) {
    using engines = await openFamily(family);
    for (const row of rows) if (row.family === family) await checkDecoding(engines, row);
  }
});
