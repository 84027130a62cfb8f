/** Sample calls of every operator, with random operands: what tests of gradients, lowering and the runtime share. */
import type { DType } from "../../src/base/dtypes.ts";
import { rng } from "../../src/base/rng.ts";
import { apply, constant, createGraph, input, storedParameter } from "../../src/graph/build.ts";
import type { Graph, OpAttributes, OpName, Value } from "../../src/graph/types.ts";
import { fill, type NdArray, ndArray } from "./reference-array.ts";

/** An operand: random in `range` (default -2 to 2), or given indices. Indices and `still` ones are not differentiated. */
export interface Operand {
  readonly shape: readonly number[];
  readonly range?: readonly [number, number];
  readonly data?: readonly number[];
  /** int64 unless it says otherwise; only with `data`. */
  readonly dtype?: DType;
  readonly still?: "input" | "constant";
  /** It is a parameter, which has a place where it is run. */
  readonly placed?: boolean;
}

/** One call. */
export interface Sample<K extends OpName = OpName> {
  readonly says: string;
  readonly operands: readonly (Operand | undefined)[];
  readonly attributes: OpAttributes[K];
  /** Outputs that a loss reads; default the first. */
  readonly reads?: readonly number[];
}

const real = (...shape: number[]): Operand => ({ shape });
const between = (low: number, high: number, ...shape: number[]): Operand => ({ shape, range: [low, high] });
const ids = (shape: readonly number[], ...data: number[]): Operand => ({ shape, data });

const unary = (range: readonly [number, number] = [-2, 2]) => [
  { says: "of a matrix", operands: [{ shape: [3, 5], range }], attributes: {} },
  { says: "of a scalar", operands: [{ shape: [], range }], attributes: {} },
];

/** The second operand stays away from zero, for Div. */
const binary = [
  { says: "of equal shapes", operands: [real(3, 4), between(0.5, 2, 3, 4)], attributes: {} },
  { says: "with a row", operands: [real(2, 3, 4), between(0.5, 2, 4)], attributes: {} },
  { says: "with a column on the left", operands: [real(3, 1), between(0.5, 2, 2, 3, 4)], attributes: {} },
  { says: "with a scalar on either side", operands: [real(), between(0.5, 2, 3)], attributes: {} },
  { says: "with both operands repeated", operands: [real(4, 1, 2), between(0.5, 2, 3, 1)], attributes: {} },
];

const alongAxis = [
  { says: "along the last axis", operands: [real(3, 5)], attributes: { axis: -1 } },
  { says: "along the first axis", operands: [real(4, 2, 3)], attributes: { axis: 0 } },
  { says: "along the middle axis", operands: [real(2, 4, 3)], attributes: { axis: 1 } },
];

const reduce = [
  { says: "over one axis", operands: [real(3, 4)], attributes: { axes: [1] } },
  { says: "over outer axes", operands: [real(2, 3, 4)], attributes: { axes: [0, 1] } },
  { says: "over axes apart", operands: [real(2, 3, 4)], attributes: { axes: [2, 0] } },
  { says: "over all axes", operands: [real(2, 3)], attributes: { axes: [0, 1] } },
  { says: "over no axes", operands: [real(2, 3)], attributes: { axes: [] } },
];

const plainMatMul = { transA: false, transB: false, alpha: 1 };
const transposed = [true, false].flatMap((transA) =>
  [true, false].map((transB) => ({
    says: `with transA ${transA} and transB ${transB}`,
    operands: [transA ? real(4, 3) : real(3, 4), transB ? real(5, 4) : real(4, 5)],
    attributes: { transA, transB, alpha: 0.7 },
  })),
);

const rows = ids([2, 3], 4, 0, 4, 4, 2, 0);
const angles = { range: [-1, 1] as const, still: "input" as const };
const norms = (bias: boolean) =>
  [[3, 5], [2, 3, 4], [7]].map((shape) => ({
    says: `over the last axis of [${shape}]`,
    operands: [real(...shape), real(shape.at(-1)!), ...(bias ? [real(shape.at(-1)!)] : [])],
    attributes: { epsilon: 1e-3 },
  }));

/** Four query heads over two of keys, a cache of 7 or more, heads of 32. */
function cachedAttention(
  says: string,
  {
    lengths,
    tokens,
    rotary = 0,
    packed = false,
    sinks = false,
    scaled = false,
    ...rest
  }: {
    lengths: readonly number[];
    tokens: number;
    /** Elements of each head that are rotated. */
    rotary?: number;
    packed?: boolean;
    sinks?: boolean;
    /** The cache is of 8 bits. */
    scaled?: boolean;
  } & Partial<OpAttributes["GroupQueryAttention"]>,
): Sample<"GroupQueryAttention"> {
  const [B, H, KV, P, D] = [lengths.length, 4, 2, Math.max(7, ...lengths), 32];
  const narrow = real(B, tokens, KV * D);
  const table: Operand = { shape: [P, rotary / 2], ...angles };
  return {
    says,
    operands: [
      real(B, tokens, (packed ? H + 2 * KV : H) * D),
      ...(packed ? [undefined, undefined] : [narrow, narrow]),
      scaled ? integers(B, KV, P, D) : real(B, KV, P, D),
      scaled ? integers(B, KV, P, D) : real(B, KV, P, D),
      { shape: [B], data: lengths.map((length) => length - 1), dtype: "int32" },
      { shape: [], data: [Math.max(...lengths)], dtype: "int32" },
      ...(rotary ? [table, table] : sinks || scaled ? [undefined, undefined] : []),
      ...(sinks || scaled ? [undefined, undefined, sinks ? real(H) : undefined] : []),
      ...(scaled ? [scales(KV, D), scales(KV, D)] : []),
    ],
    attributes: {
      numHeads: H,
      kvNumHeads: KV,
      scale: D ** -0.5,
      doRotary: rotary > 0,
      ...rest,
    },
  };
}

const integers = (...shape: number[]): Operand => ({
  shape,
  data: Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, (_, i) => ((i * 89 + 7) % 255) - 127),
  dtype: "int8",
});
const scales = (...shape: number[]): Operand => ({ shape, range: [0.02, 0.04] });

/** Numbers whose rounding to 8 bits changes nothing: whole ones, the largest of each block 127. */
const whole = (rows: number, width: number): Operand => ({
  shape: [rows, width],
  data: Array.from({ length: rows * width }, (_, i) => (i % 16 === 3 ? 127 : ((i * 37) % 201) - 100)),
  dtype: "float32",
});
const bytes = (...shape: number[]): Operand => ({
  shape,
  data: Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, (_, i) => (i * 89 + 7) % 256),
  dtype: "uint8",
});

function packedProduct(bits: 4 | 8, blockSize: number, bias: boolean): Sample<"MatMulNBits"> {
  const [K, N, blocks] = [2 * blockSize, 5, 2];
  return {
    says: `at ${bits} bits in blocks of ${blockSize}${bias ? " with a bias" : ""}`,
    operands: [whole(3, K), bytes(N, blocks, (blockSize * bits) / 8), real(N, blocks), ...(bias ? [real(N)] : [])],
    attributes: { K, N, bits, blockSize },
  };
}

function packedRows(bits: 4 | 8, blockSize: number): Sample<"GatherBlockQuantized"> {
  return {
    says: `at ${bits} bits in blocks of ${blockSize}`,
    operands: [bytes(5, (2 * blockSize * bits) / 8), ids([3], 4, 0, 2), real(5, 2)],
    attributes: { bits, blockSize },
  };
}

/** A product whose activations are not rounded; its weight has a place, as its gradient asks. */
function exactProduct(bits: 4 | 8, blockSize: number, padding: number, bias: boolean): Sample<"MatMulNBits"> {
  const [K, N, blocks] = [2 * blockSize - padding, 5, 2];
  const quants = { ...bytes(N, blocks, (blockSize * bits) / 8), placed: true };
  return {
    says: `of floats at ${bits} bits in blocks of ${blockSize}${padding ? ", padded" : ""}${bias ? " with a bias" : ""}`,
    operands: [real(3, K), quants, { ...scales(N, blocks), still: "input" }, ...(bias ? [real(N)] : [])],
    attributes: { K, N, bits, blockSize, exact: true },
  };
}

function unpackedRows(bits: 4 | 8, blockSize: number, start: number, rows: number): Sample<"DequantizeLinear"> {
  return {
    says: `of ${rows} rows from ${start} at ${bits} bits in blocks of ${blockSize}`,
    operands: [{ ...bytes(5, 3, (blockSize * bits) / 8), placed: true }, real(rows, 3)],
    attributes: { bits, blockSize, start },
  };
}

/** Samples of every operator. A missing row does not compile. */
export const SAMPLES: { readonly [K in OpName]: readonly Sample<K>[] } = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Min: binary,
  Max: binary,
  Equal: [
    {
      says: "of numbers",
      operands: [ids([2, 3], 0, 1, 2, 2, 1, 0), ids([3], 0, 2, 2)],
      attributes: {},
    },
    { says: "with a column on the left", operands: [ids([3, 1], 4, 1, 0), ids([4], 0, 1, 2, 1)], attributes: {} },
  ],
  Neg: unary(),
  Exp: unary(),
  Log: unary([0.3, 3]),
  Sqrt: unary([0.3, 3]),
  Tanh: unary(),
  Sigmoid: unary(),
  Softplus: unary([-4, 4]),
  Erf: unary(),
  Relu: unary(),
  Sign: unary(),
  Floor: unary(),
  StopGradient: unary(),
  Gelu: (["none", "tanh"] as const).map((approximate) => ({
    says: `with approximation ${approximate}`,
    operands: [between(-4, 4, 5, 5)],
    attributes: { approximate },
  })),
  QuickGelu: [1, 1.702].map((alpha) => ({
    says: `with alpha ${alpha}`,
    operands: [between(-4, 4, 5, 5)],
    attributes: { alpha },
  })),
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceSumSquare: reduce,
  MatMul: [
    { says: "of matrices", operands: [real(3, 4), real(4, 5)], attributes: {} },
    { says: "of batches", operands: [real(2, 3, 4), real(2, 4, 5)], attributes: {} },
    { says: "of a batch and a matrix", operands: [real(2, 3, 4), real(4, 5)], attributes: {} },
    { says: "of a matrix and a batch", operands: [real(3, 4), real(2, 4, 1)], attributes: {} },
    { says: "of batches repeated on both sides", operands: [real(2, 1, 3, 4), real(3, 4, 2)], attributes: {} },
  ],
  FusedMatMul: [
    ...transposed,
    ...transposed.map(({ says, operands: [a, b], attributes }) => ({
      says: `${says} over batches`,
      operands: [real(2, 1, ...a!.shape), real(3, ...b!.shape)],
      attributes,
    })),
  ],
  Gemm: [
    ...transposed,
    { says: "with a row to add", operands: [real(3, 4), real(4, 5), real(5)], attributes: plainMatMul },
    {
      says: "with a column to add, scaled",
      operands: [real(3, 4), real(4, 5), real(3, 1)],
      attributes: { ...plainMatMul, alpha: 2.5 },
    },
    { says: "with a matrix to add", operands: [real(3, 4), real(4, 5), real(3, 5)], attributes: plainMatMul },
  ],
  Reshape: [
    { says: "into fewer axes", operands: [real(2, 3, 4)], attributes: { shape: [6, 4] } },
    { says: "into a scalar", operands: [real(1, 1)], attributes: { shape: [] } },
  ],
  Transpose: [
    { says: "of a matrix", operands: [real(3, 4)], attributes: { perm: [1, 0] } },
    { says: "by a cycle", operands: [real(2, 3, 4)], attributes: { perm: [1, 2, 0] } },
    { says: "of four axes", operands: [real(2, 3, 1, 4)], attributes: { perm: [0, 2, 1, 3] } },
  ],
  Expand: [
    { says: "of an inner axis", operands: [real(3, 1, 2)], attributes: { shape: [3, 4, 2] } },
    { says: "of a scalar", operands: [real()], attributes: { shape: [2, 3] } },
    { says: "with new outer axes", operands: [real(2, 1)], attributes: { shape: [4, 2, 3] } },
  ],
  Concat: [
    { says: "along the first axis", operands: [real(2, 3), real(1, 3), real(4, 3)], attributes: { axis: 0 } },
    { says: "along the last axis", operands: [real(2, 3), real(2, 1)], attributes: { axis: -1 } },
    { says: "of one part", operands: [real(2, 3)], attributes: { axis: 1 } },
  ],
  Split: [
    { says: "into two", operands: [real(2, 5)], attributes: { axis: 1, sizes: [2, 3] }, reads: [0, 1] },
    { says: "with a part unused", operands: [real(6, 2)], attributes: { axis: 0, sizes: [1, 2, 3] }, reads: [2, 0] },
    {
      says: "with only the last part used",
      operands: [real(2, 6)],
      attributes: { axis: -1, sizes: [4, 2] },
      reads: [1],
    },
    { says: "into one", operands: [real(2, 3)], attributes: { axis: 1, sizes: [3] } },
  ],
  TopK: [
    { says: "of each row", operands: [real(3, 5)], attributes: { axis: -1, k: 2, largest: true } },
    { says: "of each column, smallest first", operands: [real(4, 3)], attributes: { axis: 0, k: 3, largest: false } },
    { says: "of all", operands: [real(6)], attributes: { axis: 0, k: 6, largest: true } },
    {
      says: "of whole numbers, the first of equal ones first",
      operands: [ids([12], 3, 1, 2, 3, 1, 1, 0, 3, 2, 2, 0, 1)],
      attributes: { axis: 0, k: 12, largest: false },
    },
  ],
  Size: [{ says: "of a matrix", operands: [real(3, 5)], attributes: {} }],
  Slice: [
    { says: "from the middle", operands: [real(3, 6)], attributes: { axis: 1, start: 2, end: 5 } },
    { says: "from the beginning", operands: [real(4, 2)], attributes: { axis: 0, start: 0, end: 3 } },
    { says: "counted from the end", operands: [real(3, 6)], attributes: { axis: -1, start: -2, end: -1 } },
    { says: "to a huge end", operands: [real(5)], attributes: { axis: 0, start: 3, end: 2 ** 31 - 1 } },
    { says: "from before the beginning", operands: [real(5)], attributes: { axis: 0, start: -9, end: 3 } },
    { says: "of everything", operands: [real(2, 3)], attributes: { axis: 1, start: 0, end: 3 } },
  ],
  Gather: [
    { says: "of rows, some repeated and some never", operands: [real(6, 3), rows], attributes: { axis: 0 } },
    { says: "of one row", operands: [real(4, 3), ids([], 2)], attributes: { axis: 0 } },
  ],
  GatherElements: [
    { says: "along the last axis", operands: [real(3, 5), ids([3, 2], 4, 4, 0, 1, 2, 2)], attributes: { axis: 1 } },
    { says: "along the first axis", operands: [real(3, 2), ids([2, 2], 2, 0, 2, 1)], attributes: { axis: 0 } },
  ],
  ScatterElements: [
    {
      says: "that adds, with indices that repeat",
      operands: [real(4, 3), ids([3, 3], 1, 1, 1, 1, 0, 3, 3, 0, 1), real(3, 3)],
      attributes: { axis: 0, reduction: "add" },
    },
    {
      says: "that adds along the last axis",
      operands: [real(2, 4), ids([2, 3], 0, 0, 3, 1, 2, 1), real(2, 3)],
      attributes: { axis: -1, reduction: "add" },
    },
  ],
  Cast: (["float64", "int64", "int32", "float32"] as const).map((to) => ({
    says: `to ${to}`,
    operands: [between(-9, 9, 3, 4)],
    attributes: { to },
  })),
  Identity: unary(),
  LayerNormalization: [...norms(true), ...norms(false)],
  SimplifiedLayerNormalization: norms(false),
  RotaryEmbedding: [false, true].flatMap((interleaved) =>
    (["input", "constant"] as const).flatMap((still) =>
      Object.entries({ "": 8, ", of a part of each head": 14 }).map(([part, width]) => ({
        says: `with tables as ${still}s, ${interleaved ? "interleaved" : "in halves"}${part}`,
        operands: [
          real(2, 3, width),
          ids([2, 3], 0, 1, 2, 4, 4, 1),
          { shape: [5, 2], ...angles, still },
          { shape: [5, 2], ...angles, still },
        ],
        attributes: { numHeads: 2, interleaved },
      })),
    ),
  ),
  SkipSimplifiedLayerNormalization: [
    [3, 5],
    [2, 3, 4],
  ].map((shape) => ({
    says: `over the last axis of [${shape}]`,
    operands: [real(...shape), real(...shape), real(shape.at(-1)!)],
    attributes: { epsilon: 1e-3 },
  })),
  MatMulNBits: [
    packedProduct(4, 32, false),
    packedProduct(4, 64, true),
    packedProduct(8, 16, true),
    packedProduct(8, 128, false),
    exactProduct(4, 16, 0, false),
    exactProduct(4, 32, 7, true),
    exactProduct(8, 16, 4, false),
    exactProduct(8, 32, 0, true),
  ],
  GatherBlockQuantized: [packedRows(4, 32), packedRows(8, 16), packedRows(8, 64)],
  DequantizeLinear: [
    unpackedRows(4, 16, 0, 5),
    unpackedRows(8, 32, 0, 5),
    unpackedRows(4, 32, 1, 3),
    unpackedRows(8, 16, 4, 1),
  ],
  GroupQueryAttention: [
    cachedAttention("of a prompt", { lengths: [3], tokens: 3 }),
    cachedAttention("of a chunk after a past", { lengths: [5], tokens: 2 }),
    cachedAttention("of one token in each of two rows", { lengths: [4, 6], tokens: 1 }),
    cachedAttention("of two prompts, one padded at its end", { lengths: [4, 2], tokens: 4 }),
    cachedAttention("that rotates a prompt", { lengths: [4], tokens: 4, rotary: 32 }),
    cachedAttention("that rotates a chunk after a past", { lengths: [6], tokens: 3, rotary: 32 }),
    cachedAttention("that rotates one token in each of two rows", { lengths: [3, 7], tokens: 1, rotary: 32 }),
    cachedAttention("with query, key and value in one", { lengths: [4], tokens: 2, packed: true }),
    ...Object.entries({
      "rotates neighbours": { rotary: 32, rotaryInterleaved: true },
      "rotates half of each head": { rotary: 16 },
      "rotates neighbours in half of each head": { rotary: 16, rotaryInterleaved: true },
      "caps its scores": { softcap: 0.5 },
      "sees three tokens": { window: 3 },
      "sees one token": { window: 1 },
      "sees as many tokens as there are": { window: 12 },
      "has sinks": { sinks: true },
      "keeps a cache of 8 bits": { scaled: true },
      "keeps a cache of 8 bits and rotates": { scaled: true, rotary: 32 },
      "keeps a cache of 8 bits with a window, a cap and sinks": { scaled: true, window: 4, softcap: 0.7, sinks: true },
      "has sinks, a window and a cap, and rotates": { sinks: true, window: 4, softcap: 0.7, rotary: 32 },
    }).flatMap(([says, options]) => [
      cachedAttention(`that ${says}, of a prompt`, { lengths: [12], tokens: 12, ...options }),
      cachedAttention(`that ${says}, of a chunk after a past`, { lengths: [11], tokens: 5, ...options }),
      cachedAttention(`that ${says}, of one token in each of two rows`, { lengths: [4, 9], tokens: 1, ...options }),
      cachedAttention(`that ${says}, of two prompts, one padded at its end`, {
        lengths: [12, 5],
        tokens: 12,
        ...options,
      }),
    ]),
  ],
};

/** Every sample with its operator. */
export const allSamples: readonly (readonly [op: OpName, sample: Sample])[] = Object.entries(SAMPLES).flatMap(
  ([op, samples]) => (samples as readonly Sample[]).map((sample) => [op as OpName, sample] as const),
);

/** A sample as a graph of one node, with what to feed it. */
export interface SampleGraph {
  readonly graph: Graph;
  readonly feeds: Map<string, NdArray>;
  /** The node's operands; an absent one is undefined. */
  readonly operands: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
}

/** Writes one sample as a graph whose floats are of `dtype`; equal seeds give equal numbers. */
export function sampleGraph(op: OpName, sample: Sample, dtype: "float32" | "float64", seed = 1): SampleGraph {
  const random = rng(seed, `${op} ${sample.says}`);
  const graph = createGraph(op);
  const feeds = new Map<string, NdArray>();
  const operands = sample.operands.map((operand, i) => {
    if (!operand) return undefined;
    const { shape, range: [low, high] = [-2, 2], data, still } = operand;
    const drawn = fill(shape, () => Math.fround(low + (high - low) * random.uniform()));
    if (still === "constant") return floats(graph, dtype, shape, drawn.data, `x${i}`);
    feeds.set(`x${i}`, data ? ndArray(shape, data) : drawn);
    const type = data ? (operand.dtype ?? "int64") : dtype;
    return operand.placed ? storedParameter(graph, `x${i}`, type, shape) : input(graph, `x${i}`, type, shape);
  });
  return { graph, feeds, operands, outputs: apply(op, operands, sample.attributes as never) };
}

/** A constant of the given float type. */
export function floats(
  graph: Graph,
  dtype: "float32" | "float64",
  shape: readonly number[],
  x: Float64Array,
  name: string,
) {
  return constant(graph, dtype, shape, dtype === "float32" ? Float32Array.from(x) : x, name);
}
