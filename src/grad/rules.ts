/** One gradient rule an operator, written with the functions that models are written with. Knows no graph walk. */
import { fail } from "../base/errors.ts";
import { knownDim, sameShape } from "../base/shapes.ts";
import { apply, constant, scalar } from "../graph/build.ts";
import {
  add,
  concat,
  div,
  equal,
  exp,
  expand,
  fusedMatMul,
  gemm,
  mul,
  neg,
  reduceMean,
  reduceSum,
  reshape,
  scatterAdd,
  sigmoid,
  split,
  sub,
  transpose,
} from "../graph/functions.ts";
import type { OpName, Value } from "../graph/types.ts";
import { packedProductGradients } from "./packed.ts";
import { type GradientRule, type Refusal, type RuleArguments, sumTo } from "./rule.ts";

const shapesOf = (inputs: readonly Value[]) => inputs.map((value) => value.shape);

/** A tensor of zeros of a fixed shape. */
function zeros(like: Value): Value {
  return expand(scalar(like.graph, 0, like.dtype), like.shape);
}

/** op(A) op(B): each operand's gradient is again a product, transposed to suit. */
function productGradients(
  grad: Value,
  a: Value,
  b: Value,
  { transA, transB, alpha }: { transA: boolean; transB: boolean; alpha: number },
  product: (x: Value, y: Value, options: { transA?: boolean; transB?: boolean; alpha?: number }) => Value,
): [Value, Value] {
  const forA = transA
    ? product(b, grad, { transA: transB, transB: true, alpha })
    : product(grad, b, { transB: !transB, alpha });
  const forB = transB
    ? product(grad, a, { transA: true, transB: transA, alpha })
    : product(a, grad, { transA: !transA, alpha });
  return [forA, forB];
}

/** d/dx of x Φ(x), or of its tanh approximation (Hendrycks and Gimpel 2016). */
function geluSlope(x: Value, approximate: "none" | "tanh"): Value {
  if (approximate === "none") {
    const cdf = mul(add(apply("Erf", [mul(x, Math.SQRT1_2)], {})[0], 1), 0.5);
    const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return add(cdf, mul(x, density));
  }
  // With u = k (x + c x^3), gelu = x s(2u) where s is the sigmoid, so the slope is s + 2 x s (1 - s) u'.
  const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = mul(x, x);
  const s = sigmoid(mul(x, add(mul(square, 2 * k * c), 2 * k)));
  const slope = add(mul(square, 6 * k * c), 2 * k);
  return add(s, mul(mul(mul(x, s), sub(1, s)), slope));
}

/** Throws NO_GRADIENT when the loss reads an output beside the first. */
function needFirstOnly({ node, grads }: RuleArguments<OpName>): void {
  const second = grads.findLastIndex((grad) => grad !== undefined);
  if (second > 0)
    fail(
      "NO_GRADIENT",
      `${node.name}: the loss reads ${node.outputs[second]!.name}, and only the first output has a gradient`,
    );
}

/** Every row of the last axis on its own; see Ba et al. 2016. The leading axes are summed for scale and bias. */
function layerNormGradients(args: RuleArguments<"LayerNormalization">): Value[] {
  needFirstOnly(args);
  const { node, inputs, grad } = args;
  const [x, scale, bias] = inputs as [Value, Value, Value | undefined];
  const [, mean, inverseStd] = node.outputs as [Value, Value, Value];
  const normal = mul(sub(x, mean), inverseStd);
  const dNormal = mul(grad, scale);
  const last = [x.shape.length - 1];
  const centred = sub(dNormal, reduceMean(dNormal, last));
  const dx = mul(sub(centred, mul(normal, reduceMean(mul(dNormal, normal), last))), inverseStd);
  return [dx, sumTo(mul(grad, normal), scale.shape), ...(bias ? [sumTo(grad, bias.shape)] : [])];
}

/** y = x r w with r the inverse root mean square (Zhang and Sennrich 2019). */
function rmsNormGradients(args: RuleArguments<"SimplifiedLayerNormalization">): Value[] {
  needFirstOnly(args);
  const { node, inputs, grad } = args;
  const [x, scale] = inputs as [Value, Value];
  const inverseRms = node.outputs[1]!;
  const normal = mul(x, inverseRms);
  const dNormal = mul(grad, scale);
  const projected = mul(normal, reduceMean(mul(dNormal, normal), [x.shape.length - 1]));
  return [mul(sub(dNormal, projected), inverseRms), sumTo(mul(grad, normal), scale.shape)];
}

/** Rows of an embedding: every gradient row is added to the row it came from, exactly and repeatably on any thread count. */
function gatherGradient({ node, inputs, grad }: RuleArguments<"Gather">): Value[] {
  const [table, indices] = inputs as [Value, Value];
  if (node.attributes.axis !== 0 || table.shape.length !== 2)
    fail(
      "NO_GRADIENT",
      `${node.name}: Gather: got axis ${node.attributes.axis} of [${table.shape}], expected rows of a matrix`,
    );
  const width = table.shape[1]!;
  const rows = indices.shape.reduce<number>((n, dim) => n * knownDim(dim, node.name), 1);
  const spread = expand(reshape(indices, [rows, 1]), [rows, width]);
  return [scatterAdd(zeros(table), spread, reshape(grad, [rows, width]), 0)];
}

function splitGradient({ node, inputs, grads }: RuleArguments<"Split">): Value[] {
  if (inputs.length > 1) fail("NO_GRADIENT", `${node.name}: Split: lengths known at each run alone are for inference`);
  const parts = node.outputs.map((part, i) => grads[i] ?? zeros(part));
  return [parts.length === 1 ? parts[0]! : concat(parts, node.attributes.axis), ...inputs.slice(1)];
}

/** To whichever operand was chosen; to both where they are equal, as a clamp passes its limits on. */
function chosenGradient({ inputs, grad, output }: RuleArguments<"Min" | "Max">): Value[] {
  return inputs.map((x) => sumTo(mul(grad, equal(output, x, grad.dtype)), x.shape));
}

/** The chosen entries get theirs, the others none. */
function topKGradient(args: RuleArguments<"TopK">): Value[] {
  needFirstOnly(args);
  const { node, inputs, grad } = args;
  return [scatterAdd(zeros(inputs[0]!), node.outputs[1]!, grad, node.attributes.axis)];
}

function sliceGradient({ node, inputs, grad, output }: RuleArguments<"Slice">): Value[] {
  const x = inputs[0]!;
  const axis = (node.attributes.axis + x.shape.length) % x.shape.length;
  const length = knownDim(x.shape[axis], node.name);
  const kept = knownDim(output.shape[axis], node.name);
  const from = node.attributes.start < 0 ? node.attributes.start + length : node.attributes.start;
  const start = Math.min(length, Math.max(0, from));
  const blank = (size: number) => zeros({ ...x, shape: x.shape.with(axis, size) });
  const parts = [start > 0 && blank(start), grad, length - start - kept > 0 && blank(length - start - kept)];
  return [
    concat(
      parts.filter((part) => part !== false),
      axis,
    ),
  ];
}

function rotaryGradient({ node, inputs, grad }: RuleArguments<"RotaryEmbedding">): (Value | undefined)[] {
  const [, positions, cos, sin] = inputs as [Value, Value, Value, Value];
  // A rotation's transpose is the rotation by the negative angle.
  return [apply("RotaryEmbedding", [grad, positions, cos, negated(sin)], node.attributes)[0]];
}

/** The constant with its sign changed, folded here rather than at every step. */
function negated(sin: Value): Value {
  const known = sin.graph.constants.find((c) => c.value === sin);
  if (!known || !(known.data instanceof Float32Array)) return neg(sin);
  const name = `${sin.name}:negated`;
  const twin = sin.graph.constants.find((c) => c.value.name === name);
  const shape = sin.shape.map((dim) => knownDim(dim, sin.name));
  return (
    twin?.value ??
    constant(
      sin.graph,
      sin.dtype,
      shape,
      known.data.map((x) => -x),
      name,
    )
  );
}

function scatterGradient({ node, inputs, grad }: RuleArguments<"ScatterElements">): (Value | undefined)[] {
  const [, indices] = inputs as [Value, Value];
  if (node.attributes.reduction !== "add")
    fail("NO_GRADIENT", `${node.name}: ScatterElements: only addition has a gradient`);
  return [grad, undefined, apply("GatherElements", [grad, indices], { axis: node.attributes.axis })[0]];
}

/**
 * The gradient less the probabilities times its sum. Where it is zero but for a few entries, as that of a likelihood of
 * targets is, those are added to the scaled probabilities: the same numbers, and no second tensor as large as the logits.
 */
function logSoftmaxGradient({ node, grad, output }: RuleArguments<"LogSoftmax">): Value[] {
  const axis = (node.attributes.axis + output.shape.length) % output.shape.length;
  const entries = scatteredOverZeros(grad);
  if (entries?.axis !== axis) return [sub(grad, mul(exp(output), reduceSum(grad, [axis])))];
  const { indices, updates } = entries;
  const sum = updates.shape[axis] === 1 ? updates : reduceSum(updates, [axis]);
  return [scatterAdd(mul(exp(output), neg(sum)), indices, updates, axis)];
}

/** What a value that {@link scatterAdd} made from {@link zeros} is made of. */
function scatteredOverZeros(value: Value): { indices: Value; updates: Value; axis: number } | undefined {
  const producer = (of: Value | undefined) => of?.graph.nodes.findLast((node) => node.outputs[0] === of);
  const node = producer(value);
  if (node?.op !== "ScatterElements") return undefined;
  const { axis, reduction } = node.attributes as RuleArguments<"ScatterElements">["node"]["attributes"];
  const [data, indices, updates] = node.inputs;
  const blank = producer(data);
  const fill = data?.graph.constants.find((c) => c.value === blank?.inputs[0]);
  if (reduction !== "add" || blank?.op !== "Expand" || fill?.data[0] !== 0) return undefined;
  const front = (axis + value.shape.length) % value.shape.length;
  const isWhole = sameShape(updates!.shape.toSpliced(front, 1), value.shape.toSpliced(front, 1));
  return isWhole ? { indices: indices!, updates: updates!, axis: front } : undefined;
}

const DISCRETE = "piecewise constant";

/** The table: a missing rule does not compile; an operator without one says why. */
export const GRADIENTS: { readonly [K in OpName]: GradientRule<K> | Refusal } = {
  Add: ({ grad, inputs }) => shapesOf(inputs).map((shape) => sumTo(grad, shape)),
  Sub: ({ grad, inputs: [a, b] }) => [sumTo(grad, a!.shape), sumTo(neg(grad), b!.shape)],
  Mul: ({ grad, inputs: [a, b] }) => [sumTo(mul(grad, b!), a!.shape), sumTo(mul(grad, a!), b!.shape)],
  Div: ({ grad, inputs: [a, b], output }) => {
    const scaled = div(grad, b!);
    return [sumTo(scaled, a!.shape), sumTo(neg(mul(scaled, output)), b!.shape)];
  },
  Min: chosenGradient,
  Max: chosenGradient,
  Equal: { refused: DISCRETE },
  Neg: ({ grad }) => [neg(grad)],
  Exp: ({ grad, output }) => [mul(grad, output)],
  Log: ({ grad, inputs: [x] }) => [div(grad, x!)],
  Sqrt: ({ grad, output }) => [div(mul(grad, 0.5), output)],
  Tanh: ({ grad, output }) => [mul(grad, sub(1, mul(output, output)))],
  Sigmoid: ({ grad, output }) => [mul(grad, mul(output, sub(1, output)))],
  Softplus: ({ grad, inputs: [x] }) => [mul(grad, sigmoid(x!))],
  Erf: ({ grad, inputs: [x] }) => [mul(grad, mul(exp(neg(mul(x!, x!))), 2 / Math.sqrt(Math.PI)))],
  Relu: ({ grad, output }) => [mul(grad, apply("Sign", [output], {})[0])],
  Sign: { refused: DISCRETE },
  Floor: { refused: DISCRETE },
  StopGradient: () => [undefined],
  Gelu: ({ node, grad, inputs: [x] }) => [mul(grad, geluSlope(x!, node.attributes.approximate))],
  QuickGelu: ({ node, grad, inputs: [x], output }) => {
    // With s = sigmoid(a x) and y = x s, the slope is s + a y (1 - s).
    const { alpha } = node.attributes;
    const s = sigmoid(alpha === 1 ? x! : mul(x!, alpha));
    const rest = mul(output, sub(1, s));
    return [mul(grad, add(s, alpha === 1 ? rest : mul(rest, alpha)))];
  },
  Softmax: ({ node, grad, output }) => {
    const weighted = mul(grad, output);
    return [sub(weighted, mul(output, reduceSum(weighted, [node.attributes.axis])))];
  },
  LogSoftmax: logSoftmaxGradient,
  ReduceSum: ({ grad, inputs: [x] }) => [expand(grad, x!.shape)],
  ReduceMean: ({ node, grad, inputs: [x] }) => {
    const count = node.attributes.axes.reduce((n, axis) => n * knownDim(x!.shape[axis], node.name), 1);
    return [expand(mul(grad, 1 / count), x!.shape)];
  },
  ReduceSumSquare: ({ grad, inputs: [x] }) => [mul(mul(x!, 2), grad)],
  MatMul: ({ grad, inputs: [a, b] }) =>
    productGradients(grad, a!, b!, { transA: false, transB: false, alpha: 1 }, fusedMatMul).map((g, i) =>
      sumTo(g, [a!, b!][i]!.shape),
    ),
  FusedMatMul: ({ node, grad, inputs: [a, b] }) =>
    productGradients(grad, a!, b!, node.attributes, fusedMatMul).map((g, i) => sumTo(g, [a!, b!][i]!.shape)),
  Gemm: ({ node, grad, inputs: [a, b, c] }) => [
    ...productGradients(grad, a!, b!, node.attributes, gemm),
    ...(c ? [sumTo(grad, c.shape)] : []),
  ],
  Reshape: ({ grad, inputs: [x] }) => [reshape(grad, x!.shape)],
  Transpose: ({ node, grad }) => [transpose(grad, inverse(node.attributes.perm))],
  Expand: ({ grad, inputs: [x] }) => [sumTo(grad, x!.shape)],
  Concat: ({ node, grad, inputs }) => {
    const axis = (node.attributes.axis + grad.shape.length) % grad.shape.length;
    return split(
      grad,
      axis,
      inputs.map((x) => knownDim(x.shape[axis], node.name)),
    );
  },
  Split: splitGradient,
  TopK: topKGradient,
  Size: { refused: DISCRETE },
  Slice: sliceGradient,
  Gather: gatherGradient,
  GatherElements: ({ node, grad, inputs: [x, indices] }) => [
    scatterAdd(zeros(x!), indices!, grad, node.attributes.axis),
  ],
  ScatterElements: scatterGradient,
  Cast: { refused: DISCRETE },
  Identity: ({ grad }) => [grad],
  LayerNormalization: layerNormGradients,
  SimplifiedLayerNormalization: rmsNormGradients,
  RotaryEmbedding: rotaryGradient,
  SkipSimplifiedLayerNormalization: { refused: "a fused form of inference. Build the model for training" },
  MatMulNBits: packedProductGradients,
  GatherBlockQuantized: { refused: "packed weights. Build the model from weights of float32" },
  DequantizeLinear: { refused: "packed weights. Build the model from weights of float32" },
  GroupQueryAttention: { refused: "the fused attention of inference. Build the model for training" },
};

function inverse(perm: readonly number[]): number[] {
  return perm.map((_, i) => perm.indexOf(i));
}
