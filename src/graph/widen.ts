/** Weights in blocks as floats, slab by slab, each when it is needed and no sooner. Knows no gradients. */
import { apply, scalar } from "./build.ts";
import { concat, expand, gemm, reshape, slice } from "./functions.ts";
import { heldUntil } from "./held.ts";
import { rewrite } from "./rewrite.ts";
import type { Graph, Node, Value } from "./types.ts";

/** Elements of a weight that are floats at a time, 64 MiB: as much as a layer of most models has. */
const SLAB_ELEMENTS = 2 ** 24;

/** Rows `start` to before `end` of a weight (N, K) as floats, (end - start, K padded to whole blocks). */
export interface Slab {
  readonly floats: Value;
  readonly start: number;
  readonly end: number;
}

/**
 * The weight of a product in slabs, each made when what `after` gives by then is there: what the first is needed with, then
 * what came of the one before. The runtime would make all of them at once.
 */
export function* slabsOf({ inputs, attributes }: Node<"MatMulNBits">, after: () => Value): Generator<Slab> {
  const [, quants, scales] = inputs as [Value, Value, Value];
  const { N, bits, blockSize } = attributes;
  const width = (scales.shape[1] as number) * blockSize;
  const height = Math.min(N, Math.max(1, Math.floor(SLAB_ELEMENTS / width)));
  for (let start = 0; start < N; start += height) {
    const end = Math.min(N, start + height);
    const held = heldUntil(height === N ? scales : slice(scales, 0, start, end), after());
    yield { floats: apply("DequantizeLinear", [quants, held], { bits, blockSize, start })[0], start, end };
  }
}

/**
 * Puts products of floats in the place of exact ones with 8 bits, in place, once gradients are written: ONNX Runtime 1.30
 * widens the whole of such a weight at once and multiplies at two thirds of the speed. Returns the graph.
 */
export function widenProducts(graph: Graph): Graph {
  const isWidened = (node: Node): node is Node<"MatMulNBits"> => {
    const { exact, bits } = node.attributes as Partial<Node<"MatMulNBits">["attributes"]>;
    return node.op === "MatMulNBits" && exact === true && bits === 8;
  };
  if (!graph.nodes.some(isWidened)) return graph;
  return rewrite(graph, (node) => (isWidened(node) ? [widened(node)] : undefined));
}

function widened(node: Node<"MatMulNBits">): Value {
  const [input, , scales, bias] = node.inputs as [Value, Value, Value, Value | undefined];
  const { K, N, blockSize } = node.attributes;
  const rows = input.shape.slice(0, -1).reduce<number>((n, dim) => n * Number(dim), 1);
  const padding = (scales.shape[1] as number) * blockSize - K;
  const x = reshape(input, [rows, K]);
  const wide = padding > 0 ? concat([x, expand(scalar(x.graph, 0, x.dtype), [rows, padding])], 1) : x;
  const parts: Value[] = [];
  for (const { floats, start, end } of slabsOf(node, () => parts.at(-1) ?? x)) {
    const c = bias && end - start < N ? slice(bias, 0, start, end) : bias;
    parts.push(gemm(wide, floats, { transB: true, ...(c ? { c } : {}) })); // (rows, end - start)
  }
  return reshape(parts.length === 1 ? parts[0]! : concat(parts, 1), node.outputs[0]!.shape);
}
