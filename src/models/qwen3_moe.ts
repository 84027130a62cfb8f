/** Qwen3's mixtures of experts (Yang et al. 2025): Qwen3's layers, of which some or all choose among experts. */
import type { JsonObject } from "../base/json.ts";
import { gated, type Norm, normal, rmsNorm } from "../nn/layers.ts";
import { mixture, routeByProbability } from "../nn/moe.ts";
import { type ConfigReader, configReader } from "./config.ts";
import {
  decoder,
  headNormed,
  type Layer,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  residualInit,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes, readWindow, type Sizes } from "./decoder-config.ts";
import { gatedExperts, readExpertCounts, routerLogits } from "./experts.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

/** Which layers choose among experts: every `decoder_sparse_step`th but those that `mlp_only_layers` lists. */
function readSparseLayers(r: ConfigReader, experts: number): (layer: number) => boolean {
  const step = r.int("decoder_sparse_step", 1);
  const isLayer = (x: unknown): x is number => Number.isInteger(x);
  const dense = r.list("mlp_only_layers", "a list of layers' numbers", isLayer) ?? [];
  return (layer) => experts > 0 && !dense.includes(layer) && (layer + 1) % step === 0;
}

/** A layer's feed-forward part, under `mlp`. */
function readFeedForward(r: ConfigReader, sizes: Sizes): Layer {
  const { experts, chosen } = readExpertCounts(r, { experts: 128, chosen: 8 }, 0);
  const isSparse = readSparseLayers(r, experts);
  const activation = readActivation(r, "hidden_act", "silu");
  const normalise = r.bool("norm_topk_prob", false);
  const inner = r.int("moe_intermediate_size", 768);
  const options = { sizes, inner, experts, activation, names: ["gate_proj", "up_proj", "down_proj"] } as const;
  const dense = { activation, init: normal(sizes.std), downInit: residualInit(sizes) };
  return named("mlp", (b, x, layer) => {
    if (!isSparse(layer)) return gated(b, x, sizes.inner, dense);
    const routing = routeByProbability(routerLogits(b, "gate", x, experts, sizes), chosen, { normalise });
    return mixture(b, x, routing, gatedExperts(b, options));
  });
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 32768, kvHeads: 4, tied: false });
  const epsilon = r.positive("rms_norm_eps", 1e-6);
  const norm: Norm = (b, name, x) => rmsNorm(b, name, x, epsilon);
  const bias = r.bool("attention_bias", false);
  const window = r.bool("use_sliding_window", false) ? readWindow(r, 4096) : undefined;
  const attend = selfAttention({
    sizes,
    project: headNormed(sizes, projections(sizes, bias), norm),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, { headDim: sizes.headDim, positions: sizes.positions })),
    window: () => window,
  });
  const block = preNormBlock(norm, named("self_attn", attend), readFeedForward(r, sizes));
  return decoder(config, { modelType: "qwen3_moe", sizes, block, norm });
}

/** Qwen3's mixtures of experts, as transformers' Qwen3MoeForCausalLM. */
export const QWEN3_MOE: ModelFamily = { modelType: "qwen3_moe", architecture: "Qwen3MoeForCausalLM", fromConfig };
