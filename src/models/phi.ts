/** Phi-1, 1.5 and 2 (Li et al. 2023): one norm before attention and feed-forward side by side, biases, rotary positions in part of each head. */
import type { JsonObject } from "../base/json.ts";
import { layerNorm, type Norm, normal, perHead, plain } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  named,
  oneRope,
  outputProjection,
  projections,
  residualInit,
  type SelfAttentionOptions,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { parallelBlock } from "./fused.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 2048, tied: false });
  const { heads, kvHeads, headDim, inner } = sizes;
  const epsilon = r.positive("layer_norm_eps", 1e-5);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon);
  const plainly = projections(sizes, true);
  const normed: SelfAttentionOptions["project"] = (b, x) => {
    const [query, key, value] = plainly(b, x);
    return [perHead(b, "q_layernorm", query, heads, norm), perHead(b, "k_layernorm", key, kvHeads, norm), value];
  };
  const attend = selfAttention({
    sizes,
    project: r.bool("qk_layernorm", false) ? normed : plainly,
    output: outputProjection(sizes, "dense", true),
    rope: oneRope(readRope(r, { headDim, positions: sizes.positions, partial: 0.5 })),
  });
  const activation = readActivation(r, "hidden_act", "gelu_new");
  const dense = { activation, bias: true, init: normal(sizes.std), downInit: residualInit(sizes) };
  const block = parallelBlock(
    norm,
    ["input_layernorm", "input_layernorm"],
    named("self_attn", attend),
    named("mlp", (b, x) => plain(b, x, inner, ["fc1", "fc2"], dense)),
  );
  const names = { norm: "final_layernorm" };
  return decoder(config, { modelType: "phi", sizes, names, block, norm, headBias: true });
}

/** Phi, as transformers' PhiForCausalLM. */
export const PHI: ModelFamily = { modelType: "phi", architecture: "PhiForCausalLM", fromConfig };
