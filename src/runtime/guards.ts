/** Indices looked at before each run, by the guards that a model lists. Knows no runtime. */
import { fail } from "../base/errors.ts";
import { evaluateDim } from "../base/shapes.ts";
import type { OnnxModel } from "../onnx/model.ts";
import type { BoundTensors } from "./checks.ts";

/** An input's elements as 32-bit words, `step` of them for each, and the range they must lie in. */
interface Watch {
  readonly name: string;
  readonly words: Int32Array;
  readonly step: 1 | 2;
  readonly from: number;
  readonly below: number;
}

/** A function that throws BAD_DATA when an index among the bound inputs lies outside its axis. It allocates nothing. */
export function indexCheck(model: OnnxModel, { ties, axes }: BoundTensors): () => void {
  const watches = (model.guards ?? []).map(({ input, length, fromEnd }): Watch => {
    const { dtype, data } = ties.find(({ side, name }) => side === "input" && name === input)!.tensor;
    const below = evaluateDim(length, axes);
    if (below === undefined) fail("BAD_GRAPH", `${model.name}: guards: ${input}: the axis ${length} is of no tensor`);
    const step = dtype === "int64" ? 2 : 1;
    const words = new Int32Array(data.buffer, data.byteOffset, step * data.length);
    return { name: input, words, step, from: fromEnd ? -below : 0, below };
  });
  return () => {
    for (const watch of watches) {
      const at = firstOutside(watch);
      if (at >= 0) outside(model.name, watch, at);
    }
  };
}

/** 64-bit integers are two words, the low one first; reading them so makes no BigInt for each. */
function firstOutside({ words, step, from, below }: Watch): number {
  for (let i = 0; i < words.length; i += step) {
    const low = words[i]!;
    if (low < from || low >= below || (step === 2 && words[i + 1] !== low >> 31)) return i;
  }
  return -1;
}

function outside(model: string, { name, words, step, from, below }: Watch, at: number): never {
  const low = words[at]!;
  const got = step === 1 ? low : (BigInt(words[at + 1]!) << 32n) | BigInt(low >>> 0);
  const expected = below === 0 ? "none, since the axis is empty" : `${from} to ${below - 1}`;
  return fail("BAD_DATA", `${model}: input ${name}: got ${got} at element ${at / step}, expected ${expected}`);
}
