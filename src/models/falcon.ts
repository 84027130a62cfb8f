/** Falcon (Almazrouei et al. 2023): 7B with one key head for all, 40B with grouped ones and two norms side by side. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { layerNorm, type Norm, normal, plain } from "../nn/layers.ts";
import { type ConfigReader, configReader, MOST_LAYERS } from "./config.ts";
import {
  decoder,
  type Layer,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  residualInit,
  selfAttention,
} from "./decoder.ts";
import { readActivation, type Sizes } from "./decoder-config.ts";
import { fusedProjection, parallelBlock } from "./fused.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

const NAMES = { root: "transformer", embed: "word_embeddings", layers: "h", norm: "ln_f" };

/** The sizes by Falcon's own names. */
function readFalconSizes(r: ConfigReader, grouped: boolean): Sizes {
  const width = r.int(r.has("n_embed") ? "n_embed" : "hidden_size");
  const heads = r.int("num_attention_heads");
  if (width % heads !== 0)
    fail("BAD_CONFIG", `${r.where}: num_attention_heads: got ${heads}, expected a divisor of hidden_size ${width}`);
  const kvHeads = !grouped && r.bool("multi_query", true) ? 1 : r.int("num_kv_heads", heads);
  if (heads % kvHeads !== 0) r.bad("num_kv_heads", `a divisor of ${heads} heads`);
  if (!grouped && kvHeads > 1 && kvHeads !== heads) r.bad("num_kv_heads", `${heads}, as many as heads`);
  return {
    vocabSize: r.int("vocab_size"),
    positions: r.int("max_position_embeddings", 2048),
    width,
    inner: r.int("ffn_hidden_size", 4 * width),
    layers: r.int("num_hidden_layers", undefined, { max: MOST_LAYERS }),
    heads,
    kvHeads,
    headDim: width / heads,
    tied: r.bool("tie_word_embeddings", true),
    std: r.positive("initializer_range", 0.02),
  };
}

/** How the norms lie around the two parts of a block. */
function readBlock(r: ConfigReader, grouped: boolean, norm: Norm, attend: Layer, feedForward: Layer): Layer {
  const parallel = r.bool("parallel_attn", true);
  if (grouped && !parallel) r.bad("parallel_attn", "true with new_decoder_architecture");
  if (!parallel) return preNormBlock(norm, attend, feedForward);
  const norms = r.int("num_ln_in_parallel_attn", grouped ? 2 : 1, { max: grouped ? 2 : 1 });
  const names = norms === 2 ? (["ln_attn", "ln_mlp"] as const) : (["input_layernorm", "input_layernorm"] as const);
  return parallelBlock(norm, names, attend, feedForward);
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  r.expect("alibi", false);
  r.expect("is_causal", true);
  const grouped = r.bool("new_decoder_architecture", false);
  const sizes = readFalconSizes(r, grouped);
  const epsilon = r.positive("layer_norm_epsilon", 1e-5);
  const bias = r.bool("bias", false);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon);
  const attend = selfAttention({
    sizes,
    project: fusedProjection(sizes, "query_key_value", bias),
    output: outputProjection(sizes, "dense", bias),
    rope: oneRope(readRope(r, { headDim: sizes.headDim, positions: sizes.positions })),
  });
  const activation = readActivation(r, "activation", "gelu");
  const dense = { activation, bias, init: normal(sizes.std), downInit: residualInit(sizes) };
  const block = readBlock(
    r,
    grouped,
    norm,
    named("self_attention", attend),
    named("mlp", (b, x) => plain(b, x, sizes.inner, ["dense_h_to_4h", "dense_4h_to_h"], dense)),
  );
  return decoder(config, { modelType: "falcon", sizes, names: NAMES, block, norm });
}

/** Falcon without ALiBi, as transformers' FalconForCausalLM. */
export const FALCON: ModelFamily = { modelType: "falcon", architecture: "FalconForCausalLM", fromConfig };
