/** GPT-2 (Radford et al. 2019): learned positions, layer norms before each block, GELU, tied head. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { mulDims } from "../base/shapes.ts";
import { parameter, scope } from "../graph/build.ts";
import { add, gather, gelu, reshape, split } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { attention, cacheHeadDim } from "../nn/attention.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { embedding, layerNorm, linear, normal, tiedHead } from "../nn/layers.ts";
import { configReader, MOST_LAYERS, needDivides } from "./config.ts";
import type { CausalLm, ModelFamily, ModelSizes } from "./types.ts";

interface Gpt2Config {
  readonly vocabSize: number;
  readonly positions: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly inner: number;
  readonly epsilon: number;
  readonly activation: "none" | "tanh";
  readonly std: number;
  readonly tied: boolean;
}

const ACTIVATIONS: Readonly<Record<string, "none" | "tanh">> = {
  gelu_new: "tanh",
  gelu_pytorch_tanh: "tanh",
  gelu: "none",
};

function readConfig(json: JsonObject, where: string): Gpt2Config {
  const r = configReader(json, where);
  r.expect("scale_attn_weights", true);
  r.expect("scale_attn_by_inverse_layer_idx", false);
  r.expect("add_cross_attention", false);
  r.expect("activation_function", ...Object.keys(ACTIVATIONS));
  const width = r.int("n_embd");
  const heads = r.int("n_head");
  if (width % heads !== 0) fail("BAD_CONFIG", `${where}: n_head: got ${heads}, expected a divisor of n_embd ${width}`);
  return {
    vocabSize: r.int("vocab_size"),
    positions: r.int("n_positions", r.int("n_ctx", 1024)),
    width,
    layers: r.int("n_layer", undefined, { max: MOST_LAYERS }),
    heads,
    inner: r.int("n_inner", 4 * width),
    epsilon: r.positive("layer_norm_epsilon", 1e-5),
    activation: ACTIVATIONS[r.text("activation_function", "gelu_new")]!,
    std: r.positive("initializer_range", 0.02),
    tied: r.bool("tie_word_embeddings", true),
  };
}

/** Weights are stored (in, out); the projections back into the residual stream start smaller the deeper the model. */
function layersOf(c: Gpt2Config) {
  const plain = { bias: true, layout: "in-out", init: normal(c.std) } as const;
  return { plain, residual: { ...plain, init: normal(c.std / Math.sqrt(2 * c.layers)) } };
}

function selfAttention(b: ModelBuilder, x: Value, c: Gpt2Config, layer: number): Value {
  const { plain, residual } = layersOf(c);
  return scope(b.graph, "attn", () => {
    const qkv = linear(b, "c_attn", x, 3 * c.width, plain); // (N, 3C)
    const [query, key, value] = split(qkv, 1, [c.width, c.width, c.width]) as [Value, Value, Value];
    const shape = { layer, heads: c.heads, kvHeads: c.heads, headDim: c.width / c.heads };
    return linear(b, "c_proj", attention(b, query, key, value, shape), c.width, residual);
  });
}

function feedForward(b: ModelBuilder, x: Value, c: Gpt2Config): Value {
  const { plain, residual } = layersOf(c);
  return scope(b.graph, "mlp", () => {
    const inner = gelu(linear(b, "c_fc", x, c.inner, plain), c.activation); // (N, F)
    return linear(b, "c_proj", inner, c.width, residual);
  });
}

function block(b: ModelBuilder, x: Value, c: Gpt2Config, layer: number): Value {
  return scope(b.graph, `h.${layer}`, () => {
    const middle = add(x, selfAttention(b, layerNorm(b, "ln_1", x, c.epsilon), c, layer));
    return add(middle, feedForward(b, layerNorm(b, "ln_2", middle, c.epsilon), c));
  });
}

function embed(b: ModelBuilder, c: Gpt2Config): Value {
  const tokens = embedding(b, "wte", b.ids, c.vocabSize, c.width, normal(c.std));
  const positions = scope(b.graph, "wpe", () => {
    const table = parameter(b.graph, "weight", [c.positions, c.width], normal(c.std));
    return gather(table, reshape(b.positionIds, [mulDims(b.batch, b.tokens)]));
  });
  return add(tokens, positions); // (N, C)
}

function hidden(b: ModelBuilder, c: Gpt2Config): Value {
  return scope(b.graph, "transformer", () => {
    let x = embed(b, c);
    for (let layer = 0; layer < c.layers; layer++) x = block(b, x, c, layer);
    return layerNorm(b, "ln_f", x, c.epsilon);
  });
}

function head(b: ModelBuilder, x: Value, c: Gpt2Config): Value {
  if (!c.tied) return linear(b, "lm_head", x, c.vocabSize, { init: normal(c.std) });
  return tiedHead(x, parameter(b.graph, "transformer.wte.weight", [c.vocabSize, c.width], normal(c.std)));
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const c = readConfig(config, where);
  return {
    modelType: "gpt2",
    vocabSize: c.vocabSize,
    maxPositions: c.positions,
    hiddenSize: c.width,
    cache: { layers: c.layers, kvHeads: c.heads, headDim: cacheHeadDim(c.width / c.heads) },
    config,
    hidden: (b) => hidden(b, c),
    head: (b, x) => head(b, x, c),
  };
}

function newConfig(sizes: ModelSizes): JsonObject {
  needDivides(sizes.heads, sizes.dim, "--heads", "--dim");
  if (sizes.kvHeads !== sizes.heads)
    fail(
      "BAD_OPTION",
      `--kv-heads: got ${sizes.kvHeads}, expected --heads ${sizes.heads}. GPT-2 shares no keys: try --arch llama.`,
    );
  if (sizes.tied === false)
    fail("BAD_OPTION", "--untied: GPT-2's output head is its embedding. Leave it out, or try --arch llama.");
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: sizes.vocabSize,
    n_positions: sizes.context,
    n_embd: sizes.dim,
    n_layer: sizes.layers,
    n_head: sizes.heads,
    n_inner: sizes.feedForward ?? null,
    activation_function: "gelu_new",
    layer_norm_epsilon: 1e-5,
    initializer_range: 0.02,
    attn_pdrop: 0,
    embd_pdrop: 0,
    resid_pdrop: 0,
    tie_word_embeddings: true,
    bos_token_id: sizes.bosTokenId ?? null,
    eos_token_id: sizes.eosTokenId ?? null,
    dtype: "float32",
  };
}

/** GPT-2, as transformers' GPT2LMHeadModel. */
export const GPT2: ModelFamily = { modelType: "gpt2", architecture: "GPT2LMHeadModel", fromConfig, newConfig };
