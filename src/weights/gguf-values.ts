/** The values of a GGUF file's metadata, and which type each well-known key has. Knows no model. */
import type { Cursor } from "./gguf-cursor.ts";
import { show } from "./header.ts";

/** A list: numbers in typed arrays of their own width, true and false as 1 and 0 of a Uint8Array, texts as they are. */
export type GgufList =
  | readonly string[]
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** A value; whole numbers of 64 bits are bigint only where a number cannot hold them. */
export type GgufValue = number | bigint | boolean | string | GgufList;

/** What a value is, in words; "list of ..." for arrays. */
type Kind = "whole number" | "number" | "boolean" | "text";

interface ValueType {
  readonly kind: Kind;
  readonly bytes: number;
  /** The value of its bytes. */
  readonly read: (view: DataView) => GgufValue;
  readonly array: (buffer: ArrayBuffer) => GgufList;
}

const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Types of fixed width, by their number in the file. */
const FIXED: ReadonlyMap<number, ValueType> = new Map<number, ValueType>([
  [0, { kind: "whole number", bytes: 1, read: (v) => v.getUint8(0), array: (b) => new Uint8Array(b) }],
  [1, { kind: "whole number", bytes: 1, read: (v) => v.getInt8(0), array: (b) => new Int8Array(b) }],
  [2, { kind: "whole number", bytes: 2, read: (v) => v.getUint16(0, true), array: (b) => new Uint16Array(b) }],
  [3, { kind: "whole number", bytes: 2, read: (v) => v.getInt16(0, true), array: (b) => new Int16Array(b) }],
  [4, { kind: "whole number", bytes: 4, read: (v) => v.getUint32(0, true), array: (b) => new Uint32Array(b) }],
  [5, { kind: "whole number", bytes: 4, read: (v) => v.getInt32(0, true), array: (b) => new Int32Array(b) }],
  [6, { kind: "number", bytes: 4, read: (v) => v.getFloat32(0, true), array: (b) => new Float32Array(b) }],
  [7, { kind: "boolean", bytes: 1, read: (v) => v.getUint8(0) === 1, array: (b) => new Uint8Array(b) }],
  [
    10,
    {
      kind: "whole number",
      bytes: 8,
      read: (v) => narrow(v.getBigUint64(0, true)),
      array: (b) => new BigUint64Array(b),
    },
  ],
  [
    11,
    { kind: "whole number", bytes: 8, read: (v) => narrow(v.getBigInt64(0, true)), array: (b) => new BigInt64Array(b) },
  ],
  [12, { kind: "number", bytes: 8, read: (v) => v.getFloat64(0, true), array: (b) => new Float64Array(b) }],
]);
const BOOL = 7;
const TEXT = 8;
const LIST = 9;

/** Templates are short; a long one is an attack on who runs it. */
const MAX_TEMPLATE_BYTES = 1e6;

/** The value that follows in the file, of the type that the key has to have. */
export function readValue(c: Cursor, key: string): GgufValue {
  const where = show(key);
  const type = c.uint32(`${where}: type`);
  const isList = type === LIST;
  const element = isList ? c.uint32(`${where}: type`) : type;
  if (element === LIST) c.bad(where, "got a list of lists, expected lists of numbers or texts");
  const fixed = FIXED.get(element);
  if (element !== TEXT && !fixed) c.bad(where, `got a value of type ${element}, expected 0 to 12`);
  checkKind(c, key, `${isList ? "list of " : ""}${fixed?.kind ?? "text"}`);
  if (isList) return fixed ? readNumbers(c, where, fixed, element) : readTexts(c, where);
  if (!fixed) return readText(c, key, where);
  const bytes = c.bytes(fixed.bytes, where);
  if (element === BOOL && bytes[0]! > 1) c.bad(where, `got ${bytes[0]} for a boolean, expected 0 or 1`);
  return fixed.read(new DataView(bytes.buffer));
}

function readText(c: Cursor, key: string, where: string): string {
  const text = c.text(where);
  if (key.startsWith("tokenizer.chat_template") && text.length > MAX_TEMPLATE_BYTES)
    c.bad(where, `got a template of ${text.length} characters, expected at most ${MAX_TEMPLATE_BYTES}`);
  return text;
}

function readTexts(c: Cursor, where: string): string[] {
  const count = c.uint64(where);
  c.expect(count * 8, where);
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(c.text(where));
  return texts;
}

function readNumbers(c: Cursor, where: string, { bytes, array }: ValueType, element: number): GgufList {
  const length = c.expect(c.uint64(where) * bytes, where);
  const data = c.bytes(length, where);
  if (element === BOOL && data.some((value) => value > 1)) c.bad(where, "got a boolean other than 0 and 1");
  return array(data.buffer as ArrayBuffer);
}

/** Kinds by key, or by what follows the architecture's name. A list or one value for all layers where both are in use. */
const WHOLE = "whole number";
const PER_LAYER = ["whole number", "list of whole number"];
const KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  ["general.architecture", ["text"]],
  ["general.name", ["text"]],
  ["general.alignment", [WHOLE]],
  ["general.file_type", [WHOLE]],
  ["general.quantization_version", [WHOLE]],
  ["split.count", [WHOLE]],
  ["split.no", [WHOLE]],
  ["tokenizer.ggml.model", ["text"]],
  ["tokenizer.ggml.pre", ["text"]],
  ["tokenizer.ggml.tokens", ["list of text"]],
  ["tokenizer.ggml.merges", ["list of text"]],
  ["tokenizer.ggml.scores", ["list of number"]],
  ["tokenizer.ggml.token_type", ["list of whole number"]],
  ["tokenizer.chat_template", ["text"]],
  ...["bos", "eos", "eot", "eom", "unknown", "padding", "seperator", "mask"].map((role): [string, string[]] => [
    `tokenizer.ggml.${role}_token_id`,
    [WHOLE],
  ]),
  ...["add_bos_token", "add_eos_token", "add_space_prefix"].map((name): [string, string[]] => [
    `tokenizer.ggml.${name}`,
    ["boolean"],
  ]),
]);
const SUFFIX_KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  ...["vocab_size", "context_length", "embedding_length", "block_count", "expert_count", "expert_used_count"].map(
    (name): [string, string[]] => [name, [WHOLE]],
  ),
  ...["attention.key_length", "attention.value_length", "rope.dimension_count", "expert_feed_forward_length"].map(
    (name): [string, string[]] => [name, [WHOLE]],
  ),
  ...["feed_forward_length", "attention.head_count", "attention.head_count_kv"].map((name): [string, string[]] => [
    name,
    PER_LAYER,
  ]),
  ...["attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon", "rope.freq_base"].map(
    (name): [string, string[]] => [name, ["number"]],
  ),
  ["rope.scaling.type", ["text"]],
  ["rope.scaling.factor", ["number"]],
  ["attention.sliding_window", [WHOLE]],
]);

function checkKind(c: Cursor, key: string, kind: string): void {
  const wanted = KINDS.get(key) ?? SUFFIX_KINDS.get(key.slice(key.indexOf(".") + 1));
  if (wanted && !wanted.includes(kind)) c.bad(show(key), `got a ${kind}, expected a ${wanted.join(" or a ")}`);
}
