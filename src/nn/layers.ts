/** Layers with weights: each is a function from values to a value, with weights named as Hugging Face names them. */
import { mulDims } from "../base/shapes.ts";
import { apply, parameter, scope } from "../graph/build.ts";
import { add, div, gather, gemm, mul, reshape, tanh } from "../graph/functions.ts";
import type { Init, Value } from "../graph/types.ts";
import type { Activation } from "./activations.ts";
import type { ModelBuilder } from "./builder.ts";

/** A normal start with the given standard deviation. */
export const normal = (std: number): Init => ({ kind: "normal", std });
export const ZEROS: Init = { kind: "zeros" };
export const ONES: Init = { kind: "ones" };

/** How a linear layer is made. */
export interface LinearOptions {
  readonly bias?: boolean;
  readonly init: Init;
  /** GPT-2 stores (in, out), as its Conv1D did; everyone else (out, in). */
  readonly layout?: "out-in" | "in-out";
}

/** x W^T + b: (N, in) to (N, out). */
export function linear(b: ModelBuilder, name: string, x: Value, width: number, options: LinearOptions): Value {
  const { bias = false, init, layout = "out-in" } = options;
  const inner = x.shape[1]!;
  const transB = layout === "out-in";
  return scope(b.graph, name, () => {
    const weight = parameter(b.graph, "weight", transB ? [width, inner] : [inner, width], init);
    const c = bias ? { c: parameter(b.graph, "bias", [width], ZEROS) } : {};
    return gemm(x, weight, { transB, ...c }); // (N, out)
  });
}

/** Rows of a table: ids (B, T) to (B*T, C). */
export function embedding(b: ModelBuilder, name: string, ids: Value, rows: number, width: number, init: Init): Value {
  return scope(b.graph, name, () => {
    const table = parameter(b.graph, "weight", [rows, width], init);
    return gather(table, reshape(ids, [mulDims(b.batch, b.tokens)])); // (B*T, C)
  });
}

/** Logits over a vocabulary from a table kept elsewhere (tied embeddings), and a bias (V): (N, C) to (N, V). */
export function tiedHead(x: Value, table: Value, bias?: Value): Value {
  return gemm(x, table, { transB: true, ...(bias ? { c: bias } : {}) }); // (N, V)
}

/** A normalisation over the last axis whose weights are under `name`. */
export type Norm = (b: ModelBuilder, name: string, x: Value) => Value;

/** Root mean square normalisation over the last axis (Zhang and Sennrich 2019). */
export function rmsNorm(b: ModelBuilder, name: string, x: Value, epsilon: number): Value {
  return scope(b.graph, name, () => {
    const weight = parameter(b.graph, "weight", [x.shape.at(-1)!], ONES);
    return apply("SimplifiedLayerNormalization", [x, weight], { epsilon })[0];
  });
}

/** {@link rmsNorm} of one epsilon. */
export const rmsNormOf =
  (epsilon: number): Norm =>
  (b, name, x) =>
    rmsNorm(b, name, x, epsilon);

/** {@link rmsNorm} by 1 + weight, as Gemma has it. */
export function offsetRmsNorm(b: ModelBuilder, name: string, x: Value, epsilon: number): Value {
  return scope(b.graph, name, () => {
    const weight = parameter(b.graph, "weight", [x.shape.at(-1)!], ZEROS);
    return apply("SimplifiedLayerNormalization", [x, add(weight, 1)], { epsilon })[0];
  });
}

/** {@link offsetRmsNorm} of one epsilon. */
export const offsetRmsNormOf =
  (epsilon: number): Norm =>
  (b, name, x) =>
    offsetRmsNorm(b, name, x, epsilon);

/** Normalises each of `heads` parts of x (N, H*D) by one weight (D). */
export function perHead(b: ModelBuilder, name: string, x: Value, heads: number, norm: Norm): Value {
  const width = x.shape[1] as number;
  const byHead = reshape(x, [x.shape[0]!, heads, width / heads]); // (N, H, D)
  return reshape(norm(b, name, byHead), x.shape);
}

/** c tanh(x / c): x where it is small, never beyond c. Without c it is x. */
export function softcapped(x: Value, cap: number | undefined): Value {
  return cap === undefined ? x : mul(tanh(div(x, cap)), cap);
}

/** Layer normalisation over the last axis (Ba et al. 2016). */
export function layerNorm(b: ModelBuilder, name: string, x: Value, epsilon: number, bias = true): Value {
  return scope(b.graph, name, () => {
    const width = x.shape.at(-1)!;
    const weight = parameter(b.graph, "weight", [width], ONES);
    const offset = bias ? [parameter(b.graph, "bias", [width], ZEROS)] : [];
    return apply("LayerNormalization", [x, weight, ...offset], { epsilon })[0];
  });
}

/** How feed-forward layers are made. */
export interface FeedForwardOptions {
  readonly activation: Activation;
  readonly bias?: boolean;
  readonly init: Init;
  readonly downInit?: Init;
}

/** A gated unit (Shazeer 2020): down(activation(gate(x)) * up(x)), (N, C) to (N, C). */
export function gated(b: ModelBuilder, x: Value, inner: number, options: FeedForwardOptions): Value {
  const gate = options.activation(linear(b, "gate_proj", x, inner, options)); // (N, F)
  const up = linear(b, "up_proj", x, inner, options); // (N, F)
  const down = { ...options, init: options.downInit ?? options.init };
  return linear(b, "down_proj", mul(gate, up), x.shape[1] as number, down); // (N, C)
}

/** down(activation(up(x))), (N, C) to (N, C), by matrices of the two names given. */
export function plain(
  b: ModelBuilder,
  x: Value,
  inner: number,
  [up, down]: readonly [string, string],
  options: FeedForwardOptions,
): Value {
  const made = options.activation(linear(b, up, x, inner, options)); // (N, F)
  return linear(b, down, made, x.shape[1] as number, { ...options, init: options.downInit ?? options.init });
}
