/** The parts of a graph: typed values, nodes that make them, and the closed list of operators with their attributes. */
import type { DType } from "../base/dtypes.ts";
import type { Dim, Shape } from "../base/shapes.ts";
import type { ExternalData } from "../onnx/model.ts";

/** What is known of a tensor before it exists. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

type None = Record<never, never>;
type Axis = { readonly axis: number };
/** `axes` are counted from the front; the reduced axes stay with length 1. */
type Reduce = { readonly axes: readonly number[] };

/**
 * Every operator a graph may hold, with its attributes. Names and meanings are ONNX's, or those of ONNX Runtime's
 * com.microsoft domain; attributes that ONNX passes as small constant tensors (shapes, axes, sizes) stand here too.
 */
export interface OpAttributes {
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Min: None;
  Max: None;
  /** True where two tensors are equal. */
  Equal: None;
  Neg: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Tanh: None;
  Sigmoid: None;
  /** log(1 + exp(x)). */
  Softplus: None;
  Erf: None;
  Relu: None;
  /** -1, 0 or 1. */
  Sign: None;
  Floor: None;
  /** The value as it is, whose gradient is taken to be nothing. */
  StopGradient: None;
  Gelu: { readonly approximate: "none" | "tanh" };
  /** x * sigmoid(alpha x); alpha 1 is SiLU. */
  QuickGelu: { readonly alpha: number };
  Softmax: Axis;
  LogSoftmax: Axis;
  ReduceSum: Reduce;
  ReduceMean: Reduce;
  ReduceSumSquare: Reduce;
  MatMul: None;
  /** alpha * op(A) op(B) over the last two axes; the others broadcast as in MatMul. */
  FusedMatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  /** alpha * op(A) op(B) + C for matrices. */
  Gemm: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  Reshape: { readonly shape: Shape };
  Transpose: { readonly perm: readonly number[] };
  Expand: { readonly shape: Shape };
  Concat: Axis;
  /**
   * Named sizes are known at each run alone: then a second input, int64 (parts), says them all. The names must be new;
   * the last part's length is what the others leave.
   */
  Split: Axis & { readonly sizes: readonly Dim[] };
  /** Elements `start` to before `end` along one axis; negative counts from the end, a huge `end` means all. */
  Slice: Axis & { readonly start: number; readonly end: number };
  Gather: Axis;
  GatherElements: Axis;
  ScatterElements: Axis & { readonly reduction: "none" | "add" };
  /**
   * The k largest (or smallest) along an axis, in order; of equal ones the first. Outputs: values, int64 indices. A
   * named k stands in a second input, int64 (1).
   */
  TopK: Axis & { readonly k: Dim; readonly largest: boolean };
  /** The number of elements, an int64 scalar. */
  Size: None;
  Cast: { readonly to: DType };
  Identity: None;
  /** Outputs: normalised, mean, inverse standard deviation (over the last axis, which stays with length 1). */
  LayerNormalization: { readonly epsilon: number };
  /** RMSNorm. Outputs: normalised, inverse root mean square (last axis stays with length 1). */
  SimplifiedLayerNormalization: { readonly epsilon: number };
  /**
   * Rotates pairs of each head of (B, T, H*D) by the rows of cos and sin (positions, R/2) that the positions name: the
   * first R <= D elements, paired with their neighbour when interleaved and across halves of R otherwise.
   */
  RotaryEmbedding: { readonly numHeads: number; readonly interleaved: boolean };
  /**
   * Causal attention over a cache; outputs: attended (B, S, H*D), present key and value (B, KV, P, D). Its inputs are
   * query, key, value, past key, past value, seqlens_k, total_sequence_length, cos, sin, position_ids, attention_bias
   * (neither of them used here), head_sink (H): one more score that takes a share of the softmax and gives nothing, and
   * the scales of keys and values (KV, D) where the cache is int8: an element is its integer times its channel's scale.
   */
  GroupQueryAttention: {
    readonly numHeads: number;
    readonly kvNumHeads: number;
    readonly scale: number;
    readonly doRotary: boolean;
    readonly rotaryInterleaved?: boolean;
    /** Tokens that each one sees, itself among them; default all. */
    readonly window?: number;
    /** c tanh(score / c) in place of each score; default the scores as they are. */
    readonly softcap?: number;
  };
  /** RMSNorm of a + b: inputs a, b and the scale; outputs: normalised, a + b. */
  SkipSimplifiedLayerNormalization: { readonly epsilon: number };
  /**
   * x W^T + bias with W (N, K) in blocks of `blockSize` along K: inputs x (…, K), quants uint8 (N, blocks, bytes), scales
   * (N, blocks), and optionally a bias (N). An element is scale * (quant - 2^(bits-1)); x is rounded to 8 bits a block,
   * unless `exact`.
   */
  MatMulNBits: {
    readonly K: number;
    readonly N: number;
    readonly bits: 4 | 8;
    readonly blockSize: number;
    readonly exact?: boolean;
  };
  /** Rows of a table in the same blocks: inputs quants uint8 (V, bytes of a row), indices, scales (V, blocks). */
  GatherBlockQuantized: { readonly bits: 4 | 8; readonly blockSize: number };
  /**
   * Rows of MatMulNBits' weight as numbers, (R, K) padded to whole blocks: inputs quants, a parameter uint8 (N, blocks,
   * bytes) that is placed, and the scales of its rows from `start` on, (R, blocks).
   */
  DequantizeLinear: { readonly bits: 4 | 8; readonly blockSize: number; readonly start: number };
}

/** The name of an operator. */
export type OpName = keyof OpAttributes;

/** A tensor in a graph: an input, a parameter, a constant, or what a node makes. Names are unique in a graph. */
export interface Value extends TensorType {
  readonly graph: Graph;
  readonly kind: "input" | "parameter" | "constant" | "node";
  readonly name: string;
}

/** One operator call; an absent optional input is undefined. `scope` says which layer wrote it. */
export interface Node<K extends OpName = OpName> {
  readonly name: string;
  readonly scope: string;
  readonly op: K;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: OpAttributes[K];
}

/** A constant's elements, row-major. */
export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array;
}

/** Where a parameter's elements are: fed at each run, in memory, or in a file (then of any float dtype). */
export type Placement =
  | { readonly kind: "input" }
  | { readonly kind: "memory"; readonly data: Float32Array | Uint8Array }
  | { readonly kind: "file"; readonly dtype: DType; readonly at: ExternalData };

/** How a parameter starts, as data: the train room draws the numbers. */
export type Init =
  | { readonly kind: "normal"; readonly std: number }
  /** Evenly between -bound and bound. */
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" };

/** A trained tensor: its Hugging Face name is the value's name. */
export interface Parameter {
  readonly value: Value;
  readonly init: Init;
  /** It is one of the equal parts along the first axis of a stored tensor, which is the one that has a place. */
  readonly part?: PartOf;
}

/** The part `index` of `count` of the tensor `whole`. */
export interface PartOf {
  readonly whole: string;
  readonly index: number;
  readonly count: number;
}

/**
 * Nodes that the runtime plans apart from all others, of whose values the rest reads `result` alone. They become a branch
 * that is taken where `always`, a bool scalar, holds, as it does at every run; `standIn` is what the other would give.
 */
export interface Region {
  readonly nodes: readonly Node[];
  readonly result: Value;
  readonly standIn: Value;
  readonly always: Value;
}

/** A graph under construction or done. Nodes stand in an order that can be executed. */
export interface Graph {
  readonly name: string;
  readonly inputs: Value[];
  readonly parameters: Parameter[];
  readonly constants: Constant[];
  readonly nodes: Node[];
  /** Public names of results, in order. */
  readonly outputs: { name: string; value: Value }[];
  /** Pairs of input and output that may share one buffer. */
  readonly aliases: (readonly [input: string, output: string])[];
  /** Parts that are planned apart, in order. */
  readonly regions: Region[];
  /** Names in use, and how often each stem was asked for. */
  readonly names: Map<string, number>;
  /** The scopes that new nodes are written under. */
  readonly scopes: string[];
}
