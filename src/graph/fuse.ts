/** Joins small operators of inference into the runtime's larger ones: a step of decoding has hundreds of them. */
import { sameShape } from "../base/shapes.ts";
import { apply } from "./build.ts";
import { reshape } from "./functions.ts";
import { rewrite } from "./rewrite.ts";
import type { Graph, Node, OpAttributes, Value } from "./types.ts";

/**
 * In place: a sum that is normalised becomes `SkipSimplifiedLayerNormalization`, and queries, keys and values that are
 * parts of one product go to the attention as they are. Returns the graph.
 */
export function fuseGraph(graph: Graph): Graph {
  const makers = new Map<Value, Node>();
  // What a region makes is not taken out of it.
  const apart = new Set(graph.regions.flatMap(({ nodes }) => nodes.map(({ name }) => name)));
  return rewrite(graph, (node, replace) => {
    if (apart.has(node.name)) return undefined;
    for (const value of node.outputs) makers.set(value, node);
    if (node.op === "SimplifiedLayerNormalization") return skipNorm(node, makers, replace);
    if (node.op === "GroupQueryAttention") return packedAttention(node, makers);
    return undefined;
  });
}

function skipNorm(
  node: Node,
  makers: ReadonlyMap<Value, Node>,
  replace: (old: Value, now: Value) => void,
): readonly Value[] | undefined {
  const [x, scale] = node.inputs as [Value, Value];
  const sum = makers.get(x);
  if (sum?.op !== "Add" || !sum.inputs.every((part) => sameShape(part!.shape, x.shape))) return undefined;
  const { epsilon } = node.attributes as OpAttributes["SimplifiedLayerNormalization"];
  const [normed, total] = apply("SkipSimplifiedLayerNormalization", [...sum.inputs, scale], { epsilon });
  replace(x, total!);
  return [normed];
}

/** The parts of a Split of columns, each seen under another shape, in their order. */
function packedAttention(node: Node, makers: ReadonlyMap<Value, Node>): readonly Value[] | undefined {
  const parts = node.inputs.slice(0, 3).map((value) => value && makers.get(value));
  const sources = parts.map((part) => (part?.op === "Reshape" ? part.inputs[0] : undefined));
  const split = sources[0] && makers.get(sources[0]);
  if (split?.op !== "Split" || (split.attributes as OpAttributes["Split"]).axis !== 1) return undefined;
  if (split.outputs.length !== 3 || sources.some((source, i) => source !== split.outputs[i])) return undefined;
  const whole = split.inputs[0]!; // (N, H*D + 2*KV*D)
  const [batch, tokens] = node.inputs[0]!.shape as [Value["shape"][number], Value["shape"][number]];
  const query = reshape(whole, [batch, tokens, whole.shape[1]!]);
  const inputs = [query, undefined, undefined, ...node.inputs.slice(3)];
  return apply("GroupQueryAttention", inputs, node.attributes as OpAttributes["GroupQueryAttention"]);
}
