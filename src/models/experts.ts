/** Mixtures of experts by the names that Hugging Face's checkpoints give their weights, and the config keys they share. */
import { scope } from "../graph/build.ts";
import { mul } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { Activation } from "../nn/activations.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { linear, normal } from "../nn/layers.ts";
import type { Experts } from "../nn/moe.ts";
import { type ConfigReader, MOST_LAYER_EXPERTS, MOST_LAYERS } from "./config.ts";
import { residualInit } from "./decoder.ts";
import type { Sizes } from "./decoder-config.ts";

/** How many experts there are, and how many of them each token gets. */
export interface ExpertCounts {
  readonly experts: number;
  readonly chosen: number;
}

/** Reads `num_local_experts`, which some configs call `num_experts`, and `num_experts_per_tok`. */
export function readExpertCounts(r: ConfigReader, defaults: ExpertCounts, fewest = 1): ExpertCounts {
  const key = r.has("num_local_experts") ? "num_local_experts" : "num_experts";
  const layers = r.int("num_hidden_layers", 1, { max: MOST_LAYERS });
  const experts = r.int(key, defaults.experts, { min: fewest, max: Math.floor(MOST_LAYER_EXPERTS / layers) });
  return { experts, chosen: r.int("num_experts_per_tok", defaults.chosen, { max: Math.max(1, experts) }) };
}

/** A score for each expert: (N, C) to (N, E). */
export function routerLogits(
  b: ModelBuilder,
  name: string,
  x: Value,
  experts: number,
  { std }: Sizes,
  bias = false,
): Value {
  return linear(b, name, x, experts, { bias, init: normal(std) });
}

/** Experts that are gated units with matrices of their own, `experts.N.NAME.weight`: gate, up and down by the names given. */
export interface GatedExpertsOptions {
  readonly sizes: Sizes;
  readonly inner: number;
  readonly experts: number;
  readonly activation: Activation;
  readonly names: readonly [gate: string, up: string, down: string];
}

/** {@link Experts} of the scope that this is called in. */
export function gatedExperts(b: ModelBuilder, options: GatedExpertsOptions): Experts {
  const { sizes, inner, experts: count, activation, names } = options;
  const [gate, up, down] = names;
  const of = <R>(expert: number, body: () => R) => scope(b.graph, `experts.${expert}`, body);
  const init = normal(sizes.std);
  return {
    count,
    rise: (e, x) => of(e, () => [gate, up].map((name) => linear(b, name, x, inner, { init }))),
    activate: ([gated, risen]) => mul(activation(gated!), risen!),
    fall: (e, x) => of(e, () => linear(b, down, x, sizes.width, { init: residualInit(sizes) })),
  };
}
