/** Reads an architecture's keys out of a GGUF file's metadata, and knows which nobody asked for. Knows no architecture. */
import { fail } from "../base/errors.ts";
import type { GgufTensor } from "../weights/gguf.ts";
import type { GgufValue } from "../weights/gguf-values.ts";

/** What a file says of its model. Keys are without the architecture's name; errors are BAD_WEIGHTS naming file and key. */
export interface Facts {
  readonly where: string;
  /** A whole number, or one that is the same for each layer. Without a fallback the key is required. */
  whole(key: string, fallback?: number): number;
  /** A number, as the shortest decimal that float32 rounds to it: 1e-5 and not 0.00000999999974. */
  number(key: string, fallback?: number): number;
  flag(key: string, fallback: boolean): boolean;
  text(key: string, fallback: string): string;
  has(key: string): boolean;
  /** A list of numbers or of true (1) and false (0). */
  list(key: string): readonly number[];
  /** The id of a token with a role, from the tokenizer's keys. */
  tokenId(role: string): number | undefined;
  shapeOf(tensor: string): readonly number[] | undefined;
  /** The elements of a small tensor. */
  valuesOf(tensor: string): Float32Array;
  /** Throws UNSUPPORTED naming a key of the architecture that was not read and that says something. */
  refuseUnread(): void;
}

/** Keys that change nothing in what a model computes. */
const HARMLESS = new Set([
  "vocab_size",
  "tensor_data_layout",
  "rope.scaling.finetuned",
  "pooling_type",
  "attention.value_length",
]);

/** Facts of a file whose architecture is known. */
export function factsOf(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, Pick<GgufTensor, "shape">>,
  architecture: string,
  where: string,
  valuesOf: (tensor: string) => Float32Array,
): Facts {
  const read = new Set<string>();
  const get = (key: string): GgufValue | undefined => {
    read.add(key);
    return metadata.get(`${architecture}.${key}`);
  };
  const bad = (key: string, value: GgufValue | undefined, expected: string): never =>
    fail("BAD_WEIGHTS", `${where}: ${architecture}.${key}: got ${value ?? "nothing"}, expected ${expected}`);
  const numeric = (key: string, fallback: number | undefined, expected: string): number => {
    const value = get(key);
    const one = typeof value === "object" ? sameForAll(value) : value;
    const number = one ?? (value === undefined ? fallback : undefined);
    if (typeof number === "number" && Number.isFinite(number)) return number;
    if (typeof value === "object") fail("UNSUPPORTED", `${where}: ${architecture}.${key}: differs from layer to layer`);
    return bad(key, value, expected);
  };
  return {
    where,
    whole(key, fallback) {
      const value = numeric(key, fallback, "a whole number");
      return Number.isInteger(value) ? value : bad(key, value, "a whole number");
    },
    number: (key, fallback) => shortest(numeric(key, fallback, "a number")),
    flag(key, fallback) {
      const value = get(key) ?? fallback;
      return typeof value === "boolean" ? value : bad(key, value, "true or false");
    },
    text(key, fallback) {
      const value = get(key) ?? fallback;
      return typeof value === "string" ? value : bad(key, value, "a text");
    },
    has: (key) => metadata.has(`${architecture}.${key}`),
    list(key) {
      const value = get(key);
      return typeof value === "object" ? Array.from(value as ArrayLike<number>, Number) : bad(key, value, "a list");
    },
    tokenId(role) {
      const id = metadata.get(`tokenizer.ggml.${role}_token_id`);
      return typeof id === "number" ? id : undefined;
    },
    shapeOf: (tensor) => tensors.get(tensor)?.shape,
    valuesOf,
    refuseUnread() {
      for (const [key, value] of metadata) {
        if (!key.startsWith(`${architecture}.`)) continue;
        const suffix = key.slice(architecture.length + 1);
        if (!read.has(suffix) && !HARMLESS.has(suffix) && value !== 0 && value !== false)
          fail("UNSUPPORTED", `${where}: ${key}: got ${String(value).slice(0, 40)}, and this version cannot honour it`);
      }
    },
  };
}

function sameForAll(list: ArrayLike<unknown>): number | undefined {
  const first = list[0];
  return typeof first === "number" && Array.from(list).every((value) => value === first) ? first : undefined;
}

/** The decimal of fewest digits that float32 rounds to the number; the number itself where it is no float32. */
export function shortest(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits <= 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}
