/** A GGUF file's model as Hugging Face's: a config.json and the place of every weight. Reads no file. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { BlockFormatName } from "../weights/blocks.ts";
import type { GgufTensor } from "../weights/gguf.ts";
import type { GgufValue } from "../weights/gguf-values.ts";
import type { StoredTensor } from "../weights/stored.ts";
import { type GgufArchitecture, type KeyPair, LLAMA_KIN } from "./gguf-architectures.ts";
import { type Facts, factsOf } from "./gguf-facts.ts";
import { OTHERS } from "./gguf-others.ts";
import { LONG_FACTORS, ROPE_FREQS, SHORT_FACTORS } from "./gguf-rope.ts";
import { type Heads, rowOrder, type TensorRule, type Via } from "./gguf-rules.ts";
import { FAMILIES } from "./registry.ts";

/** A model in the words of its family. */
export interface GgufModel {
  /** As config.json would hold it. */
  readonly config: JsonObject;
  /** By Hugging Face's names. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

/** Whether rows of rotated queries and keys stay where they are (`pairs`), or move to where Hugging Face has them (`halves`). */
export interface GgufModelOptions {
  readonly rotation?: "pairs" | "halves";
}

const isRotated = (via: Via | undefined): boolean => via === "ropeQuery" || via === "ropeKey";

/** Every architecture, by `general.architecture`. */
export const ARCHITECTURES: ReadonlyMap<string, GgufArchitecture> = new Map(
  [...LLAMA_KIN, ...OTHERS].map((a) => [a.name, a]),
);

/** Tensors that are no weights: what they hold is in the config. */
const CONFIG_TENSORS = new Set([ROPE_FREQS, LONG_FACTORS, SHORT_FACTORS]);

/**
 * Config and weights from what {@link openGguf} gives. `valuesOf` reads a small tensor's elements (rotary divisors), and
 * `where` names the file in messages. Where the file pairs neighbours for the rotation the config says `rope_interleaved`,
 * so that weights can be read in place. Throws UNSUPPORTED naming `general.architecture`, a key or a tensor that this
 * version cannot honour, and BAD_WEIGHTS naming a key that is missing or wrong.
 */
export function ggufModel(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, GgufTensor>,
  where: string,
  valuesOf: (tensor: GgufTensor) => Float32Array,
  { rotation = "pairs" }: GgufModelOptions = {},
): GgufModel {
  const architecture = architectureOf(metadata, where);
  const small = (name: string) =>
    valuesOf(tensors.get(name) ?? fail("BAD_WEIGHTS", `${where}: the tensor ${name} is missing`));
  const facts = factsOf(metadata, tensors, architecture.name, where, small);
  const config = configOf(architecture, facts);
  facts.refuseUnread();
  const rules = architecture.rules(config);
  if (rotation === "halves" || !rules.some(({ via }) => isRotated(via)))
    return { config, weights: weightsOf(rules, tensors, headsOf(facts), where) };
  const inPlace = rules.map(({ gguf, hf, via }) => (via && !isRotated(via) ? { gguf, hf, via } : { gguf, hf }));
  return {
    config: { ...config, rope_interleaved: true },
    weights: weightsOf(inPlace, tensors, headsOf(facts), where),
  };
}

function architectureOf(metadata: ReadonlyMap<string, GgufValue>, where: string): GgufArchitecture {
  const name = metadata.get("general.architecture");
  if (typeof name !== "string") return fail("BAD_WEIGHTS", `${where}: general.architecture is missing`);
  const found = ARCHITECTURES.get(name);
  if (found?.modelTypes.some((type) => FAMILIES.has(type))) return found;
  const known = [...ARCHITECTURES.values()].filter((a) => a.modelTypes.some((type) => FAMILIES.has(type)));
  return fail(
    "UNSUPPORTED",
    `${where}: general.architecture: got ${JSON.stringify(name)}, expected one of ${known.map((a) => a.name).join(", ")}`,
  );
}

const headsOf = (f: Facts): Heads => {
  const heads = f.whole("attention.head_count");
  return { heads, kvHeads: f.whole("attention.head_count_kv", heads) };
};

function configOf(architecture: GgufArchitecture, f: Facts): JsonObject {
  const embedding = f.shapeOf("token_embd.weight") ?? fail("BAD_WEIGHTS", `${f.where}: token_embd.weight is missing`);
  const { heads } = headsOf(f);
  for (const key of ["block_count", "attention.head_count"])
    if (f.whole(key) < 1 || f.whole(key) > MOST_EXPERTS)
      fail("BAD_WEIGHTS", `${f.where}: ${key}: got ${f.whole(key)}, expected 1 to ${MOST_EXPERTS}`);
  const width = f.whole("attention.key_length", Math.floor(f.whole("embedding_length") / heads));
  if (f.whole("attention.value_length", width) !== width)
    fail(
      "UNSUPPORTED",
      `${f.where}: attention.value_length: differs from a key's, and this version runs only equal ones`,
    );
  const paired = architecture.pairs.flatMap((pair) => pairOf(f, pair));
  const config = architecture.config(f, width);
  checkHead(architecture, f, config, width);
  const tokens = [f.tokenId("eos"), f.tokenId("eot"), f.tokenId("eom")].filter((id) => id !== undefined);
  const ends = [...new Set(tokens)];
  return {
    vocab_size: embedding[0]!,
    ...Object.fromEntries(paired),
    ...config,
    tie_word_embeddings: f.shapeOf("output.weight") === undefined,
    bos_token_id: f.tokenId("bos") ?? null,
    eos_token_id: ends.length > 1 ? ends : (ends[0] ?? null),
  };
}

/** Families whose config has no width of a head take the model's over the heads; those that rotate all of it, all. */
function checkHead(architecture: GgufArchitecture, f: Facts, config: JsonObject, width: number): void {
  const own = f.whole("embedding_length") / f.whole("attention.head_count");
  if (config.head_dim === undefined && own !== width)
    fail(
      "UNSUPPORTED",
      `${f.where}: attention.key_length: got ${width}, and this version runs only ${own} for ${architecture.name}`,
    );
  const partial = config.partial_rotary_factor !== undefined || config.rotary_pct !== undefined;
  const rotated = f.whole("rope.dimension_count", width);
  if (!partial && rotated !== width)
    fail("UNSUPPORTED", `${f.where}: rope.dimension_count: got ${rotated}, and this version runs only ${width}`);
}

function pairOf(f: Facts, [gguf, hf, kind]: KeyPair): [string, unknown][] {
  if (kind.endsWith("?") && !f.has(gguf)) return [[hf, null]];
  if (kind.startsWith("int")) return [[hf, f.whole(gguf)]];
  return [[hf, kind === "bool" ? f.flag(gguf, false) : f.number(gguf)]];
}

/** `blk.12.` with the number apart. */
const LAYER = /^blk\.(\d+)\./;

function weightsOf(
  rules: readonly TensorRule[],
  tensors: ReadonlyMap<string, GgufTensor>,
  heads: Heads,
  where: string,
): Map<string, StoredTensor> {
  const byName = new Map(rules.map((rule) => [rule.gguf, rule]));
  const orders = new Map<string, Int32Array | undefined>();
  const weights = new Map<string, StoredTensor>();
  for (const tensor of tensors.values()) {
    if (CONFIG_TENSORS.has(tensor.name)) continue;
    const layer = LAYER.exec(tensor.name)?.[1];
    const rule = byName.get(tensor.name.replace(LAYER, "blk.{l}."));
    if (!rule)
      return fail("UNSUPPORTED", `${where}: ${tensor.name}: a tensor that this architecture has not, in this version`);
    const name = rule.hf.replace("{l}", layer ?? "");
    if (tensor.shape[0]! > (rule.via === "stack" ? MOST_EXPERTS : MOST_ROWS))
      fail("BAD_WEIGHTS", `${where}: ${tensor.name}: got ${tensor.shape[0]} rows or experts, more than any model has`);
    const key = `${rule.via}:${tensor.shape[0]}`;
    if (!orders.has(key)) orders.set(key, rowOrder(rule.via, tensor.shape[0]!, heads, `${where}: ${tensor.name}`));
    for (const stored of storedOf(tensor, name, rule, orders.get(key))) weights.set(stored.name, stored);
  }
  return weights;
}

/** More rows or experts than any model has: what is made for each of them must not fill the memory. */
const MOST_ROWS = 2 ** 24;
const MOST_EXPERTS = 2 ** 16;

function storedOf(tensor: GgufTensor, name: string, { via }: TensorRule, rows: Int32Array | undefined): StoredTensor[] {
  const { file, offset, length, shape, type } = tensor;
  const format: BlockFormatName = type.name;
  const whole = { name, shape, format, file, offset, length };
  if (rows) return [{ ...whole, rows }];
  if (via === "plusOne") return [{ ...whole, minusOne: true }];
  if (via === "transposed") return [{ ...whole, shape: shape.toReversed(), transposed: true }];
  if (via !== "stack") return [whole];
  const [count, each] = [shape[0]!, length / shape[0]!];
  return Array.from({ length: count }, (_, e) => ({
    ...whole,
    name: name.replace("{e}", String(e)),
    shape: shape.slice(1),
    offset: offset + e * each,
    length: each,
  }));
}
