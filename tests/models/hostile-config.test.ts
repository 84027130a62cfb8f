import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { FAMILIES, modelFromConfig } from "../../src/models/registry.ts";
import { shapesOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily } from "../helpers/reference-families.ts";

type Config = Record<string, unknown>;

/** A config of each family, the first of its rows. */
const BASES = new Map([...FAMILIES.keys()].filter((type) => type !== "gpt2").map((type) => [type, baseOf(type)]));

function baseOf(type: string): Config {
  const name = GOLDEN_FAMILIES.find((each) => each.split("-")[0] === type)!;
  return structuredClone(goldenFamily(name).config);
}

/** Where a family's sizes are. */
const sizesOf = (config: Config): Config => (config.text_config as Config | undefined) ?? config;

function refusal(config: Config): OwnlmError | undefined {
  try {
    modelFromConfig(config, "config.json");
    return undefined;
  } catch (error) {
    assert.ok(error instanceof OwnlmError, String(error));
    return error;
  }
}

const NO_SIZES = [0, -1, 1.5, 1e12, Number.NaN, Number.POSITIVE_INFINITY, "40", [], {}, true];
const SIZES = ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings"];

/** Changes that every family refuses by the key; Gemma 3 has defaults for sizes that are missing. */
const CHANGES: readonly (readonly [says: string, key: string, change: (c: Config) => void])[] = [
  ...SIZES.flatMap((key) =>
    NO_SIZES.map(
      (value) =>
        [
          `${key} of ${JSON.stringify(value)}`,
          key,
          (c: Config) => {
            c[key] = value;
          },
        ] as const,
    ),
  ),
  ...["hidden_size", "num_hidden_layers", "vocab_size"].map(
    (key) => [`no ${key}`, key, (c: Config) => void delete c[key]] as const,
  ),
  ["heads that do not divide", "heads", (c) => Object.assign(c, { num_attention_heads: 7, head_dim: null })],
  ["more layers than a graph takes", "num_hidden_layers", (c) => Object.assign(c, { num_hidden_layers: 100_000 })],
  ["no causal mask", "is_causal", (c) => Object.assign(c, { is_causal: false })],
];

/** Changes of Llama's config, and what the message says. */
const LLAMA: readonly (readonly [says: string, change: Config, code: string, message: RegExp])[] = [
  ["a base of NaN", { rope_theta: Number.NaN }, "BAD_CONFIG", /rope_theta: got NaN/],
  ["a base of 0", { rope_theta: 0, rope_scaling: null }, "BAD_CONFIG", /rope_theta: got 0/],
  ["a base of 1 with YaRN", { rope_theta: 1 }, "BAD_CONFIG", /rope_theta/],
  ["scaling of an unknown kind", { rope_scaling: { rope_type: "mrope" } }, "UNSUPPORTED", /rope_type: got "mrope"/],
  ["scaling of an unknown old kind", { rope_scaling: { type: "ntk" } }, "UNSUPPORTED", /: type: got "ntk"/],
  ["scaling by a number", { rope_scaling: 4 }, "BAD_CONFIG", /rope_scaling: got 4, expected an object/],
  ["a factor below 0", { rope_scaling: { type: "linear", factor: -2 } }, "BAD_CONFIG", /rope_scaling: factor: got -2/],
  ["a factor that is missing", { rope_scaling: { type: "linear" } }, "BAD_CONFIG", /rope_scaling: factor/],
  [
    "LongRoPE, which it does not hand on",
    { rope_scaling: { type: "longrope" } },
    "UNSUPPORTED",
    /type: got "longrope"/,
  ],
  ["a part of each head rotated", { partial_rotary_factor: 0.5 }, "UNSUPPORTED", /partial_rotary_factor: got 0.5/],
  ["heads of an odd width", { head_dim: 11 }, "BAD_CONFIG", /head_dim: got 11/],
  ["key heads that do not divide", { num_key_value_heads: 3 }, "BAD_CONFIG", /num_key_value_heads: got 3/],
  ["a window", { sliding_window: 4096 }, "UNSUPPORTED", /sliding_window: got 4096/],
  ["an unknown activation", { hidden_act: "softsign" }, "UNSUPPORTED", /hidden_act: got "softsign"/],
  ["an activation that every object has", { hidden_act: "toString" }, "UNSUPPORTED", /hidden_act: got "toString"/],
  ["an activation that is none", { hidden_act: 3 }, "UNSUPPORTED", /hidden_act: got 3/],
  ["a bias that is no flag", { attention_bias: "yes" }, "BAD_CONFIG", /attention_bias: got "yes"/],
  ["an epsilon below 0", { rms_norm_eps: -1e-6 }, "BAD_CONFIG", /rms_norm_eps/],
  ["no family", { model_type: "toString" }, "UNSUPPORTED", /model_type: got "toString"/],
  ["a family that is a number", { model_type: 5 }, "BAD_CONFIG", /model_type/],
];

/** Changes of other families. */
const OTHERS: readonly (readonly [type: string, change: Config, code: string, message: RegExp])[] = [
  ["mistral", { sliding_window: 0 }, "BAD_CONFIG", /sliding_window: got 0/],
  ["mistral", { layer_types: ["full_attention"] }, "UNSUPPORTED", /layer_types/],
  ["qwen2", { layer_types: ["sliding_attention"] }, "BAD_CONFIG", /layer_types: .* expected 3 strings/],
  ["qwen2", { layer_types: ["linear_attention", "x", "y"] }, "UNSUPPORTED", /layer_types: got "linear_attention"/],
  ["qwen2", { layer_types: "sliding_attention" }, "BAD_CONFIG", /layer_types/],
  [
    "qwen2",
    { layer_types: ["sliding_attention", "full_attention", "full_attention"], use_sliding_window: false },
    "BAD_CONFIG",
    /sliding_window/,
  ],
  ["gemma2", { use_bidirectional_attention: true }, "UNSUPPORTED", /use_bidirectional_attention/],
  ["gemma2", { attn_logit_softcapping: 0 }, "BAD_CONFIG", /attn_logit_softcapping: got 0/],
  ["gemma2", { query_pre_attn_scalar: -3 }, "BAD_CONFIG", /query_pre_attn_scalar/],
  ["gemma3_text", { attn_logit_softcapping: 50 }, "UNSUPPORTED", /attn_logit_softcapping: got 50/],
  ["gemma3_text", { sliding_window_pattern: 0 }, "BAD_CONFIG", /sliding_window_pattern/],
  ["gemma3", { text_config: null }, "BAD_CONFIG", /text_config is missing/],
  ["gemma3", { tie_word_embeddings: false }, "UNSUPPORTED", /tie_word_embeddings/],
  ["phi3", { rope_scaling: { type: "linear", factor: 2 } }, "UNSUPPORTED", /type: got "linear"/],
  ["phi3", { rope_scaling: { type: "longrope", long_factor: [1, 1, 1] } }, "BAD_CONFIG", /short_factor: got nothing/],
  [
    "phi3",
    { rope_scaling: { type: "longrope", short_factor: [1, 1, 1], long_factor: [1, 1] } },
    "BAD_CONFIG",
    /long_factor: got \[1,1\], expected a list of 3 numbers/,
  ],
  [
    "phi3",
    { rope_scaling: { type: "longrope", short_factor: [1, 0, 1], long_factor: [1, 1, 1] } },
    "BAD_CONFIG",
    /short_factor/,
  ],
  ["phi3", { partial_rotary_factor: 1.5 }, "BAD_CONFIG", /partial_rotary_factor|head_dim/],
  ["smollm3", { no_rope_layers: [1, 0] }, "BAD_CONFIG", /no_rope_layers/],
  ["smollm3", { no_rope_layers: [1, 2, 1] }, "BAD_CONFIG", /no_rope_layers/],
  ["smollm3", { no_rope_layers: null, no_rope_layer_interval: 0 }, "BAD_CONFIG", /no_rope_layer_interval/],
  ["granite", { logits_scaling: 0 }, "BAD_CONFIG", /logits_scaling: got 0/],
  ["starcoder2", { hidden_act: null, norm_epsilon: 0 }, "BAD_CONFIG", /norm_epsilon/],
];

describe("a hostile config", () => {
  for (const [type, base] of BASES)
    test(`of ${type} is refused by the key, whatever is wrong with its sizes`, () => {
      for (const [says, key, change] of CHANGES) {
        if (says.startsWith("no ") && type.startsWith("gemma3")) continue;
        const config = structuredClone(base);
        change(sizesOf(config));
        const error = refusal(config);
        assert.ok(error, `${says}: was taken`);
        assert.ok(["BAD_CONFIG", "UNSUPPORTED"].includes(error.code), `${says}: ${error.code}`);
        assert.ok(error.message.includes(key), `${says}: ${error.message}`);
      }
    });

  for (const [says, change, code, message] of LLAMA)
    test(`of llama with ${says} is refused`, () => {
      assert.throws(() => modelFromConfig({ ...BASES.get("llama"), ...change }, "config.json"), { code, message });
    });

  for (const [type, change, code, message] of OTHERS)
    test(`of ${type} with ${JSON.stringify(change)} is refused`, () => {
      assert.throws(() => modelFromConfig({ ...BASES.get(type), ...change }, "config.json"), { code, message });
    });

  test("that names code of its own is read without it", () => {
    const auto_map = { AutoConfig: "configuration_x.XConfig", AutoModelForCausalLM: "modeling_x.XForCausalLM" };
    const { hiddenSize } = modelFromConfig({ ...BASES.get("llama"), auto_map, trust_remote_code: true }, "config.json");
    assert.equal(hiddenSize, 40);
  });

  test("that leaves out what Gemma 3's published ones do has the family's sizes", () => {
    const text_config = {
      model_type: "gemma3_text",
      hidden_size: 2560,
      intermediate_size: 10240,
      num_hidden_layers: 34,
      rope_scaling: { factor: 8.0, rope_type: "linear" },
      sliding_window: 1024,
    };
    const { vocabSize, cache, maxPositions } = modelFromConfig({ model_type: "gemma3", text_config }, "config.json");
    assert.deepEqual([vocabSize, maxPositions], [262208, 131072]);
    assert.deepEqual(cache, { layers: 34, kvHeads: 4, headDim: 256 });
  });

  test("with any one value replaced by anything gives a model or a typed error", () => {
    const paths = [...BASES].flatMap(([type, base]) =>
      Object.entries(base).flatMap(([key, value]) => {
        const inner = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
        return [[type, key], ...inner.map((each) => [type, key, each])];
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), ([type, ...keys], value) => {
        const config = structuredClone(BASES.get(type!)!);
        const owner = keys.length > 1 ? (config[keys[0]!] as Config) : config;
        owner[keys.at(-1)!] = value;
        if (refusal(config)) return;
        const model = modelFromConfig(config, "config.json");
        if (model.cache.layers > 8) return;
        try {
          shapesOf(model);
        } catch (error) {
          assert.ok(error instanceof OwnlmError, String(error));
        }
      }),
      { numRuns: 2000, seed: 3 },
    );
  });
});

test("more experts in all layers together than a graph takes are refused by the key", () => {
  const config = { ...BASES.get("mixtral"), num_hidden_layers: 100, num_local_experts: 1000 };
  assert.throws(() => modelFromConfig(config, "config.json"), {
    code: "BAD_CONFIG",
    message: /num_local_experts: got 1000/,
  });
});
