/** SmolLM3 (Hugging Face 2025): Llama with layers that have no positions, every fourth unless the config lists them. */
import type { JsonObject } from "../base/json.ts";
import { rmsNormOf } from "../nn/layers.ts";
import { type ConfigReader, configReader } from "./config.ts";
import {
  decoder,
  gatedMlp,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  selfAttention,
} from "./decoder.ts";
import { layerWindows, readActivation, readSizes, readWindow } from "./decoder-config.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 32768, kvHeads: 4, tied: true });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const isRotated = readRotatedLayers(r, sizes.layers);
  const rope = oneRope(readRope(r, { ...sizes, theta: 2e6 }));
  const slides = r.bool("use_sliding_window", false) && r.has("sliding_window");
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: (b, layer) => (isRotated(layer) ? rope(b) : undefined),
    window: layerWindows(r, sizes.layers, readWindow(r), (layer) => slides && !isRotated(layer)),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"), r.bool("mlp_bias", false));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "smollm3", sizes, norm, block });
}

/** `no_rope_layers` holds 1 for a layer that is rotated, whatever its name says. */
function readRotatedLayers(r: ConfigReader, layers: number): (layer: number) => boolean {
  const interval = r.int("no_rope_layer_interval", 4);
  const expected = `0 or 1 for each of ${layers} layers`;
  const isFlag = (x: unknown): x is number | boolean => x === 0 || x === 1 || typeof x === "boolean";
  const flags = r.list("no_rope_layers", expected, isFlag);
  if (!flags) return (layer) => (layer + 1) % interval !== 0;
  if (flags.length < layers) r.bad("no_rope_layers", expected);
  return (layer) => Boolean(flags[layer]);
}

/** As transformers' SmolLM3ForCausalLM. */
export const SMOLLM3: ModelFamily = { modelType: "smollm3", architecture: "SmolLM3ForCausalLM", fromConfig };
