/**
 * Muon as a graph (Jordan et al. 2024): momentum made orthogonal before it is applied, for the matrices inside a model's
 * blocks. Embeddings, heads and vectors are AdamW's. Holds no data.
 */
import { constant, input, output } from "../graph/build.ts";
import { add, div, gemm, mul, sqrt, sub, sumSquare } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";
import { nextName } from "./adamw.ts";

/** Hyperparameters that stay the same for a whole run. */
export interface MuonOptions {
  /** Muon's learning rate over AdamW's, at every step. */
  readonly rateRatio: number;
  /** Decay of the mean of gradients, in [0, 1). */
  readonly momentum: number;
  /** Decoupled decay per unit of Muon's learning rate. */
  readonly weightDecay: number;
}

/**
 * Coefficients a, b, c of x -> a x + b x^3 + c x^5, one row a turn. Each row is the quintic nearest to 1 (Remez) over where
 * the rows before it take the singular values from 0.005 to 1 (Amsel et al. 2025): three turns end between 0.5 and 1.5.
 * The five equal turns of Jordan et al. end no closer for what training needs, and cost more: see docs/optim.md.
 */
const TURNS = [
  [8.2987, -24.4305, 18.0903],
  [3.9152, -2.9211, 0.5592],
  [3.1746, -2.3804, 0.4978],
] as const;

/** Keeps a rounded singular value from passing 1, where the first quintic is steep. Matters where there is but one. */
const MARGIN = 1.01;

/** True for the matrices inside blocks, "h.3.mlp.c_fc.weight" or "layers.0.self_attn.q_proj.weight". */
export function isMuons({ name, shape }: Pick<Value, "name" | "shape">): boolean {
  return shape.length === 2 && /\.\d+\./.test(name);
}

/** The name of a parameter's one state: input `muon.m.NAME`, output `new.muon.m.NAME`. */
export const muonStateName = (parameter: string) => `muon.m.${parameter}`;

/**
 * About U V^T where x is U S V^T, by Newton-Schulz iterations: x <- (a + b A + c A^2) x with A = x x^T, or from the right
 * with A = x^T x where that is smaller. Completed to a square, (c (A + k)^2 + d) x, each turn is three products.
 */
export function orthogonalised(x: Value): Value {
  const [rows, columns] = x.shape as [number, number];
  const wide = rows <= columns;
  let y = div(x, add(mul(sqrt(sumSquare(x)), MARGIN), 1e-7));
  for (const [a, b, c] of TURNS) {
    const k = b / (2 * c);
    const d = a - (b * b) / (4 * c);
    const square = gemm(y, y, { transA: !wide, transB: wide, c: diagonal(x.graph, Math.min(rows, columns), k) });
    const factor = gemm(square, square, { alpha: c, c: diagonal(x.graph, Math.min(rows, columns), d) });
    y = wide ? gemm(factor, y) : gemm(y, factor);
  }
  return y;
}

/** A square matrix with one number on its diagonal. Shared. */
function diagonal(graph: Graph, size: number, x: number): Value {
  const name = `diagonal:${size}:${x}`;
  const known = graph.constants.find(({ value }) => value.name === name);
  if (known) return known.value;
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = x;
  return constant(graph, "float32", [size, size], data, name);
}

/**
 * Writes the update of one matrix: m = u m + (1 - u) g, o = orthogonalised(u m + (1 - u) g) (Nesterov's look ahead), and
 * p = p (1 - lr decay) - lr 0.2 sqrt(max(rows, columns)) o. The factor gives o the size of AdamW's steps, whatever
 * the shape (Liu et al. 2025, "Muon is scalable for LLM training"), and is the same for both layouts of a matrix.
 */
export function muonUpdate(parameter: Value, grad: Value, learningRate: Value, options: MuonOptions): void {
  const { graph, name, shape } = parameter;
  const { momentum, weightDecay, rateRatio } = options;
  const state = muonStateName(name);
  const fresh = mul(grad, 1 - momentum);
  const m = add(mul(input(graph, state, "float32", shape), momentum), fresh);
  const change = orthogonalised(add(mul(m, momentum), fresh));
  const rate = mul(learningRate, rateRatio);
  const scale = 0.2 * Math.sqrt(Math.max(...(shape as number[])));
  const kept = mul(parameter, sub(1, mul(rate, weightDecay)));
  output(graph, nextName(name), sub(kept, mul(change, mul(rate, scale))));
  output(graph, nextName(state), m);
}
