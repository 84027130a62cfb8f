/** StarCoder2 (Lozhkov et al. 2024): layer norms, biases everywhere, a plain feed-forward layer, a window. */
import type { JsonObject } from "../base/json.ts";
import { layerNorm, type Norm, normal, plain } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  residualInit,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes, readWindow } from "./decoder-config.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 4096, kvHeads: 2, tied: true, std: 0.018042 });
  const epsilon = r.positive("norm_epsilon", 1e-5);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon);
  const bias = r.bool("use_bias", true);
  const window = readWindow(r);
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
    window: () => window,
  });
  const activation = readActivation(r, "hidden_act", "gelu_pytorch_tanh");
  const options = { activation, bias, init: normal(sizes.std), downInit: residualInit(sizes) };
  const mlp = named("mlp", (b, x) => plain(b, x, sizes.inner, ["c_fc", "c_proj"], options));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "starcoder2", sizes, norm, block });
}

/** As transformers' Starcoder2ForCausalLM. */
export const STARCODER2: ModelFamily = { modelType: "starcoder2", architecture: "Starcoder2ForCausalLM", fromConfig };
