/** Runs a model over a text to learn what its matrices are multiplied with. Knows no bits. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import { output } from "../graph/build.ts";
import { fusedMatMul, split } from "../graph/functions.ts";
import { lowerGraph, type Placement } from "../graph/lower.ts";
import type { Graph, Value } from "../graph/types.ts";
import type { CausalLm } from "../models/types.ts";
import { trainingBuilder } from "../nn/builder.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";
import { type Feedback, feedbackOf } from "../weights/feedback.ts";

/** Columns between which errors are made up for: the work grows with its square, and little is gained beyond. */
const CHUNK = 256;
/** Tokens of a row of the batch. */
const ROW_TOKENS = 256;

/** What a model's matrices are multiplied with. */
export interface Calibration {
  /** The feedback for a matrix; undefined for one that the text never met. Computed at each call. */
  feedbackOf(weight: string): Feedback | undefined;
}

/** How the work is shared and watched. */
export interface CalibrateHooks {
  readonly threads?: number | undefined;
  /** Awaited before each run; throws to stop. */
  turn(): Promise<void>;
  onProgress(done: number, tokens: number): void;
}

/**
 * Runs `ids` through a model, 256 at a time, and keeps, for the matrices of `weights`, X^T X of their inputs in chunks
 * of 256 columns. Takes the memory of the model in float32. Throws BAD_TEXT for fewer than two tokens.
 */
export async function calibrate(
  runtime: Runtime,
  model: CausalLm,
  place: (name: string) => Placement,
  weights: ReadonlySet<string>,
  ids: readonly number[],
  hooks: CalibrateHooks,
): Promise<Calibration> {
  if (ids.length < 2) fail("BAD_TEXT", `calibration: got ${ids.length} tokens, expected at least 2`);
  const tokens = Math.min(ROW_TOKENS, model.maxPositions, ids.length);
  const b = trainingBuilder("calibration", 1, tokens);
  const last = model.hidden(b);
  const inputs = inputsOf(b.graph, weights);
  const names = new Map([...new Set(inputs.values())].map((x, i) => [x, gramOutputs(b.graph, x, i)]));
  output(b.graph, "hidden", last);
  const grams = await sumOver(runtime, b.graph, place, ids, tokens, hooks);
  return {
    feedbackOf(weight) {
      const x = inputs.get(weight);
      return x && feedbackOf(names.get(x)!.map((name) => grams.get(name)!));
    },
  };
}

/** What each matrix is multiplied with, by its name. */
function inputsOf(graph: Graph, weights: ReadonlySet<string>): Map<string, Value> {
  const inputs = new Map<string, Value>();
  for (const { op, inputs: taken } of graph.nodes)
    if (op === "Gemm" && taken[1]?.kind === "parameter" && weights.has(taken[1].name))
      inputs.set(taken[1].name, taken[0]!);
  return inputs;
}

/** Makes X^T X of x (N, K) outputs of the graph, (n, n) for each chunk of n columns; returns their names. */
function gramOutputs(graph: Graph, x: Value, number: number): string[] {
  const width = x.shape[1] as number;
  const sizes = Array.from({ length: Math.ceil(width / CHUNK) }, (_, i) => Math.min(CHUNK, width - i * CHUNK));
  const parts = sizes.length === 1 ? [x] : split(x, 1, sizes);
  return parts.map((part, i) => {
    const name = `gram.${number}.${i}`;
    output(graph, name, fusedMatMul(part, part, { transA: true }));
    return name;
  });
}

/** The sums of a graph's outputs over all runs of so many tokens. */
async function sumOver(
  runtime: Runtime,
  graph: Graph,
  place: (name: string) => Placement,
  ids: readonly number[],
  tokens: number,
  { threads, turn, onProgress }: CalibrateHooks,
): Promise<Map<string, Float32Array>> {
  const { own, dispose } = createOwner();
  try {
    const session = own(await runtime.session(lowerGraph(graph, place), threads === undefined ? {} : { threads }));
    const inputIds = own(runtime.tensor("int64", [1, tokens]));
    const positions = BigInt64Array.from({ length: tokens }, (_, i) => BigInt(i));
    const positionIds = own(runtime.tensor("int64", [1, tokens], positions));
    const outputs: Record<string, Tensor<"float32">> = {};
    for (const { name, value } of graph.outputs)
      outputs[name] = own(runtime.tensor("float32", value.shape as number[]));
    const binding = own(session.bind({ input_ids: inputIds, position_ids: positionIds }, outputs));
    const sums = new Map(Object.entries(outputs).map(([name, { data }]) => [name, new Float32Array(data.length)]));
    for (let start = 0; start + tokens <= ids.length; start += tokens) {
      await turn();
      for (let i = 0; i < tokens; i++) inputIds.data[i] = BigInt(ids[start + i]!);
      await binding.run();
      for (const [name, sum] of sums) addTo(sum, outputs[name]!.data);
      onProgress(start + tokens, ids.length);
    }
    return sums;
  } finally {
    dispose();
  }
}

function addTo(sum: Float32Array, terms: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += terms[i]!;
}
