/** A small gpt-oss in its three forms: floats, Hugging Face's MXFP4, and a GGUF file. */
import path from "node:path";
import { rng } from "../../src/base/rng.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { publishModel } from "../../src/weights/folder.ts";
import { type GgufField, type GgufTensorSource, writeGguf } from "../../src/weights/gguf-write.ts";
import { findMxfp4, readMxfp4 } from "../../src/weights/mxfp4.ts";
import { type NamedTensor, readSafetensors } from "../../src/weights/safetensors.ts";
import { transpose } from "../../src/weights/stored.ts";
import { randomTensors, temporaryFolder } from "../generate/folders.ts";

/** Every token takes all experts, so that rounding changes no choice. */
export const GPT_OSS_CONFIG = {
  model_type: "gpt_oss",
  vocab_size: 290,
  hidden_size: 64,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  num_local_experts: 3,
  num_experts_per_tok: 3,
  max_position_embeddings: 128,
  sliding_window: 8,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
};
const { hidden_size: C, intermediate_size: F, num_local_experts: E } = GPT_OSS_CONFIG;

const isExperts = (name: string) => /experts\.(gate_up|down)_proj$/.test(name);
const MXFP4_CONFIG = { ...GPT_OSS_CONFIG, quantization_config: { quant_method: "mxfp4", modules_to_not_convert: [] } };

/** Codes and scales of a weight (E, in, out). */
function randomMxfp4({ name, shape }: NamedTensor): NamedTensor[] {
  const { below } = rng(3, name);
  const [experts, width, rows] = shape as [number, number, number];
  const blocks = [experts, rows, width / 32];
  const count = experts * rows * (width / 32);
  const codes = Uint8Array.from({ length: 16 * count }, () => below(256));
  const scales = Uint8Array.from({ length: count }, () => 121 + below(3));
  return [
    { name: `${name}_blocks`, dtype: "uint8", shape: [...blocks, 16], data: codes },
    { name: `${name}_scales`, dtype: "uint8", shape: blocks, data: scales },
  ];
}

/** Folders of the same numbers: experts in MXFP4, and all floats. */
export function gptOssFolders(): { mxfp4: string; floats: string } {
  const plain = randomTensors(modelFromConfig(GPT_OSS_CONFIG, "test"), 1, 4);
  const [mxfp4, floats] = [path.join(temporaryFolder(), "mxfp4"), path.join(temporaryFolder(), "floats")];
  const packed = plain.flatMap((tensor) => (isExperts(tensor.name) ? randomMxfp4(tensor) : [tensor]));
  publishModel(host, mxfp4, { "config.json": MXFP4_CONFIG }, packed);
  const stored = readSafetensors(host, path.join(mxfp4, "model.safetensors")).tensors;
  const shapes = new Map(plain.map(({ name, shape }) => [name, shape]));
  const found = findMxfp4(stored, shapes, mxfp4);
  const wide = plain.map((tensor): NamedTensor => {
    const entry = found.get(tensor.name);
    return entry ? { ...tensor, data: Float32Array.from(readMxfp4(host, entry)) } : tensor;
  });
  publishModel(host, floats, { "config.json": GPT_OSS_CONFIG }, wide);
  return { mxfp4, floats };
}

/** What llama.cpp's converter names a weight, for weights that stay whole. */
const NAMES: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^model\.embed_tokens\./, "token_embd."],
  [/^model\.norm\./, "output_norm."],
  [/^lm_head\./, "output."],
  [/self_attn\.sinks$/, "attn_sinks.weight"],
  [/self_attn\.([qkv])_proj\./, "attn_$1."],
  [/self_attn\.o_proj\./, "attn_output."],
  [/mlp\.router\./, "ffn_gate_inp."],
  [/input_layernorm\./, "attn_norm."],
  [/post_attention_layernorm\./, "post_attention_norm."],
];

function ggufName(name: string): string {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  const rest = name.replace(/^model\.layers\.\d+\./, "");
  const [pattern, replacement] = NAMES.find(([pattern]) => pattern.test(rest))!;
  return `${layer === undefined ? "" : `blk.${layer}.`}${rest.replace(pattern, replacement)}`;
}

const floatSource = (name: string, shape: readonly number[], values: Float32Array): GgufTensorSource => ({
  name,
  shape,
  format: "F32",
  pieces: () => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
});

/** Every `step`th row from `first` on. */
const everyRow = (rows: Float32Array, width: number, first: number, step: number) =>
  Float32Array.from(
    { length: rows.length / step },
    (_, i) => rows[(Math.floor(i / width) * step + first) * width + (i % width)]!,
  );

/** Gate, up and down of a layer's experts as floats: rows of outputs, gate and up apart. */
function expertSources(layer: string, tensors: ReadonlyMap<string, Float32Array>): GgufTensorSource[] {
  const of = (name: string) => tensors.get(`${layer}.mlp.experts.${name}`)!;
  const rowsOf = (name: string, width: number, rows: number) => {
    const all = of(name);
    const size = width * rows;
    return Array.from({ length: E }, (_, e) => transpose(all.subarray(e * size, (e + 1) * size), width, rows));
  };
  const join = (parts: readonly Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
  const risen = rowsOf("gate_up_proj", C, 2 * F);
  const blk = layer.replace("model.layers", "blk");
  const apart = (["gate", "up"] as const).flatMap((kind, first) => [
    floatSource(`${blk}.ffn_${kind}_exps.weight`, [E, F, C], join(risen.map((rows) => everyRow(rows, C, first, 2)))),
    floatSource(`${blk}.ffn_${kind}_exps.bias`, [E, F], everyRow(of("gate_up_proj_bias"), 1, first, 2)),
  ]);
  return [
    ...apart,
    floatSource(`${blk}.ffn_down_exps.weight`, [E, C, F], join(rowsOf("down_proj", F, C))),
    floatSource(`${blk}.ffn_down_exps.bias`, [E, C], of("down_proj_bias")),
  ];
}

/** A tensor of floats that MXFP4 holds, with scales that the largest of a block decides, in that form. */
function asMxfp4({ pieces, ...source }: GgufTensorSource): GgufTensorSource {
  const bytes = [...pieces()][0]!;
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const LEVELS = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const out = new Uint8Array((values.length / 32) * 17);
  for (let block = 0; block < values.length / 32; block++) {
    const part = values.subarray(32 * block, 32 * block + 32);
    // The codes of one exponent of those that were drawn hold all numbers of the block.
    const scale = [121, 122, 123].find((e) => part.every((x) => LEVELS.includes(Math.abs(x) / 2 ** (e - 127))))!;
    out[17 * block] = scale;
    part.forEach((x, i) => {
      const code = LEVELS.indexOf(Math.abs(x) / 2 ** (scale - 127)) | (x < 0 ? 8 : 0);
      out[17 * block + 1 + (i % 16)]! |= i < 16 ? code : code << 4;
    });
  }
  return { ...source, format: "MXFP4", pieces: () => [out] };
}

/** A folder of floats as the file that llama.cpp's converter would write of it. */
export function gptOssGguf(floats: string, { mxfp4 = false } = {}): string {
  const entries = readSafetensors(host, path.join(floats, "model.safetensors")).tensors;
  const tensors = new Map(
    [...entries].map(([name, { file, offset, length }]) => {
      const bytes = host.readBytes(file, offset, length).slice();
      return [name, new Float32Array(bytes.buffer)] as const;
    }),
  );
  const whole = [...entries].filter(([name]) => !name.includes(".experts."));
  const experts = [0, 1].flatMap((layer) => expertSources(`model.layers.${layer}`, tensors));
  const sources = [
    ...whole.map(([name, { shape }]) => floatSource(ggufName(name), shape, tensors.get(name)!)),
    ...experts.map((source) => (mxfp4 && source.name.endsWith("weight") ? asMxfp4(source) : source)),
  ];
  const file = path.join(temporaryFolder(), "gpt-oss.gguf");
  writeGguf(host, file, FIELDS, sources);
  return file;
}

const uint = (key: string, value: number): GgufField => ({ key: `gpt-oss.${key}`, type: "uint32", value });
const float = (key: string, value: number): GgufField => ({ key: `gpt-oss.${key}`, type: "float32", value });
const FIELDS: readonly GgufField[] = [
  { key: "general.architecture", type: "string", value: "gpt-oss" },
  uint("context_length", 128),
  uint("embedding_length", C),
  uint("block_count", 2),
  uint("feed_forward_length", F),
  uint("expert_feed_forward_length", F),
  uint("attention.head_count", 4),
  uint("attention.head_count_kv", 2),
  uint("attention.key_length", 16),
  uint("attention.value_length", 16),
  uint("attention.sliding_window", 8),
  float("attention.layer_norm_rms_epsilon", 1e-5),
  uint("expert_count", E),
  uint("expert_used_count", 3),
  float("rope.freq_base", 150000),
  { key: "gpt-oss.rope.scaling.type", type: "string", value: "yarn" },
  float("rope.scaling.factor", 32),
  uint("rope.scaling.original_context_length", 4096),
];
