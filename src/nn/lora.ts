/** Low-rank adapters (LoRA, Hu et al. 2021; DoRA, Liu et al. 2024): small trained products beside the frozen ones of a graph. Knows no files. */
import { fail } from "../base/errors.ts";
import { apply, atRoot, parameter, scope } from "../graph/build.ts";
import {
  add,
  concat,
  div,
  gemm,
  matMul,
  mul,
  reduceSum,
  reshape,
  split,
  sqrt,
  stopGradient,
  sub,
  transpose,
} from "../graph/functions.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Graph, Init, Node, OpAttributes, Value } from "../graph/types.ts";
import { dropouts, type Mask } from "./dropout.ts";
import { isInModules, requireSaved, requireTargets, type Targets, targetTest } from "./lora-targets.ts";

/** Which linear layers have adapters, and of what kind. */
export interface LoraOptions {
  /** r: the width between the two matrices, from 1. */
  readonly rank: number;
  /** The update is scaled by alpha / r. */
  readonly alpha: number;
  /** Scale by alpha / sqrt(r) instead (Kalajdzievski 2023). */
  readonly rsLora?: boolean | undefined;
  /** Train each output's magnitude by itself as well (DoRA). */
  readonly dora?: boolean | undefined;
  /** Part of an adapter's inputs that a training step drops, from 0 to below 1. Layers that share an input share its mask. */
  readonly dropout?: number | undefined;
  readonly targets: Targets;
  /** Ends of names of modules that are trained whole, without adapters. */
  readonly modulesToSave?: readonly string[] | undefined;
}

/** Where a model's head is its embedding: the head's module, and the parameter it shares. */
export interface TiedHead {
  readonly head: string;
  readonly table: string;
}

/** The factor of an adapter's product. */
export const loraScale = ({ rank, alpha, rsLora = false }: LoraOptions): number =>
  alpha / (rsLora ? Math.sqrt(rank) : rank);

/** True for the parameters that {@link addLora} makes. */
export const isLoraParameter = (name: string): boolean => /\.lora_([AB]|magnitude_vector)\.weight$/.test(name);

/** The parameter of a module's magnitudes (out), which begin as the lengths of its weight's rows. */
export const magnitudeName = (module: string): string => `${module}.lora_magnitude_vector.weight`;

/**
 * What says whether a parameter moves: those of adapters and of `modulesToSave`. A head that is its embedding is one tensor
 * and stays so, whichever of the two is named.
 */
export function trainedWith({ modulesToSave = [] }: LoraOptions, tied?: TiedHead): (parameter: string) => boolean {
  const shared = tied && isInModules(`${tied.head}.weight`, modulesToSave) ? tied.table : undefined;
  return (name) => isLoraParameter(name) || name === shared || isInModules(name, modulesToSave);
}

/** A linear layer that gets an adapter. */
interface Layer {
  readonly module: string;
  readonly inner: number;
  readonly outer: number;
  readonly transB: boolean;
}

/** Layers that read the same value: their A's are one matrix, and their dropped inputs one. */
interface Group {
  readonly layers: readonly Layer[];
  /** Set when the first of them is written. */
  made?: GroupInput;
}

interface GroupInput {
  /** The input, dropped where there is dropout; scaled with `keep` it has the mean of the input itself. */
  readonly x: Value;
  /** A (r, in) and x A^T (N, r) of each module. */
  readonly narrow: ReadonlyMap<string, { readonly a: Value; readonly product: Value }>;
}

/** As torch's `kaiming_uniform_` with a = sqrt(5), which PEFT starts A with: uniform within 1 / sqrt(in). */
const startOfA = (inner: number): Init => ({ kind: "uniform", bound: 1 / Math.sqrt(inner) });

/**
 * Adds adapters to a training graph, in place: `x W^T` becomes `x W^T + s (x A^T) B^T` with A (r, in) and B (out, r), named
 * `MODULE.lora_A.weight` and `MODULE.lora_B.weight`. B starts at zero, so that the model begins as it was; so do the magnitudes of
 * DoRA when they are set to the lengths of their weights' rows. `vocabSize` tells the head, which "all-linear" leaves out. Returns the
 * modules' names in the graph's order. Throws BAD_OPTION where a target names no linear layer or a module to save no module.
 */
export function addLora(graph: Graph, options: LoraOptions, vocabSize: number, tied?: TiedHead): string[] {
  const { rank, targets, modulesToSave = [], dropout = 0 } = options;
  if (graph.outputs.length === 0) fail("BUG", `${graph.name}: has no outputs yet, so that all of it would be dropped`);
  const parameters = graph.parameters.map(({ value }) => value.name);
  requireSaved(modulesToSave, tied ? [...parameters, `${tied.head}.weight`] : parameters);
  const { layers, groups } = targetsOf(graph, options, vocabSize);
  requireTargets(
    targets,
    [...layers.values()].map(({ module }) => module),
  );
  const widths = [...new Set(groups.values())].map(({ layers: [first] }) => first!.inner);
  const mask = dropout > 0 ? masksOf(graph, layers, widths, dropout) : undefined;
  rewrite(graph, (node) => {
    const layer = layers.get(node.name);
    if (!layer) return undefined;
    const group = groups.get(node.name)!;
    group.made ??= groupInput(graph, group.layers, node.inputs[0]!, rank, mask);
    return [adapted(graph, node, layer, group.made, options)];
  });
  return [...new Set([...layers.values()].map(({ module }) => module))];
}

/** Targets by the names of their nodes, and with which others they share their input. */
function targetsOf(graph: Graph, { targets, modulesToSave = [] }: LoraOptions, vocabSize: number) {
  const isTarget = targetTest(targets);
  const isAll = typeof targets === "string" && targets.toLowerCase() === "all-linear";
  const tables = new Set(graph.nodes.map(({ op, inputs }) => (op === "Gather" ? inputs[0] : undefined)));
  const layers = new Map<string, Layer>();
  const byInput = new Map<Value, Layer[]>();
  const groups = new Map<string, Group>();
  for (const node of graph.nodes) {
    const [x, weight] = node.inputs;
    const layer = layerOf(node);
    if (!layer || tables.has(weight) || !isTarget(layer.module) || isInModules(weight!.name, modulesToSave)) continue;
    if (isAll && layer.outer === vocabSize && !/\.\d+\./.test(layer.module)) continue;
    layers.set(node.name, layer);
    const sharing = byInput.get(x!) ?? [];
    if (!sharing.some(({ module }) => module === layer.module)) sharing.push(layer);
    byInput.set(x!, sharing);
  }
  const made = new Map([...byInput].map(([x, sharing]) => [x, { layers: sharing } as Group]));
  for (const node of graph.nodes) if (layers.has(node.name)) groups.set(node.name, made.get(node.inputs[0]!)!);
  return { layers, groups };
}

/** A product with a parameter as a linear layer. */
function layerOf({ op, inputs, attributes }: Node): Layer | undefined {
  const weight = op === "Gemm" ? inputs[1] : undefined;
  if (weight?.kind !== "parameter" || !weight.name.endsWith(".weight")) return undefined;
  const { transB } = attributes as OpAttributes["Gemm"];
  const [outer, inner] = (transB ? weight.shape : weight.shape.toReversed()) as [number, number];
  return { module: weight.name.slice(0, -".weight".length), inner, outer, transB };
}

function masksOf(graph: Graph, layers: ReadonlyMap<string, Layer>, widths: readonly number[], rate: number): Mask {
  const first = graph.nodes.find(({ name }) => layers.has(name))!;
  const width = widths.reduce((sum, each) => sum + each, 0);
  return dropouts(graph, first.inputs[0]!.shape[0] as number, width, rate);
}

/** What layers that share an input share of their adapters: the dropped input, and its product with all their A's. */
function groupInput(
  graph: Graph,
  layers: readonly Layer[],
  x: Value,
  rank: number,
  mask: Mask | undefined,
): GroupInput {
  const inner = x.shape[1] as number;
  const dropped = mask ? mul(x, mask(inner)) : x;
  const as = layers.map(({ module }) =>
    inModule(graph, module, () => parameter(graph, "lora_A.weight", [rank, inner], startOfA(inner))),
  );
  // The runtime's products with narrow matrices are up to three times as fast this way round, forward and backward.
  const turned = transpose(as.length > 1 ? concat(as, 0) : as[0]!, [1, 0]); // (in, layers * r)
  const product = gemm(dropped, turned); // (N, layers * r)
  const parts =
    as.length > 1
      ? split(
          product,
          1,
          as.map(() => rank),
        )
      : [product];
  const narrow = new Map(layers.map(({ module }, i) => [module, { a: as[i]!, product: parts[i]! }]));
  return { x: dropped, narrow };
}

/** A linear layer with its adapter, (N, in) to (N, out). */
function adapted(
  graph: Graph,
  node: Node,
  { module, outer, ...layer }: Layer,
  shared: GroupInput,
  options: LoraOptions,
): Value {
  const { rank, dora = false, dropout = 0 } = options;
  const { a, product } = shared.narrow.get(module)!;
  const plain = apply("Gemm", node.inputs, node.attributes as OpAttributes["Gemm"])[0];
  const b = inModule(graph, module, () => parameter(graph, "lora_B.weight", [outer, rank], { kind: "zeros" }));
  const scale = loraScale(options);
  const update = gemm(product, b, { transB: true, alpha: scale / (1 - dropout) }); // (N, out)
  if (!dora) return add(plain, update);
  const [, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const start: Init = { kind: "ones" };
  const magnitude = inModule(graph, module, () => parameter(graph, "lora_magnitude_vector.weight", [outer], start));
  const gain = div(magnitude, stopGradient(lengths(weight, a, b, scale, layer.transB))); // (out)
  if (dropout === 0) {
    const unbiased = bias ? gemm(node.inputs[0]!, weight, { transB: layer.transB }) : plain;
    const scaled = mul(add(unbiased, update), gain);
    return bias ? add(scaled, bias) : scaled;
  }
  const beside = gemm(shared.x, weight, { transB: layer.transB, alpha: 1 / (1 - dropout) });
  return add(plain, add(mul(beside, sub(gain, 1)), mul(update, gain)));
}

/**
 * The lengths of the rows of W + s B A, (out), without that sum: |W|^2 + s B (2 W A^T + s B A A^T) row by row. W is (out, in), or
 * (in, out) without `transB`.
 */
function lengths(weight: Value, a: Value, b: Value, scale: number, transB: boolean): Value {
  const outer = b.shape[0] as number;
  const squares = apply("ReduceSumSquare", [weight], { axes: [transB ? 1 : 0] })[0];
  const crossed = gemm(weight, a, { transA: !transB, transB: true, alpha: 2 }); // (out, r)
  const own = matMul(b, gemm(a, a, { transB: true, alpha: scale })); // (out, r)
  const added = reduceSum(mul(mul(b, add(crossed, own)), scale), [1]); // (out, 1)
  return sqrt(add(reshape(squares, [outer]), reshape(added, [outer])));
}

/** Runs `body` under the scope of a module and no other. */
const inModule = <R>(graph: Graph, module: string, body: () => R): R => atRoot(graph, () => scope(graph, module, body));
