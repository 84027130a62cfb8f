/** Models by name: the sizes of their published configs, and what was published of their training. Data alone. */
import type { JsonObject } from "../base/json.ts";

/** What was published of a training run. */
export interface PublishedRun {
  readonly tokens: number;
  /** By {@link GPUS}' names. */
  readonly gpu?: string;
  readonly gpuHours?: number;
  readonly source: string;
}

/** A model that can be planned by name. */
export interface NamedModel {
  readonly config: JsonObject;
  /** Where the sizes are from. */
  readonly source: string;
  readonly run?: PublishedRun;
}

function gpt2(width: number, layers: number, heads: number, positions = 1024): JsonObject {
  return {
    model_type: "gpt2",
    vocab_size: 50257,
    n_positions: positions,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    tie_word_embeddings: true,
  };
}

/** Sizes by Llama's names. */
function llama(
  vocab: number,
  width: number,
  inner: number,
  layers: number,
  heads: number,
  kvHeads: number,
  positions: number,
  rest: JsonObject = {},
): JsonObject {
  return {
    model_type: "llama",
    vocab_size: vocab,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    max_position_embeddings: positions,
    tie_word_embeddings: false,
    ...rest,
  };
}

/** Llama 3.1's rotary scaling; it adds no parameters. */
function llama31(config: JsonObject, factor = 8): JsonObject {
  const rope_scaling = {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  return { ...config, max_position_embeddings: 131072, rope_theta: 500000, rope_scaling };
}

const tied = { tie_word_embeddings: true };
const GPT2_PAPER = "Radford et al. 2019, table 2; config.json";
const GPT3_PAPER = "Brown et al. 2020, table 2.1";
const LLAMA2_CARD = "Touvron et al. 2023, table 2 (A100-80GB hours); config.json";
const LLAMA3_CARD = "Llama 3 model card (H100-80GB hours, 15T+ tokens)";
const LLAMA31_CARD = "Llama 3.1 model card (H100-80GB hours, 15T+ tokens)";
const LLAMA32_CARD = "Llama 3.2 model card (H100-80GB hours, up to 9T tokens)";
const SMOLLM2_CARD = "SmolLM2 model card";
const CONFIG = "config.json";

const LLAMA3_8B = llama(128256, 4096, 14336, 32, 32, 8, 8192, { rope_theta: 500000 });
const LLAMA3_70B = llama(128256, 8192, 28672, 80, 64, 8, 8192, { rope_theta: 500000 });
const LLAMA3_405B = llama31(llama(128256, 16384, 53248, 126, 128, 8, 131072));

const h100 = (tokens: number, gpuHours: number, source: string): PublishedRun => ({
  tokens,
  gpu: "h100",
  gpuHours,
  source,
});
const a100 = (gpuHours: number): PublishedRun => ({ tokens: 2e12, gpu: "a100", gpuHours, source: LLAMA2_CARD });

const LLAMA3_405B_MODEL: NamedModel = {
  config: LLAMA3_405B,
  source: "Grattafiori et al. 2024, table 3",
  run: h100(15.6e12, 30.84e6, "Grattafiori et al. 2024 (15.6T tokens, 3.8e25 FLOPs); Llama 3.1 model card (GPU-hours)"),
};

/** By name. */
export const NAMED_MODELS: ReadonlyMap<string, NamedModel> = new Map<string, NamedModel>([
  ["gpt2", { config: gpt2(768, 12, 12), source: GPT2_PAPER }],
  ["gpt2-medium", { config: gpt2(1024, 24, 16), source: GPT2_PAPER }],
  ["gpt2-large", { config: gpt2(1280, 36, 20), source: GPT2_PAPER }],
  ["gpt2-xl", { config: gpt2(1600, 48, 25), source: GPT2_PAPER }],
  [
    "gpt3-6.7b",
    { config: gpt2(4096, 32, 32, 2048), source: GPT3_PAPER, run: { tokens: 300e9, source: "Brown et al. 2020" } },
  ],
  [
    "gpt3-175b",
    {
      config: gpt2(12288, 96, 96, 2048),
      source: GPT3_PAPER,
      // 10,000 cards for 14.8 days, at 24.6 TFLOP/s each.
      run: {
        tokens: 300e9,
        gpu: "v100",
        gpuHours: 10_000 * 14.8 * 24,
        source: "Brown et al. 2020 (300B tokens); Patterson et al. 2021, table 4 (10,000 V100 for 14.8 days)",
      },
    },
  ],
  ["llama2-7b", { config: llama(32000, 4096, 11008, 32, 32, 32, 4096), source: CONFIG, run: a100(184_320) }],
  ["llama2-13b", { config: llama(32000, 5120, 13824, 40, 40, 40, 4096), source: CONFIG, run: a100(368_640) }],
  ["llama2-70b", { config: llama(32000, 8192, 28672, 80, 64, 8, 4096), source: CONFIG, run: a100(1_720_320) }],
  ["llama3-8b", { config: LLAMA3_8B, source: CONFIG, run: h100(15e12, 1.3e6, LLAMA3_CARD) }],
  ["llama3-70b", { config: LLAMA3_70B, source: CONFIG, run: h100(15e12, 6.4e6, LLAMA3_CARD) }],
  ["llama3-405b", LLAMA3_405B_MODEL],
  ["llama3.1-8b", { config: llama31(LLAMA3_8B), source: CONFIG, run: h100(15e12, 1.46e6, LLAMA31_CARD) }],
  ["llama3.1-70b", { config: llama31(LLAMA3_70B), source: CONFIG, run: h100(15e12, 7e6, LLAMA31_CARD) }],
  ["llama3.1-405b", LLAMA3_405B_MODEL],
  [
    "llama3.2-1b",
    {
      config: llama31(llama(128256, 2048, 8192, 16, 32, 8, 131072, { ...tied, head_dim: 64 }), 32),
      source: CONFIG,
      run: h100(9e12, 370_000, LLAMA32_CARD),
    },
  ],
  [
    "llama3.2-3b",
    {
      config: llama31(llama(128256, 3072, 8192, 28, 24, 8, 131072, { ...tied, head_dim: 128 }), 32),
      source: CONFIG,
      run: h100(9e12, 460_000, LLAMA32_CARD),
    },
  ],
  [
    "mistral-7b",
    {
      config: llama(32000, 4096, 14336, 32, 32, 8, 32768, { model_type: "mistral", sliding_window: 4096 }),
      source: CONFIG,
    },
  ],
  [
    "mixtral-8x7b",
    {
      config: llama(32000, 4096, 14336, 32, 32, 8, 32768, {
        model_type: "mixtral",
        num_local_experts: 8,
        num_experts_per_tok: 2,
        sliding_window: null,
        rope_theta: 1e6,
      }),
      source: CONFIG,
    },
  ],
  [
    "qwen2.5-0.5b",
    {
      config: llama(151936, 896, 4864, 24, 14, 2, 32768, { ...tied, model_type: "qwen2", rope_theta: 1e6 }),
      source: CONFIG,
    },
  ],
  [
    "qwen2.5-7b",
    { config: llama(152064, 3584, 18944, 28, 28, 4, 131072, { model_type: "qwen2", rope_theta: 1e6 }), source: CONFIG },
  ],
  [
    "smollm2-135m",
    {
      config: llama(49152, 576, 1536, 30, 9, 3, 8192, { ...tied, rope_theta: 100000 }),
      source: CONFIG,
      run: { tokens: 2e12, source: SMOLLM2_CARD },
    },
  ],
  [
    "smollm2-360m",
    {
      config: llama(49152, 960, 2560, 32, 15, 5, 8192, { ...tied, rope_theta: 100000 }),
      source: CONFIG,
      run: { tokens: 4e12, source: SMOLLM2_CARD },
    },
  ],
  [
    "smollm2-1.7b",
    {
      config: llama(49152, 2048, 8192, 24, 32, 32, 8192, { ...tied, rope_theta: 130000 }),
      source: CONFIG,
      run: { tokens: 11e12, source: SMOLLM2_CARD },
    },
  ],
]);
