/** OLMo 2 (OLMo Team 2024): norms after each part of a block instead of before, and over all queries and keys at once. */
import type { JsonObject } from "../base/json.ts";
import { rmsNormOf } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  chain,
  decoder,
  gatedMlp,
  named,
  oneRope,
  outputProjection,
  projections,
  residual,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  r.expect("sliding_window");
  const sizes = readSizes(r, { positions: 2048, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-5));
  const bias = r.bool("attention_bias", false);
  const project = projections(sizes, bias);
  const attend = selfAttention({
    sizes,
    project: (b, x) => {
      const [query, key, value] = project(b, x);
      return [norm(b, "q_norm", query), norm(b, "k_norm", key), value];
    },
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"));
  const block = chain(
    residual(norm, { after: "post_attention_layernorm" }, named("self_attn", attend)),
    residual(norm, { after: "post_feedforward_layernorm" }, mlp),
  );
  return decoder(config, { modelType: "olmo2", sizes, norm, block });
}

/** As transformers' Olmo2ForCausalLM. */
export const OLMO2: ModelFamily = { modelType: "olmo2", architecture: "Olmo2ForCausalLM", fromConfig };
