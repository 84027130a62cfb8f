/** Rows that tests/interop/decoding.py prints: settings of decoding, and what transformers' generate makes with them. */
import assert from "node:assert/strict";
import { searchBeams } from "../../src/generate/beam-text.ts";
import { type Engines, openEngines } from "../../src/generate/engine.ts";
import { generateIds } from "../../src/generate/generate.ts";
import type { GenerateOptions, Request } from "../../src/generate/request.ts";
import { goldenFamily, patternWeights } from "./reference-families.ts";
import { runtime } from "./reference-runtime.ts";

/** One row. */
export interface DecodingRow {
  readonly family: string;
  readonly promptIds: readonly number[];
  readonly eosTokenIds: readonly number[];
  readonly options: GenerateOptions & { readonly maxNewTokens: number };
  /** Without end tokens; best first. */
  readonly sequences: readonly (readonly number[])[];
  readonly scores?: readonly number[];
}

/** A golden family's model, its weights in memory. */
export function openFamily(name: string, chunk = 512): Promise<Engines> {
  const { model } = goldenFamily(name);
  const weights = patternWeights(model);
  const place = (each: string) => ({ kind: "memory", data: Float32Array.from(weights.get(each)!.data) }) as const;
  return openEngines(runtime!, model, { place }, { chunk, session: { threads: 1 } });
}

/** Decodes a row's prompt as it says, and compares. */
export async function checkDecoding(engines: Engines, row: DecodingRow): Promise<void> {
  const { options, promptIds, eosTokenIds } = row;
  const request: Request = { ...options, temperature: 0, seed: 0, speculate: "off", eosTokenIds };
  const says = JSON.stringify({ ...row, sequences: undefined });
  if ((options.numBeams ?? 1) === 1) {
    using engine = engines.open();
    const ids: number[] = [];
    for await (const id of generateIds(engine, promptIds, request)) ids.push(id);
    assert.deepEqual([ids], row.sequences, says);
    return;
  }
  using engine = engines.openBatch!(options.numBeams!, promptIds.length + options.maxNewTokens);
  const found = await searchBeams(engine, promptIds, request);
  assert.deepEqual(
    found.map(({ ids }) => ids),
    row.sequences,
    says,
  );
  for (const [i, { score }] of found.entries()) {
    const error = Math.abs(score - row.scores![i]!);
    assert.ok(error < 1e-4 * Math.max(1, Math.abs(score)), `${says}: a score of ${score}, expected ${row.scores![i]}`);
  }
}
