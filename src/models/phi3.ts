/** Phi-3, Phi-3.5 and Phi-4 (Abdin et al. 2024): Llama with query, key and value in one matrix, gate and up in one, and LongRoPE. */
import type { JsonObject } from "../base/json.ts";
import { mul, split } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { Activation } from "../nn/activations.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { linear, normal, rmsNormOf } from "../nn/layers.ts";
import { type ConfigReader, configReader } from "./config.ts";
import {
  decoder,
  type Layer,
  named,
  oneRope,
  outputProjection,
  type Projected,
  preNormBlock,
  residualInit,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes, readWindow, type Sizes } from "./decoder-config.ts";
import { type RopeSpec, ropeFrom, ropeObject } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 4096, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-5));
  const window = readWindow(r);
  const rope = readPhi3Rope(r, sizes);
  const attend = selfAttention({
    sizes,
    project: packedProjection(sizes),
    output: outputProjection(sizes),
    rope: oneRope(rope),
    window: () => window,
  });
  const mlp = packedMlp(sizes, readActivation(r, "hidden_act", "silu"));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "phi3", sizes, norm, block, longAfter: rope.longAfter });
}

function packedProjection({ heads, kvHeads, headDim, std }: Sizes) {
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  return (b: ModelBuilder, x: Value): Projected => {
    const packed = linear(b, "qkv_proj", x, (heads + 2 * kvHeads) * headDim, { init: normal(std) });
    const [query, key, value] = split(packed, 1, widths) as [Value, Value, Value];
    return [query, key, value];
  };
}

function packedMlp(sizes: Sizes, activation: Activation): Layer {
  return named("mlp", (b, x) => {
    const packed = linear(b, "gate_up_proj", x, 2 * sizes.inner, { init: normal(sizes.std) }); // (N, 2F)
    const [gate, up] = split(packed, 1, [sizes.inner, sizes.inner]) as [Value, Value];
    return linear(b, "down_proj", mul(activation(gate), up), sizes.width, { init: residualInit(sizes) });
  });
}

/** LongRoPE or none. The original context has a default of its own here, and old configs say "yarn" and mean LongRoPE. */
function readPhi3Rope(r: ConfigReader, { headDim, positions }: Sizes): RopeSpec {
  const inner = ropeObject(r);
  for (const key of ["rope_type", "type"]) inner?.expect(key, "default", "longrope", "su", "yarn");
  const original = { original_max_position_embeddings: 4096 };
  const outer = configReader({ ...original, ...r.content }, r.where);
  const context = { headDim, positions, partial: 1, hasLong: true };
  if (!inner) return ropeFrom(outer, undefined, context);
  const kind = inner.text("rope_type", inner.text("type", "default"));
  const renamed = { ...inner.content, rope_type: kind === "yarn" ? "longrope" : kind };
  return ropeFrom(outer, configReader(renamed, inner.where), context);
}

/** As transformers' Phi3ForCausalLM. */
export const PHI3: ModelFamily = { modelType: "phi3", architecture: "Phi3ForCausalLM", fromConfig };
