/** Rewrites products with weights into products with packed weights, those of one input at once. Knows no files. */
import { fail } from "../base/errors.ts";
import { apply, storedParameter } from "./build.ts";
import { concat, split } from "./functions.ts";
import { rewrite } from "./rewrite.ts";
import type { Graph, Node, Value } from "./types.ts";

/** How packed weights are multiplied with. */
export interface PackUse {
  /** Activations stay float32, for the numbers of the float model; without it they are rounded to 8 bits. */
  readonly exact?: boolean;
}

/** A weight (rows, width) that is stored in blocks. */
export interface PackedWeight {
  /** The parameter that it takes the place of. */
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;
}

/** Weights of one format that lie one after the other, so that they can be read as one matrix. */
export type PackedGroup = readonly PackedWeight[];

/** Names of the parameters that hold a group: `quants` uint8 (N, blocks, bytes), `scales` (N, blocks), `table` uint8 (N, blocks * bytes), the same bytes as `quants`. */
export const groupNames = (group: PackedGroup) => {
  const name = group.map((weight) => weight.name).join("+");
  return { quants: `${name}_packed`, scales: `${name}_scale`, table: `${name}_table` };
};

/**
 * Puts packed weights in the place of the graph's own, in place: `Gemm` becomes `MatMulNBits`, and the products of a
 * group that share their input become one with a `Split` after it; `Gather` becomes `GatherBlockQuantized`. Throws BUG
 * for a use that has no packed form. Returns the graph.
 */
export function packGraph(graph: Graph, groups: readonly PackedGroup[], use: PackUse = {}): Graph {
  if (groups.length === 0) return graph;
  const groupOf = new Map(groups.flatMap((group) => group.map((weight) => [weight.name, group] as const)));
  const products = productsOf(graph.nodes);
  const inputOf = new Map(graph.nodes.map(({ name, inputs }) => [name, inputs[0]] as const));
  const joined = new Set<string>();
  const made = new Map<string, Value>();
  rewrite(graph, (node, replace) => {
    if (joined.has(node.name)) return [];
    const group = packedOperand(node, groupOf);
    if (!group) return undefined;
    if (node.op === "Gather") return [gathered(graph, node, group, made)];
    const partners = partnersOf(node, inputOf.get(node.name), group, products);
    for (const { name } of partners) joined.add(name);
    const held = partners.length === group.length ? group : group.filter(({ name }) => name === node.inputs[1]!.name);
    const results = product(node.inputs[0]!, partners, held, made, use);
    for (const [i, partner] of partners.entries()) replace(partner.outputs[0]!, results[i]!);
    return [];
  });
  const kept = graph.parameters.filter(({ value }) => !groupOf.has(value.name));
  graph.parameters.splice(0, graph.parameters.length, ...kept);
  return graph;
}

function packedOperand(node: Node, groupOf: ReadonlyMap<string, PackedGroup>): PackedGroup | undefined {
  const found = node.inputs.findIndex((value) => value?.kind === "parameter" && groupOf.has(value.name));
  if (found < 0) return undefined;
  if (found !== (node.op === "Gather" ? 0 : node.op === "Gemm" ? 1 : -1))
    fail("BUG", `${node.name}: ${node.op} takes the packed weight ${node.inputs[found]!.name}`);
  return groupOf.get(node.inputs[found]!.name);
}

/** The products with each weight, by its name. */
function productsOf(nodes: readonly Node[]): ReadonlyMap<string, readonly Node[]> {
  const found = new Map<string, Node[]>();
  for (const node of nodes) {
    if (node.op !== "Gemm") continue;
    const { name } = node.inputs[1]!;
    const list = found.get(name);
    if (list) list.push(node);
    else found.set(name, [node]);
  }
  return found;
}

/** The group's products with the same input, in the group's order, when all are there; else the one product. */
function partnersOf(
  node: Node,
  input: Value | undefined,
  group: PackedGroup,
  products: ReadonlyMap<string, readonly Node[]>,
): readonly Node[] {
  const sharing = group.map(({ name }) => products.get(name)?.find(({ inputs }) => inputs[0] === input));
  const biased = new Set(sharing.map((each) => each?.inputs[2] !== undefined));
  return sharing.every((each) => each !== undefined) && biased.size === 1 ? sharing : [node];
}

function stored(made: Map<string, Value>, name: string, make: () => Value): Value {
  const value = made.get(name) ?? make();
  made.set(name, value);
  return value;
}

/** The products of x (rows, K) with a group's weights, one read of x for all. */
function product(
  x: Value,
  nodes: readonly Node[],
  group: PackedGroup,
  made: Map<string, Value>,
  { exact = false }: PackUse,
): readonly Value[] {
  const { graph } = x;
  const { width: K, bits, blockSize } = group[0]!;
  const N = group.reduce((sum, { rows }) => sum + rows, 0);
  const blocks = Math.ceil(K / blockSize);
  const names = groupNames(group);
  const quants = stored(made, names.quants, () =>
    storedParameter(graph, names.quants, "uint8", [N, blocks, (blockSize * bits) / 8]),
  );
  const scales = stored(made, names.scales, () => storedParameter(graph, names.scales, "float32", [N, blocks]));
  const biases = nodes.flatMap(({ inputs }) => inputs[2] ?? []);
  const bias = biases.length > 1 ? [concat(biases, 0)] : biases; // (N)
  const attributes = { K, N, bits, blockSize, ...(exact ? { exact } : {}) };
  const all = apply("MatMulNBits", [x, quants, scales, ...bias], attributes)[0]; // (rows, N)
  if (nodes.length === 1) return [all];
  return split(
    all,
    1,
    group.map(({ rows }) => rows),
  );
}

function gathered(graph: Graph, node: Node, group: PackedGroup, made: Map<string, Value>): Value {
  const { rows, width, bits, blockSize } = group[0]!;
  const blocks = Math.ceil(width / blockSize);
  const names = groupNames(group);
  const table = stored(made, names.table, () =>
    storedParameter(graph, names.table, "uint8", [rows, (blocks * blockSize * bits) / 8]),
  );
  const scales = stored(made, names.scales, () => storedParameter(graph, names.scales, "float32", [rows, blocks]));
  const found = apply("GatherBlockQuantized", [table, node.inputs[1], scales], { bits, blockSize })[0];
  if (blocks * blockSize === width) return found;
  return apply("Slice", [found], { axis: -1, start: 0, end: width })[0];
}
