/** Models of the golden families with their weights in memory, for tests of decoding. */
import { type Engines, openEngines } from "../../src/generate/engine.ts";
import { goldenFamily, patternWeights } from "./reference-families.ts";
import { runtime } from "./reference-runtime.ts";

/** A golden family's model, its weights in memory. */
export function openFamily(name: string, chunk = 512): Promise<Engines> {
  const { model } = goldenFamily(name);
  const weights = patternWeights(model);
  const place = (each: string) => ({ kind: "memory", data: Float32Array.from(weights.get(each)!.data) }) as const;
  return openEngines(runtime!, model, { place }, { chunk, session: { threads: 1 } });
}
