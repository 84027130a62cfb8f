/** Reads the vocabulary of a trusted GGUF file into a `tokenizer.json` object, for tests alone: no check of sizes. */
import { readFileSync } from "node:fs";
import { type PatternName, pretokenizerJson } from "../../src/tokenizer/patterns.ts";

type Metadata = Map<string, unknown>;

/** The `tokenizer.json` of a byte-level BPE vocabulary in a GGUF file, with the pre-tokenizer of its family. */
export function tokenizerJsonOfGguf(file: string, family: PatternName): object {
  const metadata = readMetadata(readFileSync(file));
  const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
  const types = metadata.get("tokenizer.ggml.token_type") as number[];
  const control = 3;
  const userDefined = 4;
  const isAdded = (id: number) => types[id] === control || types[id] === userDefined;
  const { normalizer, preTokenizer } = pretokenizerJson(family);
  const ids = tokens.map((token, id) => ({ token, id }));
  return {
    version: "1.0",
    added_tokens: ids
      .filter(({ id }) => isAdded(id))
      .map(({ token, id }) => ({ id, content: token, special: types[id] === control, normalized: false })),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      ignore_merges: family === "llama3",
      vocab: Object.fromEntries(ids.filter(({ id }) => !isAdded(id)).map(({ token, id }) => [token, id])),
      merges: metadata.get("tokenizer.ggml.merges"),
    },
  };
}

function readMetadata(file: Buffer): Metadata {
  let at = 4 + 4 + 8;
  /** The place of a value of so many bytes; reading goes on after it. */
  const take = (bytes: number) => {
    at += bytes;
    return at - bytes;
  };
  const uint32 = () => file.readUInt32LE(take(4));
  const uint64 = () => Number(file.readBigUInt64LE(take(8)));
  const text = () => {
    const length = uint64();
    const start = take(length);
    return file.toString("utf8", start, at);
  };
  const readers: Record<number, () => unknown> = {
    0: () => file.readUInt8(take(1)),
    1: () => file.readInt8(take(1)),
    2: () => file.readUInt16LE(take(2)),
    3: () => file.readInt16LE(take(2)),
    4: uint32,
    5: () => file.readInt32LE(take(4)),
    6: () => file.readFloatLE(take(4)),
    7: () => file.readUInt8(take(1)) !== 0,
    8: text,
    9: () => {
      const type = uint32();
      return Array.from({ length: uint64() }, () => readers[type]!());
    },
    10: uint64,
    11: () => Number(file.readBigInt64LE(take(8))),
    12: () => file.readDoubleLE(take(8)),
  };
  const metadata: Metadata = new Map();
  for (let left = uint64(); left > 0; left--) {
    const key = text();
    metadata.set(key, readers[uint32()]!());
  }
  return metadata;
}
