/** Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024): RMSNorm, rotary positions, grouped queries, SwiGLU. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { parameter, scope } from "../graph/build.ts";
import { add, silu } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { attention, cacheHeadDim } from "../nn/attention.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { embedding, gated, linear, normal, rmsNorm, tiedHead } from "../nn/layers.ts";
import { type RopeOptions, ropeTables } from "../nn/rope.ts";
import { type ConfigReader, configReader, needDivides } from "./config.ts";
import type { CausalLm, ModelFamily, ModelSizes } from "./types.ts";

interface LlamaConfig {
  readonly vocabSize: number;
  readonly positions: number;
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly epsilon: number;
  readonly rope: RopeOptions;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly tied: boolean;
  readonly std: number;
}

/** transformers 5 keeps theta and scaling in `rope_parameters`; before, `rope_theta` stood beside `rope_scaling`. */
function readRope(r: ConfigReader): RopeOptions {
  const inner = r.object("rope_parameters") ?? r.object("rope_scaling");
  const theta = inner?.has("rope_theta") ? inner.positive("rope_theta") : r.positive("rope_theta", 10000);
  if (!inner) return { theta };
  const kind = inner.text("rope_type", inner.text("type", "default"));
  if (kind === "default") return { theta };
  if (kind === "linear") return { theta, scaling: { kind, factor: inner.positive("factor") } };
  inner.expect("rope_type", "default", "linear", "llama3");
  inner.expect("type", "default", "linear", "llama3");
  const llama3 = {
    factor: inner.positive("factor"),
    lowFreqFactor: inner.positive("low_freq_factor"),
    highFreqFactor: inner.positive("high_freq_factor"),
    originalMaxPositionEmbeddings: inner.int("original_max_position_embeddings"),
  };
  return { theta, scaling: { kind: "llama3", llama3 } };
}

function readConfig(json: JsonObject, where: string): LlamaConfig {
  const r = configReader(json, where);
  r.expect("hidden_act", "silu");
  const width = r.int("hidden_size");
  const heads = r.int("num_attention_heads");
  const kvHeads = r.int("num_key_value_heads", heads);
  if (heads % kvHeads !== 0)
    fail("BAD_CONFIG", `${where}: num_key_value_heads: got ${kvHeads}, expected a divisor of ${heads} heads`);
  if (!r.has("head_dim") && width % heads !== 0)
    fail("BAD_CONFIG", `${where}: num_attention_heads: got ${heads}, expected a divisor of hidden_size ${width}`);
  const headDim = r.int("head_dim", Math.trunc(width / heads));
  if (headDim % 2 !== 0) fail("BAD_CONFIG", `${where}: head_dim: got ${headDim}, expected an even number`);
  return {
    vocabSize: r.int("vocab_size"),
    positions: r.int("max_position_embeddings", 2048),
    width,
    inner: r.int("intermediate_size"),
    layers: r.int("num_hidden_layers"),
    heads,
    kvHeads,
    headDim,
    epsilon: r.positive("rms_norm_eps", 1e-6),
    rope: readRope(r),
    attentionBias: r.bool("attention_bias", false),
    mlpBias: r.bool("mlp_bias", false),
    tied: r.bool("tie_word_embeddings", false),
    std: r.positive("initializer_range", 0.02),
  };
}

/** Projections back into the residual stream start smaller the deeper the model, as GPT-2's do. */
const residualInit = (c: LlamaConfig) => normal(c.std / Math.sqrt(2 * c.layers));

function selfAttention(b: ModelBuilder, x: Value, c: LlamaConfig, layer: number, rope: Rope): Value {
  const plain = { bias: c.attentionBias, init: normal(c.std) };
  return scope(b.graph, "self_attn", () => {
    const query = linear(b, "q_proj", x, c.heads * c.headDim, plain); // (N, H*D)
    const key = linear(b, "k_proj", x, c.kvHeads * c.headDim, plain); // (N, KV*D)
    const value = linear(b, "v_proj", x, c.kvHeads * c.headDim, plain); // (N, KV*D)
    const { heads, kvHeads, headDim } = c;
    const attended = attention(b, query, key, value, { layer, heads, kvHeads, headDim, rope });
    return linear(b, "o_proj", attended, c.width, { ...plain, init: residualInit(c) });
  });
}

type Rope = ReturnType<typeof ropeTables>;

function block(b: ModelBuilder, x: Value, c: LlamaConfig, layer: number, rope: Rope): Value {
  return scope(b.graph, `layers.${layer}`, () => {
    const middle = add(x, selfAttention(b, rmsNorm(b, "input_layernorm", x, c.epsilon), c, layer, rope));
    const normed = rmsNorm(b, "post_attention_layernorm", middle, c.epsilon);
    const init = { activation: silu, bias: c.mlpBias, init: normal(c.std), downInit: residualInit(c) };
    return add(
      middle,
      scope(b.graph, "mlp", () => gated(b, normed, c.inner, init)),
    );
  });
}

function hidden(b: ModelBuilder, c: LlamaConfig): Value {
  return scope(b.graph, "model", () => {
    const rope = ropeTables(b, c.headDim, c.rope);
    let x = embedding(b, "embed_tokens", b.ids, c.vocabSize, c.width, normal(c.std)); // (N, C)
    for (let layer = 0; layer < c.layers; layer++) x = block(b, x, c, layer, rope);
    return rmsNorm(b, "norm", x, c.epsilon);
  });
}

function head(b: ModelBuilder, x: Value, c: LlamaConfig): Value {
  if (!c.tied) return linear(b, "lm_head", x, c.vocabSize, { init: normal(c.std) });
  return tiedHead(x, parameter(b.graph, "model.embed_tokens.weight", [c.vocabSize, c.width], normal(c.std)));
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const c = readConfig(config, where);
  return {
    modelType: "llama",
    vocabSize: c.vocabSize,
    maxPositions: c.positions,
    hiddenSize: c.width,
    cache: { layers: c.layers, kvHeads: c.kvHeads, headDim: cacheHeadDim(c.headDim) },
    config,
    hidden: (b) => hidden(b, c),
    head: (b, x) => head(b, x, c),
  };
}

/** 8/3 of the width, so that three matrices cost what two of 4x would (Shazeer 2020), rounded up to a multiple of 64. */
const defaultInner = (dim: number) => Math.ceil((8 * dim) / 3 / 64) * 64;

function newConfig(sizes: ModelSizes): JsonObject {
  needDivides(sizes.heads, sizes.dim, "--heads", "--dim");
  needDivides(sizes.kvHeads, sizes.heads, "--kv-heads", "--heads");
  const headDim = sizes.dim / sizes.heads;
  if (headDim % 2 !== 0)
    fail(
      "BAD_OPTION",
      `--dim over --heads: got ${headDim}, expected an even width of each head. Try --dim ${sizes.dim + sizes.heads}.`,
    );
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: sizes.vocabSize,
    max_position_embeddings: sizes.context,
    hidden_size: sizes.dim,
    intermediate_size: sizes.feedForward ?? defaultInner(sizes.dim),
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    head_dim: headDim,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    attention_bias: false,
    mlp_bias: false,
    initializer_range: 0.02,
    tie_word_embeddings: sizes.tied ?? true,
    bos_token_id: sizes.bosTokenId ?? null,
    eos_token_id: sizes.eosTokenId ?? null,
    dtype: "float32",
  };
}

/** Llama, as transformers' LlamaForCausalLM. */
export const LLAMA: ModelFamily = { modelType: "llama", architecture: "LlamaForCausalLM", fromConfig, newConfig };
