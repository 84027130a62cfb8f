/** Reads the config keys that decoders share. Knows no family: names and defaults that differ are arguments. */
import { fail } from "../base/errors.ts";
import { ACTIVATION_NAMES, type Activation, activation } from "../nn/activations.ts";
import { type ConfigReader, MOST_LAYERS } from "./config.ts";

/** The sizes of a decoder and how its weights start. */
export interface Sizes {
  readonly vocabSize: number;
  readonly positions: number;
  readonly width: number;
  /** Width of the feed-forward layers. */
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly tied: boolean;
  /** Standard deviation of new weights. */
  readonly std: number;
}

/** What a family's config class takes for keys that are absent. */
export interface SizeDefaults {
  readonly positions: number;
  /** Default as many as there are query heads, which null always means. */
  readonly kvHeads?: number;
  /** Default the hidden size over the heads. */
  readonly headDim?: number;
  readonly tied: boolean;
  readonly std?: number;
  /** Sizes that a family's published configs leave out; the others have no defaults, since they say what a model is. */
  readonly published?: {
    readonly vocabSize: number;
    readonly width: number;
    readonly inner: number;
    readonly layers: number;
    readonly heads: number;
  };
}

/** Reads {@link Sizes} by Llama's names. */
export function readSizes(r: ConfigReader, defaults: SizeDefaults): Sizes {
  r.expect("is_causal", true);
  r.expect("per_layer_config");
  const { published } = defaults;
  const width = r.int("hidden_size", published?.width);
  const heads = r.int("num_attention_heads", published?.heads);
  const kvHeads = r.int("num_key_value_heads", r.isNull("num_key_value_heads") ? heads : (defaults.kvHeads ?? heads));
  if (heads % kvHeads !== 0)
    fail("BAD_CONFIG", `${r.where}: num_key_value_heads: got ${kvHeads}, expected a divisor of ${heads} heads`);
  const given = r.has("head_dim") || defaults.headDim !== undefined;
  if (!given && width % heads !== 0)
    fail("BAD_CONFIG", `${r.where}: num_attention_heads: got ${heads}, expected a divisor of hidden_size ${width}`);
  return {
    vocabSize: r.int("vocab_size", published?.vocabSize),
    positions: r.int("max_position_embeddings", defaults.positions),
    width,
    inner: r.int("intermediate_size", published?.inner),
    layers: r.int("num_hidden_layers", published?.layers, { max: MOST_LAYERS }),
    heads,
    kvHeads,
    headDim: r.int("head_dim", defaults.headDim ?? Math.trunc(width / heads)),
    tied: r.bool("tie_word_embeddings", defaults.tied),
    std: r.positive("initializer_range", defaults.std ?? 0.02),
  };
}

/** The activation that a key names; UNSUPPORTED where it is none that we know. */
export function readActivation(r: ConfigReader, key: string, fallback: string): Activation {
  r.expect(key, ...ACTIVATION_NAMES);
  return activation(r.text(key, fallback))!;
}

/** A number above zero; undefined for null, and for an absent key without a fallback. */
export function readOptional(r: ConfigReader, key: string, fallback?: number): number | undefined {
  if (r.isNull(key) || (fallback === undefined && !r.has(key))) return undefined;
  return r.positive(key, fallback);
}

/** {@link readOptional} of a whole number of tokens. */
export function readWindow(r: ConfigReader, fallback?: number): number | undefined {
  if (r.isNull("sliding_window") || (fallback === undefined && !r.has("sliding_window"))) return undefined;
  return r.int("sliding_window", fallback);
}

/** Which layers see a window, as `layer_types` says or else `isSliding`. */
export function readSlidingLayers(
  r: ConfigReader,
  layers: number,
  isSliding: (layer: number) => boolean,
): (layer: number) => boolean {
  const types = r.list("layer_types", "a list of strings", (x): x is string => typeof x === "string");
  if (!types) return isSliding;
  const other = types.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (other !== undefined)
    fail(
      "UNSUPPORTED",
      `${r.where}: layer_types: got ${JSON.stringify(other)}, and this version runs only "full_attention" and "sliding_attention"`,
    );
  if (types.length !== layers) r.bad("layer_types", `${layers} strings, one a layer`);
  return (layer) => types[layer] === "sliding_attention";
}

/** The window of each layer, or undefined where it sees all. Refuses layers that slide over no window. */
export function layerWindows(
  r: ConfigReader,
  layers: number,
  window: number | undefined,
  isSliding: (layer: number) => boolean,
): (layer: number) => number | undefined {
  const slides = readSlidingLayers(r, layers, isSliding);
  if (window === undefined && r.has("layer_types"))
    for (let layer = 0; layer < layers; layer++)
      if (slides(layer)) r.bad("sliding_window", "a whole number, since layer_types has sliding layers");
  return (layer) => (slides(layer) ? window : undefined);
}
