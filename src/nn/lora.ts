/** Low-rank adapters (LoRA, Hu et al. 2021): small trained products beside the frozen ones of a graph. Knows no files. */
import { fail } from "../base/errors.ts";
import { apply, atRoot, parameter, scope } from "../graph/build.ts";
import { add, gemm } from "../graph/functions.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Graph, Init, Node, OpAttributes } from "../graph/types.ts";

/** Which linear layers have adapters, and of what size. */
export interface LoraOptions {
  /** r: the width between the two matrices, from 1. */
  readonly rank: number;
  /** The update is scaled by alpha / r. */
  readonly alpha: number;
  /** Scale by alpha / sqrt(r) instead (Kalajdzievski 2023). */
  readonly rsLora?: boolean | undefined;
  /** Last parts of modules' names, as PEFT's `target_modules`: "q_proj"; "all-linear": every linear layer but the head. */
  readonly targets: readonly string[] | "all-linear";
}

/** The factor of an adapter's product. */
export const loraScale = ({ rank, alpha, rsLora = false }: LoraOptions): number =>
  alpha / (rsLora ? Math.sqrt(rank) : rank);

/** True for the parameters that {@link addLora} makes. */
export const isLoraParameter = (name: string): boolean => /\.lora_[AB]\.weight$/.test(name);

/** As torch's `kaiming_uniform_` with a = sqrt(5), which PEFT starts A with: uniform within 1 / sqrt(in). */
const startOfA = (inner: number): Init => ({ kind: "uniform", bound: 1 / Math.sqrt(inner) });

/**
 * Adds adapters to a training graph, in place: `x W^T` becomes `x W^T + s (x A^T) B^T` with A (r, in) and B (out, r), named
 * `MODULE.lora_A.weight` and `MODULE.lora_B.weight`. B starts at zero, so that the model begins as it was. `headRows` is the vocabulary's
 * size: "all-linear" leaves out products of so many columns. Returns the modules' names in the graph's order. Throws BAD_OPTION where a
 * target names no linear layer.
 */
export function addLora(graph: Graph, options: LoraOptions, headRows: number): string[] {
  const { rank, targets } = options;
  const modules = new Set<string>();
  rewrite(graph, (node) => {
    const module = moduleOf(node);
    if (module === undefined || !isTarget(module, node, targets, headRows)) return undefined;
    modules.add(module);
    const [x, weight] = node.inputs as [Node["outputs"][0], Node["outputs"][0]];
    const { transB } = node.attributes as OpAttributes["Gemm"];
    const [outer, inner] = (transB ? weight.shape : weight.shape.toReversed()) as [number, number];
    const [a, b] = inModule(graph, module, () => [
      parameter(graph, "lora_A.weight", [rank, inner], startOfA(inner)),
      parameter(graph, "lora_B.weight", [outer, rank], { kind: "zeros" }),
    ]);
    const plain = apply("Gemm", node.inputs, node.attributes as OpAttributes["Gemm"])[0]; // (N, out)
    const narrow = gemm(x, a!, { transB: true }); // (N, r)
    return [add(plain, gemm(narrow, b!, { transB: true, alpha: loraScale(options) }))];
  });
  requireFound(targets, modules);
  return [...modules];
}

/** The module of a product with a parameter, by the weight's name. */
function moduleOf({ op, inputs }: Node): string | undefined {
  const weight = op === "Gemm" ? inputs[1] : undefined;
  return weight?.kind === "parameter" && weight.name.endsWith(".weight") ? weight.name.slice(0, -7) : undefined;
}

function isTarget(module: string, node: Node, targets: LoraOptions["targets"], headRows: number): boolean {
  if (targets === "all-linear") return node.outputs[0]!.shape[1] !== headRows;
  return targets.some((target) => module === target || module.endsWith(`.${target}`));
}

function requireFound(targets: LoraOptions["targets"], modules: ReadonlySet<string>): void {
  if (targets === "all-linear") return;
  const missing = targets.find(
    (target) => ![...modules].some((name) => name === target || name.endsWith(`.${target}`)),
  );
  if (missing !== undefined)
    fail("BAD_OPTION", `targets: got ${missing}, expected the end of a linear layer's name, such as q_proj`);
}

/** Runs `body` under the scope of a module and no other. */
const inModule = <R>(graph: Graph, module: string, body: () => R): R => atRoot(graph, () => scope(graph, module, body));
