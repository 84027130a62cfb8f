/** Layers with weights: each is a function from values to a value, with weights named as Hugging Face names them. */
import { mulDims } from "../base/shapes.ts";
import { apply, parameter, scope } from "../graph/build.ts";
import { gather, gemm, mul, reshape, silu } from "../graph/functions.ts";
import type { Init, Value } from "../graph/types.ts";
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

/** Logits over a vocabulary from a table kept elsewhere (tied embeddings): (N, C) to (N, V). */
export function tiedHead(x: Value, table: Value): Value {
  return gemm(x, table, { transB: true }); // (N, V)
}

/** Root mean square normalisation over the last axis (Zhang and Sennrich 2019). */
export function rmsNorm(b: ModelBuilder, name: string, x: Value, epsilon: number): Value {
  return scope(b.graph, name, () => {
    const weight = parameter(b.graph, "weight", [x.shape.at(-1)!], ONES);
    return apply("SimplifiedLayerNormalization", [x, weight], { epsilon })[0];
  });
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

/** SwiGLU (Shazeer 2020): down(silu(gate(x)) * up(x)), (N, C) to (N, C). */
export function swiglu(
  b: ModelBuilder,
  x: Value,
  inner: number,
  options: { readonly bias?: boolean; readonly init: Init; readonly downInit?: Init },
): Value {
  const gate = silu(linear(b, "gate_proj", x, inner, options)); // (N, F)
  const up = linear(b, "up_proj", x, inner, options); // (N, F)
  const down = { ...options, init: options.downInit ?? options.init };
  return linear(b, "down_proj", mul(gate, up), x.shape[1] as number, down); // (N, C)
}
