/** Gemma 3 (Gemma Team 2025), its text: normalised queries and keys, five layers over a window to one over all, a rotation for each kind. */
import type { JsonObject } from "../base/json.ts";
import { offsetRmsNormOf, softcapped } from "../nn/layers.ts";
import { ropeTables } from "../nn/rope.ts";
import { type ConfigReader, configReader } from "./config.ts";
import {
  type DecoderSpec,
  decoder,
  gatedMlp,
  headNormed,
  named,
  outputProjection,
  projections,
  selfAttention,
} from "./decoder.ts";
import {
  layerWindows,
  readActivation,
  readOptional,
  readSizes,
  readSlidingLayers,
  readWindow,
} from "./decoder-config.ts";
import { timesRoot } from "./gemma.ts";
import { sandwichBlock } from "./gemma2.ts";
import { type RopeSpec, ropeFrom } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  return textModel(configReader(config, where), config, { modelType: "gemma3_text" });
}

/** The text model that `r` describes; `spec` says what it is called and where its weights are. */
export function textModel(
  r: ConfigReader,
  config: JsonObject,
  spec: Pick<DecoderSpec, "modelType" | "names">,
): CausalLm {
  r.expect("use_bidirectional_attention", false);
  // transformers reads it, and gives it to nothing.
  r.expect("attn_logit_softcapping");
  const published = { vocabSize: 262208, width: 2304, inner: 9216, layers: 26, heads: 8 };
  const sizes = readSizes(r, { positions: 131072, kvHeads: 4, headDim: 256, tied: true, published });
  const norm = offsetRmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const period = r.int("sliding_window_pattern", 6);
  const isSliding = readSlidingLayers(r, sizes.layers, (layer) => (layer + 1) % period !== 0);
  const ropes = readRopes(r, sizes);
  const attend = selfAttention({
    sizes,
    project: headNormed(sizes, projections(sizes, bias), norm),
    output: outputProjection(sizes, "o_proj", bias),
    rope: (b, layer) => {
      const kind = isSliding(layer) ? "local" : "global";
      return ropeTables(b, ropes[kind].rotaryDim, ropes[kind].options, `rope.${kind}`);
    },
    window: layerWindows(r, sizes.layers, readWindow(r, 4096), isSliding),
    scale: r.positive("query_pre_attn_scalar", 256) ** -0.5,
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_activation", "gelu_pytorch_tanh"));
  const cap = readOptional(r, "final_logit_softcapping");
  return decoder(config, {
    ...spec,
    sizes,
    norm,
    block: sandwichBlock(norm, named("self_attn", attend), mlp),
    embedded: timesRoot(sizes.width),
    logits: (x) => softcapped(x, cap),
  });
}

/**
 * transformers 5 keeps a rotation for each kind of layer in `rope_parameters`; before, `rope_theta` and `rope_scaling`
 * were of the layers that see all and `rope_local_base_freq` of the others.
 */
function readRopes(r: ConfigReader, context: { headDim: number; positions: number }) {
  const both = r.object("rope_parameters");
  const of = (inner: ConfigReader | undefined, key: string, theta: number): RopeSpec => {
    const base = inner?.has("rope_theta") ? inner.positive("rope_theta") : r.positive(key, theta);
    const { rotaryDim, options } = ropeFrom(r, inner, context);
    return { rotaryDim, options: { ...options, theta: base } };
  };
  return {
    global: of(r.object("rope_scaling") ?? both?.object("full_attention"), "rope_theta", 1e6),
    local: of(both?.object("sliding_attention"), "rope_local_base_freq", 1e4),
  };
}

/** As transformers' Gemma3ForCausalLM. */
export const GEMMA3_TEXT: ModelFamily = {
  modelType: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  fromConfig,
};
