/** Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases of query, key and value, and a window in the upper layers on request. */
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
  const sizes = readSizes(r, { positions: 32768, kvHeads: 32, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const attend = selfAttention({
    sizes,
    project: projections(sizes, true),
    output: outputProjection(sizes),
    rope: oneRope(readRope(r, sizes)),
    window: readUpperWindows(r, sizes.layers),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "qwen2", sizes, norm, block });
}

/** Layers from `max_window_layers` up slide, where `use_sliding_window` says so at all. */
export function readUpperWindows(r: ConfigReader, layers: number): (layer: number) => number | undefined {
  const window = r.bool("use_sliding_window", false) ? readWindow(r, 4096) : undefined;
  const from = r.int("max_window_layers", 28, { min: 0 });
  return layerWindows(r, layers, window, (layer) => layer >= from);
}

/** As transformers' Qwen2ForCausalLM. */
export const QWEN2: ModelFamily = { modelType: "qwen2", architecture: "Qwen2ForCausalLM", fromConfig };
