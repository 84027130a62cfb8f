/** Gemma 2 (Gemma Team 2024): Gemma with norms on both sides, every other layer over a window, capped scores and logits. */
import type { JsonObject } from "../base/json.ts";
import { type Norm, offsetRmsNormOf, softcapped } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  chain,
  decoder,
  gatedMlp,
  type Layer,
  named,
  oneRope,
  outputProjection,
  projections,
  residual,
  selfAttention,
} from "./decoder.ts";
import { layerWindows, readActivation, readOptional, readSizes, readWindow } from "./decoder-config.ts";
import { timesRoot } from "./gemma.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  r.expect("use_bidirectional_attention", false);
  const sizes = readSizes(r, { positions: 8192, kvHeads: 4, headDim: 256, tied: true });
  const norm = offsetRmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
    window: layerWindows(r, sizes.layers, readWindow(r, 4096), (layer) => layer % 2 === 0),
    scale: r.positive("query_pre_attn_scalar", 256) ** -0.5,
    softcap: readOptional(r, "attn_logit_softcapping", 50),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_activation", "gelu_pytorch_tanh"));
  const cap = readOptional(r, "final_logit_softcapping", 30);
  return decoder(config, {
    modelType: "gemma2",
    sizes,
    norm,
    block: sandwichBlock(norm, named("self_attn", attend), mlp),
    embedded: timesRoot(sizes.width),
    logits: (x) => softcapped(x, cap),
  });
}

/** Attention and feed-forward layer, each between two norms. */
export function sandwichBlock(norm: Norm, attend: Layer, feedForward: Layer): Layer {
  return chain(
    residual(norm, { before: "input_layernorm", after: "post_attention_layernorm" }, attend),
    residual(norm, { before: "pre_feedforward_layernorm", after: "post_feedforward_layernorm" }, feedForward),
  );
}

/** As transformers' Gemma2ForCausalLM. */
export const GEMMA2: ModelFamily = { modelType: "gemma2", architecture: "Gemma2ForCausalLM", fromConfig };
