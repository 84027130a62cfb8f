/** What a model is made of, read off its graph: parameters by part, what a token needs of them, what training keeps. */
import { knownDim, sizeOf } from "../base/shapes.ts";
import type { Graph, OpAttributes, Value } from "../graph/types.ts";
import { type WeightUse, weightUses } from "../graph/weight-uses.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";

/** The parts that parameters are counted by. */
const PARTS = ["embedding", "positions", "attention", "feedForward", "experts", "norms", "head", "other"] as const;
export type Part = (typeof PARTS)[number];

/** A matrix of a block and how much of it a token is multiplied with: all, or the share of experts that it is given. */
export interface Linear {
  readonly inputs: number;
  readonly outputs: number;
  readonly share: number;
  /** Matrices that are alike, as those of the experts in one tensor. */
  readonly count: number;
  /** Another matrix before it takes the same input. */
  readonly sharesInput: boolean;
}

/** A model's sizes: counts of parameters and of elements, never bytes. */
export interface Anatomy {
  readonly parameters: number;
  /** Those that a token is multiplied with: all but the experts that it is not given. */
  readonly activeParameters: number;
  /** By part; a matrix that is embedding and head is embedding. Parts that a model has not are left out. */
  readonly parts: Readonly<Partial<Record<Part, number>>>;
  /** The output head is the embedding. */
  readonly tied: boolean;
  readonly layers: number;
  /** Parameters of a block, on average. */
  readonly blockParameters: number;
  /** Elements of the keys and values of a token, over all layers. */
  readonly kvElements: number;
  /** The matrices of the blocks. */
  readonly linears: readonly Linear[];
  /**
   * Elements of a token that the backward pass of all blocks reads: what goes into their matrices and what comes out.
   * Where attention keeps no scores (Dao et al. 2022) and nothing is dropped out, this is what Korthikanti et al. 2022
   * count (equation 2).
   */
  readonly keptElements: number;
  /** Width of all query heads, summed over the layers. */
  readonly attentionWidth: number;
}

/** A parameter and what it is for. */
export interface ParameterRole {
  readonly name: string;
  readonly elements: number;
  readonly part: Part;
  /** The part of it that a new token reads: 0 of a table of which it takes a row, some of the experts, 1 of the others. */
  readonly read: number;
}

/** What each parameter of a model is for, in the model's order. */
export function parameterRoles(model: CausalLm): ParameterRole[] {
  return rolesIn(model, cachedGraph(model, 1, 1)).roles;
}

function rolesIn(model: CausalLm, graph: Graph) {
  const uses = new Map(weightUses(graph).map((use) => [use.name, use]));
  const share = expertShare(graph);
  const roles = graph.parameters.map(({ value }): ParameterRole => {
    const use = uses.get(value.name);
    const part = partOf(value, use, model.vocabSize);
    const isTable = part === "positions" || (use?.gathered === true && !use.multiplied);
    const read = isTable ? 0 : part === "experts" ? share : 1;
    return { name: value.name, elements: elementsOf(value), part, read };
  });
  return { uses, share, roles };
}

/** Reads a model's sizes off its graph. */
export function anatomyOf(model: CausalLm): Anatomy {
  const graph = cachedGraph(model, 1, 1);
  const { uses, share, roles } = rolesIn(model, graph);
  const parts: Partial<Record<Part, number>> = {};
  for (const { part, elements } of roles) parts[part] = (parts[part] ?? 0) + elements;
  const parameters = roles.reduce((sum, { elements }) => sum + elements, 0);
  const values = graph.parameters.map(({ value }) => value);
  const linears = linearsOf(values, uses, model.vocabSize, share);
  const { layers, kvHeads, headDim } = model.cache;
  const outside = (parts.embedding ?? 0) + (parts.positions ?? 0) + (parts.head ?? 0);
  return {
    parameters,
    activeParameters: parameters - Math.round((1 - share) * (parts.experts ?? 0)),
    parts: Object.fromEntries(PARTS.flatMap((part) => (parts[part] ? [[part, parts[part]]] : []))),
    tied: [...uses.values()].some(({ gathered, multiplied }) => gathered && multiplied),
    layers,
    blockParameters: Math.ceil((parameters - outside) / layers),
    kvElements: 2 * layers * kvHeads * headDim,
    linears,
    keptElements: Math.round(linears.reduce((sum, linear) => sum + keptOf(linear), 0)),
    attentionWidth: queryHeads(graph) * headDim,
  };
}

const elementsOf = ({ shape, name }: Value) => knownDim(sizeOf(shape), name);

const keptOf = ({ inputs, outputs, share, count, sharesInput }: Linear) =>
  share * count * (outputs + (sharesInput ? 0 : inputs));

function queryHeads(graph: Graph): number {
  return graph.nodes.reduce(
    (sum, { op, attributes }) =>
      op === "GroupQueryAttention" ? sum + (attributes as OpAttributes["GroupQueryAttention"]).numHeads : sum,
    0,
  );
}

/** The share of the experts that a token is given; 1 where there is no choice. */
function expertShare(graph: Graph): number {
  for (const { op, attributes, inputs } of graph.nodes) {
    const experts = inputs[0]?.shape[1];
    if (op !== "TopK" || typeof experts !== "number") continue;
    const { k } = attributes as OpAttributes["TopK"];
    if (typeof k === "number") return k / experts;
  }
  return 1;
}

function partOf({ name, shape }: Value, use: WeightUse | undefined, vocabSize: number): Part {
  if (use?.gathered) return use.rows === vocabSize ? "embedding" : "positions";
  if (/\bwpe\b|embed_positions|position_embed/.test(name)) return "positions";
  if (use?.multiplied && use.rows === vocabSize) return "head";
  if (/norm|\bln_|\.ln\d/i.test(name)) return "norms";
  if (/\.experts\b/.test(name)) return "experts";
  if (/attn|attention/.test(name)) return "attention";
  if (/mlp|moe|feed_forward|ffn/.test(name)) return "feedForward";
  return shape.length === 1 && shape[0] === vocabSize ? "head" : "other";
}

function linearsOf(
  values: readonly Value[],
  uses: ReadonlyMap<string, WeightUse>,
  vocabSize: number,
  expertShare: number,
): Linear[] {
  const seen = new Set<string>();
  const linears: Linear[] = [];
  for (const { name, shape } of values) {
    const isExpert = /\.experts\b/.test(name);
    const share = isExpert ? expertShare : 1;
    const use = uses.get(name);
    // Experts in one tensor are (E, in, out), and their biases have two axes.
    if (isExpert && shape.length === 3) {
      const [count, inputs, outputs] = shape as readonly number[] as [number, number, number];
      linears.push({ inputs, outputs, share, count, sharesInput: false });
    } else if (use?.multiplied && use.rows !== vocabSize) {
      const sharesInput = use.input !== undefined && seen.has(use.input);
      if (use.input !== undefined) seen.add(use.input);
      linears.push({ inputs: use.width, outputs: use.rows, share, count: 1, sharesInput });
    }
  }
  return linears;
}
