/** Mixtures of experts (Shazeer et al. 2017): a few of many feed-forward layers for each token. Knows no weight's name. */
import { type Dim, mulDims, subDims } from "../base/shapes.ts";
import { apart, constant, scalar } from "../graph/build.ts";
import {
  add,
  argSort,
  cast,
  concat,
  div,
  equal,
  expand,
  gather,
  matMul,
  mul,
  reduceSum,
  reshape,
  scatterAdd,
  softmax,
  split,
  splitBy,
  topK,
} from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";
import { cacheOf, type ModelBuilder } from "./builder.ts";

/** The K experts of each token, int64 (N, K), and what each one's result counts, (N, K). */
export interface Routing {
  readonly experts: Value;
  readonly weights: Value;
}

/** The K most probable of all experts by their probabilities, made to sum to 1 on request: logits (N, E). */
export function routeByProbability(logits: Value, k: number, { normalise }: { readonly normalise: boolean }): Routing {
  const [chosen, experts] = topK(softmax(logits, -1), 1, k); // (N, K)
  return { experts, weights: normalise ? div(chosen, reduceSum(chosen, [1])) : chosen };
}

/** The K experts of the largest logits (N, E), by a softmax over those alone. */
export function routeByLogit(logits: Value, k: number): Routing {
  const [chosen, experts] = topK(logits, 1, k); // (N, K)
  return { experts, weights: softmax(chosen, -1) };
}

/**
 * Feed-forward layers that differ in their weights alone, in three parts, so that what has no weights is done once for
 * the rows of all experts. `x` has one row for each token that an expert is given.
 */
export interface Experts {
  readonly count: number;
  /** What the activation takes, of one expert: (n, C) to one or more of (n, F). */
  rise(expert: number, x: Value): readonly Value[];
  /** Of the rows of any experts: (n, F) each to (n, F). */
  activate(risen: readonly Value[]): Value;
  /** Back to the width, of one expert: (n, F) to (n, C). */
  fall(expert: number, x: Value): Value;
}

/** So many experts that planning their rows together with other layers' would take long; see {@link apart}. */
const MANY = 32;

/** The weighted sum of each token's experts: x (N, C) to (N, C). Training computes all experts for every token. */
export function mixture(b: ModelBuilder, x: Value, routing: Routing, experts: Experts): Value {
  if (b.mode === "train") return denseMixture(x, routing, experts);
  if (experts.count < MANY) return groupedMixture(x, routing, experts);
  const always = cast(cacheOf(b).totalSequenceLength, "bool");
  return apart(always, x, () => groupedMixture(x, routing, experts));
}

/** Every expert over every row, with weights of zero where it was not chosen: simple, and differentiable. */
export function denseMixture(x: Value, routing: Routing, experts: Experts): Value {
  const weights = split(spread(x.graph, routing, x.shape[0]!, experts.count), 1, Array(experts.count).fill(1)); // (N, 1)
  const terms = weights.map((weight, e) => mul(experts.fall(e, experts.activate(experts.rise(e, x))), weight));
  return terms.reduce((sum, term) => add(sum, term)); // (N, C)
}

/** (N, E): each token's weights at its experts, and zeros. */
function spread(graph: Graph, { experts, weights }: Routing, rows: Dim, count: number): Value {
  return scatterAdd(expand(scalar(graph, 0, weights.dtype), [rows, count]), experts, weights, 1);
}

/**
 * Rows sorted by expert, so that each expert multiplies those it was chosen for and no others: one that was not chosen
 * gets a matrix of no rows, whose product reads no weight. One graph serves prompts and single tokens.
 */
export function groupedMixture(x: Value, routing: Routing, experts: Experts): Value {
  const k = routing.experts.shape[1] as number;
  const [tokens, width] = x.shape as [Dim, Dim];
  const pairs = reshape(routing.experts, [mulDims(tokens, k)]); // (N*K)
  const order = argSort(pairs);
  const groups = groupsOf(pairs, experts.count);
  const rows = gather(x, div(order, integers(x.graph, [], [k]))); // (N*K, C)
  const risen = groups(rows).map((part, e) => experts.rise(e, part)); // (n_e, F) each
  const inner = experts.activate(risen[0]!.map((_, i) => joined(risen.map((parts) => parts[i]!)))); // (N*K, F)
  const fallen = joined(groups(inner).map((part, e) => experts.fall(e, part))); // (N*K, C)
  const byToken = reshape(gather(fallen, argSort(order)), [tokens, k, width]); // (N, K, C)
  return reshape(matMul(reshape(routing.weights, [tokens, 1, k]), byToken), x.shape); // (N, C)
}

const joined = (parts: readonly Value[]) => (parts.length === 1 ? parts[0]! : concat(parts, 0));

/** What cuts rows that are sorted by expert into those of each: `pairs` int64 (R) are the experts of the rows, unsorted. */
function groupsOf(pairs: Value, count: number): (rows: Value) => readonly Value[] {
  const { graph } = pairs;
  if (count === 1) return (rows) => [rows];
  const all = pairs.shape[0]!;
  const numbers = integers(graph, [count], [...Array(count).keys()]);
  const isOf = equal(reshape(pairs, [all, 1]), numbers); // (R, E)
  const counts = cast(reshape(reduceSum(isOf, [0]), [count]), "int64"); // (E)
  // The number of nodes so far makes the names new.
  const names = Array.from({ length: count - 1 }, (_, e) => `X${graph.nodes.length}_${e}`);
  const sizes = [...names, subDims(all, ...names)];
  return (rows) => splitBy(rows, 0, counts, sizes);
}

function integers(graph: Graph, shape: readonly number[], data: readonly number[]): Value {
  return constant(graph, "int64", shape, BigInt64Array.from(data, BigInt));
}
