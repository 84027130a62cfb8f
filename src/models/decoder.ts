/**
 * The page that decoders share: an embedding, blocks, a norm and a head. A family is a choice of parts, and where it
 * differs it gives a function of its own; nothing here asks which family it is.
 */
import type { JsonObject } from "../base/json.ts";
import { parameter, scope } from "../graph/build.ts";
import { add, mul } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { Activation } from "../nn/activations.ts";
import { attention, cacheHeadDim } from "../nn/attention.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { embedding, gated, linear, type Norm, normal, perHead, tiedHead, ZEROS } from "../nn/layers.ts";
import { type Rope, ropeTables } from "../nn/rope.ts";
import type { Sizes } from "./decoder-config.ts";
import type { RopeSpec } from "./rope.ts";
import type { CausalLm } from "./types.ts";

/** A part of a model as a function of its layer's number: (N, C) to (N, C). */
export type Layer = (b: ModelBuilder, x: Value, layer: number) => Value;

/** Where a decoder's weights are: Llama's names unless a family says otherwise. */
export interface DecoderNames {
  readonly root: string;
  readonly embed: string;
  readonly layers: string;
  readonly norm: string;
  readonly head: string;
}

const LLAMA_NAMES: DecoderNames = {
  root: "model",
  embed: "embed_tokens",
  layers: "layers",
  norm: "norm",
  head: "lm_head",
};

/** What makes a decoder. */
export interface DecoderSpec {
  readonly modelType: string;
  readonly sizes: Sizes;
  readonly names?: Partial<DecoderNames>;
  /** What every block does: one of the functions below, or the family's own. */
  readonly block: Layer;
  readonly norm: Norm;
  /** Changes the embeddings, (N, C), before the first block. */
  readonly embedded?: (x: Value) => Value;
  /** Changes the logits, (N, V). */
  readonly logits?: (x: Value) => Value;
  readonly headBias?: boolean;
  /** As in {@link CausalLm}. */
  readonly longAfter?: number | undefined;
}

/** A model from its parts; `config` is the parsed config.json. */
export function decoder(config: JsonObject, spec: DecoderSpec): CausalLm {
  const { modelType, sizes, logits = (x) => x } = spec;
  return {
    modelType,
    vocabSize: sizes.vocabSize,
    maxPositions: sizes.positions,
    hiddenSize: sizes.width,
    cache: { layers: sizes.layers, kvHeads: sizes.kvHeads, headDim: cacheHeadDim(sizes.headDim) },
    ...(spec.longAfter === undefined ? {} : { longAfter: spec.longAfter }),
    config,
    hidden: (b) => hidden(b, spec),
    head: (b, x) => logits(head(b, x, spec)),
  };
}

function hidden(b: ModelBuilder, { sizes, names, block, norm, embedded = (x) => x }: DecoderSpec): Value {
  const n = { ...LLAMA_NAMES, ...names };
  return scope(b.graph, n.root, () => {
    let x = embedded(embedding(b, n.embed, b.ids, sizes.vocabSize, sizes.width, normal(sizes.std))); // (N, C)
    for (let layer = 0; layer < sizes.layers; layer++)
      x = scope(b.graph, `${n.layers}.${layer}`, () => block(b, x, layer));
    return norm(b, n.norm, x);
  });
}

function head(b: ModelBuilder, x: Value, { sizes, names, headBias = false }: DecoderSpec): Value {
  const n = { ...LLAMA_NAMES, ...names };
  const init = normal(sizes.std);
  if (!sizes.tied) return linear(b, n.head, x, sizes.vocabSize, { init, bias: headBias });
  const table = parameter(b.graph, `${n.root}.${n.embed}.weight`, [sizes.vocabSize, sizes.width], init);
  return tiedHead(x, table, headBias ? parameter(b.graph, `${n.head}.bias`, [sizes.vocabSize], ZEROS) : undefined);
}

/** Projections back into the residual stream start smaller the deeper the model, as GPT-2's do. */
export const residualInit = ({ std, layers }: Sizes) => normal(std / Math.sqrt(2 * layers));

/** Layers one after the other. */
export const chain =
  (...layers: readonly Layer[]): Layer =>
  (b, x, layer) =>
    layers.reduce((y, next) => next(b, y, layer), x);

/** Names of the norms around a part of a block, and a factor of what it adds to the residual stream. */
export interface ResidualOptions {
  readonly before?: string;
  readonly after?: string;
  readonly scale?: number;
}

/** x + scale * after(part(before(x))), norms without a name left out. */
export function residual(norm: Norm, { before, after, scale = 1 }: ResidualOptions, part: Layer): Layer {
  return (b, x, layer) => {
    const y = part(b, before === undefined ? x : norm(b, before, x), layer);
    const normed = after === undefined ? y : norm(b, after, y);
    return add(x, scale === 1 ? normed : mul(normed, scale));
  };
}

/** Llama's block: attention, then the feed-forward layer, each after a norm and added to what it was given. */
export function preNormBlock(norm: Norm, attend: Layer, feedForward: Layer, scale = 1): Layer {
  return chain(
    residual(norm, { before: "input_layernorm", scale }, attend),
    residual(norm, { before: "post_attention_layernorm", scale }, feedForward),
  );
}

/** A part under a scope of its own. */
export const named =
  (name: string, part: Layer): Layer =>
  (b, x, layer) =>
    scope(b.graph, name, () => part(b, x, layer));

/** Query (N, H*D), key and value (N, KV*D). */
export type Projected = readonly [query: Value, key: Value, value: Value];

/** How attention is made; `rope`, `window` and the rest as in {@link attention}. */
export interface SelfAttentionOptions {
  readonly sizes: Sizes;
  readonly project: (b: ModelBuilder, x: Value) => Projected;
  readonly output: (b: ModelBuilder, x: Value) => Value;
  readonly rope?: (b: ModelBuilder, layer: number) => Rope | undefined;
  readonly window?: (layer: number) => number | undefined;
  readonly scale?: number;
  readonly softcap?: number | undefined;
  readonly sinks?: (b: ModelBuilder) => Value;
}

/** Attention from a block's input to what it adds, under the scope it is called in. */
export function selfAttention({ sizes, project, output, rope, window, ...rest }: SelfAttentionOptions): Layer {
  return (b, x, layer) => {
    const [query, key, value] = project(b, x);
    const { heads, kvHeads, headDim } = sizes;
    const shape = { layer, heads, kvHeads, headDim, scale: rest.scale, softcap: rest.softcap };
    const options = { ...shape, rope: rope?.(b, layer), window: window?.(layer), sinks: rest.sinks?.(b) };
    return output(b, attention(b, query, key, value, options));
  };
}

/** Three matrices by Llama's names. */
export function projections({ heads, kvHeads, headDim, std }: Sizes, bias = false) {
  const options = { bias, init: normal(std) };
  return (b: ModelBuilder, x: Value): Projected => [
    linear(b, "q_proj", x, heads * headDim, options),
    linear(b, "k_proj", x, kvHeads * headDim, options),
    linear(b, "v_proj", x, kvHeads * headDim, options),
  ];
}

/** The matrix back to the width of the model. */
export function outputProjection(sizes: Sizes, name = "o_proj", bias = false) {
  return (b: ModelBuilder, x: Value): Value => linear(b, name, x, sizes.width, { bias, init: residualInit(sizes) });
}

/** {@link projections} with queries and keys normalised head by head, by weights `q_norm` and `k_norm` (D). */
export function headNormed(sizes: Sizes, project: SelfAttentionOptions["project"], norm: Norm) {
  return (b: ModelBuilder, x: Value): Projected => {
    const [query, key, value] = project(b, x);
    const q = perHead(b, "q_norm", query, sizes.heads, norm);
    return [q, perHead(b, "k_norm", key, sizes.kvHeads, norm), value];
  };
}

/** One rotation for all layers. */
export const oneRope =
  ({ rotaryDim, options, interleaved = false }: RopeSpec) =>
  (b: ModelBuilder): Rope => {
    const tables = ropeTables(b, rotaryDim, options);
    return interleaved ? { ...tables, interleaved } : tables;
  };

/** The gated feed-forward layer by Llama's names, under `mlp`. */
export function gatedMlp(sizes: Sizes, activation: Activation, bias = false): Layer {
  const options = { activation, bias, init: normal(sizes.std), downInit: residualInit(sizes) };
  return named("mlp", (b, x) => gated(b, x, sizes.inner, options));
}
