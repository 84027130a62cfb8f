/** Random Llamas of published shapes, as folders in Hugging Face's layout. Knows nothing of what is measured with them. */
import { rng } from "../../src/base/rng.ts";
import { parameterShapes } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { openSafetensors, writeText } from "../../src/weights/safetensors.ts";

/** A model, how many tokens it makes at each context, and who besides llama.cpp is measured with it. */
export interface Shape {
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: number;
  /** Elements of the keys of one token in one layer. */
  readonly keyWidth: number;
  /** New tokens at the first context and at the others. */
  readonly newTokens: readonly [number, number];
  readonly transformersJs: boolean;
}

const COMMON = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  head_dim: 64,
  hidden_act: "silu",
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  dtype: "bfloat16",
};

/** Sizes of SmolLM-135M and of Llama 3.2 1B. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  "135m": {
    config: {
      ...COMMON,
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      vocab_size: 49152,
    },
    layers: 30,
    keyWidth: 192,
    newTokens: [128, 48],
    transformersJs: true,
  },
  "1.24b": {
    config: {
      ...COMMON,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      vocab_size: 128256,
    },
    layers: 16,
    keyWidth: 512,
    newTokens: [48, 24],
    transformersJs: false,
  },
};

/** Writes the folder; the weights come last, so that a folder that has them is whole. */
export function writeRandomFolder(folder: string, { config }: Shape): void {
  host.makeFolder(folder);
  const files = {
    "config.json": config,
    "tokenizer.json": byteTokenizer(config.vocab_size as number),
    "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast" },
  };
  for (const [name, content] of Object.entries(files))
    writeText(host, host.join(folder, name), JSON.stringify(content));
  const specs = [...parameterShapes(modelFromConfig(config, folder))].map(([name, shape]) => ({
    name,
    dtype: "bfloat16" as const,
    shape,
  }));
  const writer = openSafetensors(host, host.join(folder, "model.safetensors"), specs);
  try {
    for (const { name, shape } of specs) writer.write(randomBfloat16(name, shape));
    writer.finish();
  } finally {
    writer.abandon();
  }
}

/** Ones for norms; else normal numbers of deviation 0.02, from a piece of them that is another for each tensor. */
function randomBfloat16(name: string, shape: readonly number[]): Uint16Array {
  const data = new Uint16Array(shape.reduce((n, dim) => n * dim, 1));
  if (shape.length === 1) return data.fill(0x3f80);
  const random = rng(1, name);
  // No divisor of the rows' widths: equal rows would be too easy for the caches.
  const length = Math.min(data.length, 65521);
  const piece = Float32Array.from({ length }, () => 0.02 * random.normal());
  const bits = new Uint32Array(piece.buffer);
  for (let i = 0; i < length; i++) data[i] = bits[i]! >>> 16;
  for (let done = length; done < data.length; done *= 2) data.copyWithin(done, 0, Math.min(done, data.length - done));
  return data;
}

/** The characters that stand for bytes in byte-level vocabularies, printable bytes for themselves (Radford et al. 2019). */
function byteAlphabet(): string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let others = 0;
  const characters = Array.from({ length: 256 }, (_, byte) => (printable(byte) ? byte : 256 + others++));
  return characters.map((code) => String.fromCodePoint(code));
}

/** A byte-level tokenizer.json of `size` tokens: bytes, pairs of them, and triples. Readers of GGUF files want one. */
function byteTokenizer(size: number): Readonly<Record<string, unknown>> {
  const vocab = new Map(byteAlphabet().map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  const bytes = [...vocab.keys()];
  const firsts = [...bytes];
  for (let i = 0; vocab.size < size; i++)
    for (const last of bytes) {
      const [first, token] = [firsts[i]!, firsts[i]! + last];
      if (vocab.size === size) break;
      vocab.set(token, vocab.size);
      merges.push([first, last]);
      firsts.push(token);
    }
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}
