/** Text without added tokens to ids by byte-level BPE, with a cache. Knows nothing of special tokens. */
import { fail } from "../base/errors.ts";
import { bpeMerger, type Merges } from "./bpe.ts";
import { byteCharacters, spellingOfBytes, writeUtf8 } from "./bytes.ts";
import { type IdList, idList } from "./id-list.ts";
import { pieceCache } from "./piece-cache.ts";
import type { Emit, Splitter } from "./pre-tokenize.ts";

/** A byte-level BPE model. */
export interface BpeModel {
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: Merges;
  readonly splitter: Splitter;
  /** A pre-token that is a token is not merged. */
  readonly ignoreMerges: boolean;
  /** For bytes without a token; without it they are an error. */
  readonly unkId?: number | undefined;
  /** Neighbouring unknown bytes become one token. */
  readonly fuseUnk: boolean;
}

/** Appends the ids of a text to `out`. */
export type AppendIds = (text: string, out: IdList) => void;

/** The encoder of a model. It keeps a cache of bounded size and scratch space, and is not re-entrant. */
export function bpeEncoder(model: BpeModel): AppendIds {
  const byteIds = Int32Array.from(byteCharacters, (character) => model.ids.get(character) ?? -1);
  const complete = !byteIds.includes(-1);
  const longestSpelling = model.ignoreMerges ? longest(model.ids.keys()) : 0;
  const merge = bpeMerger(model.merges);
  const cache = pieceCache();
  let bytes = new Uint8Array(1024);
  let ids = new Int32Array(1024);
  let out = idList(0);

  const wholeToken = (length: number) =>
    length <= longestSpelling ? model.ids.get(spellingOfBytes(bytes, length)) : undefined;
  const encodePiece: Emit = (text, start, end) => {
    if (cache.read(text, start, end, out)) return;
    const room = (end - start) * 3;
    if (room > bytes.length) {
      bytes = new Uint8Array(room);
      ids = new Int32Array(room);
    }
    const length = writeUtf8(text, start, end, bytes);
    const whole = model.ignoreMerges ? wholeToken(length) : undefined;
    let count = 1;
    if (whole !== undefined) ids[0] = whole;
    else {
      for (let i = 0; i < length; i++) ids[i] = byteIds[bytes[i]!]!;
      count = merge(ids, complete ? length : resolveUnknown(model, ids, bytes, length));
    }
    for (let i = 0; i < count; i++) out.push(ids[i]!);
    cache.write(text, start, end, ids, count);
    // One very long pre-token must not keep its space for good.
    if (room > 1 << 20) {
      bytes = new Uint8Array(1024);
      ids = new Int32Array(1024);
    }
  };
  return (text, into) => {
    out = into;
    model.splitter(text, 0, text.length, encodePiece);
    out = idList(0);
  };
}

/** Puts the unknown token in place of bytes without a token, and returns the new length. */
function resolveUnknown(model: BpeModel, ids: Int32Array, bytes: Uint8Array, length: number): number {
  let n = 0;
  let afterUnknown = false;
  for (let i = 0; i < length; i++) {
    const unknown = ids[i] === -1;
    if (unknown && model.unkId === undefined) {
      const byte = bytes[i]!.toString(16).padStart(2, "0");
      fail("BAD_TEXT", `text: the vocabulary has no token for the byte 0x${byte}, and no unknown token`);
    }
    if (unknown && afterUnknown && model.fuseUnk) continue;
    ids[n++] = unknown ? model.unkId! : ids[i]!;
    afterUnknown = unknown;
  }
  return n;
}

function longest(spellings: Iterable<string>): number {
  let length = 0;
  for (const spelling of spellings) length = Math.max(length, spelling.length);
  return length;
}
