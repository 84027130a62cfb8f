/** Byte-pair encoding of characters, as SentencePiece has it, with bytes for those without a token. Knows nothing of how text is cut. */
import { fail } from "../base/errors.ts";
import { bpeMerger, type Merger, mergesFrom } from "./bpe.ts";
import { type ByteTokens, byteTokens } from "./byte-tokens.ts";
import { utf8Bytes, utf8Length } from "./bytes.ts";
import { type IdList, reserve } from "./id-list.ts";
import { booleanField, describe, type JsonRecord, stringField } from "./json-fields.ts";
import { CACHED_UNITS, pieceCache } from "./piece-cache.ts";
import type { PieceModel } from "./piece-model.ts";
import { type Crossings, crossings } from "./safe-cuts.ts";
import { refuseText, unknownIdOf } from "./unknown.ts";
import { readMerges, type Vocabulary } from "./vocabulary.ts";

/** What a piece is before merging. */
interface Symbols {
  readonly ids: number[];
  /** Bytes of UTF-8 by symbol. */
  readonly widths: number[];
}

/**
 * Reads a `BPE` model: `byte_fallback`, `unk_token`, `fuse_unk`, `ignore_merges`, `continuing_subword_prefix`, `end_of_word_suffix`. Takes time
 * in n log n of the length of the piece. Dropout is refused.
 */
export function readSymbolBpe(model: JsonRecord, vocabulary: Vocabulary, where: string): PieceModel {
  const at = `${where}: model`;
  if ((model.dropout ?? 0) !== 0) fail("UNSUPPORTED", `${at}.dropout: got ${describe(model.dropout)}, expected null`);
  const prefix = optionalText(model, "continuing_subword_prefix", at);
  const triples = readMerges(model, vocabulary.ids, where, prefix.length);
  const merge = bpeMerger(mergesFrom(triples));
  const bytes = booleanField(model, "byte_fallback", at, false) ? byteTokens(vocabulary) : undefined;
  const unkId = unknownIdOf(model, vocabulary, where);
  const suffix = optionalText(model, "end_of_word_suffix", at);
  const symbolsOf = symbolReader({
    vocabulary,
    bytes,
    unkId,
    fuseUnk: booleanField(model, "fuse_unk", at, false),
    prefix,
    suffix,
  });
  const whole = booleanField(model, "ignore_merges", at, false) ? vocabulary.ownId : () => undefined;
  // What has no token must not reach across a cut: no unknown tokens that fuse, no bytes that merge.
  const cuttable = bytes?.complete && prefix === "" && suffix === "" && !mergesBytes(triples, bytes);
  let fast: ((piece: string, out: IdList) => void) | undefined;
  const plain = (piece: string, out: IdList, spans?: number[]) => {
    const symbols = symbolsOf(piece);
    const ids = Int32Array.from(symbols.ids);
    const widths = spans && Int32Array.from(symbols.widths);
    const count = merge(ids, ids.length, widths);
    let from = 0;
    for (let i = 0; i < count; i++) {
      out.push(ids[i]!);
      if (!spans || !widths) continue;
      spans.push(from, from + widths[i]!);
      from += widths[i]!;
    }
  };
  return {
    tokenize(piece, out, spans) {
      const id = whole(piece);
      if (id !== undefined) {
        out.push(id);
        spans?.push(0, utf8Length(piece));
      } else if (cuttable && !spans) {
        fast ??= segmentEncoder(vocabulary, bytes, merge);
        fast(piece, out);
      } else plain(piece, out, spans);
    },
  };
}

function optionalText(model: JsonRecord, key: string, at: string): string {
  return (model[key] ?? null) === null ? "" : stringField(model, key, at);
}

function mergesBytes(triples: Int32Array, bytes: ByteTokens): boolean {
  const ids = new Set(Array.from({ length: 256 }, (_, byte) => bytes.idOf(byte)));
  for (let i = 0; i < triples.length; i += 3) if (ids.has(triples[i]!) || ids.has(triples[i + 1]!)) return true;
  return false;
}

interface SymbolRules {
  readonly vocabulary: Vocabulary;
  readonly bytes: ByteTokens | undefined;
  readonly unkId: number | undefined;
  readonly fuseUnk: boolean;
  readonly prefix: string;
  readonly suffix: string;
}

/** Characters as symbols. As in `tokenizers`, an unknown one waits until the next known one is met, and bytes go in front of it. */
function symbolReader({ vocabulary, bytes, unkId, fuseUnk, prefix, suffix }: SymbolRules): (piece: string) => Symbols {
  return (piece) => {
    const symbols: Symbols = { ids: [], widths: [] };
    let unknown = 0;
    const push = (id: number, width: number) => {
      symbols.ids.push(id);
      symbols.widths.push(width);
    };
    const flush = () => {
      if (unknown > 0) push(unkId!, unknown);
      unknown = 0;
    };
    let at = 0;
    for (const character of piece) {
      const width = utf8Length(character);
      const spelling = `${at > 0 ? prefix : ""}${character}${at + character.length === piece.length ? suffix : ""}`;
      at += character.length;
      const id = vocabulary.ownId(spelling);
      if (id !== undefined) {
        flush();
        push(id, width);
        continue;
      }
      if (bytes?.spell(spelling, (byte) => push(byte, 1))) continue;
      if (unkId === undefined) refuseText(character);
      if (!fuseUnk) flush();
      unknown += width;
    }
    flush();
    return symbols;
  };
}

/** "▁", and a token in which one follows something else. */
const SPACE = 0x2581;
const WORD_INSIDE = /[^\u2581]\u2581/;

/** The same for vocabularies without unknown characters, in segments between which no token reaches, with a cache. */
function segmentEncoder(
  vocabulary: Vocabulary,
  bytes: ByteTokens,
  merge: Merger,
): (piece: string, out: IdList) => void {
  const single = new Int32Array(0x10000).fill(-1);
  const crossing: Crossings = crossings();
  for (const token of vocabulary.own) {
    const spelled = utf8Bytes(token);
    crossing.add(spelled, spelled.length);
    if (token.length === 1) single[token.charCodeAt(0)] = vocabulary.ownId(token)!;
  }
  const reachesBack = vocabulary.own.some((token) => WORD_INSIDE.test(token));
  const cache = pieceCache();
  let units = new Uint16Array(1024);
  let ids = new Int32Array(4096);

  const symbols = (piece: string, start: number, end: number) => {
    let n = 0;
    const push = (id: number) => {
      ids[n++] = id;
    };
    for (let i = start; i < end; i++) {
      const id = single[units[i]!]!;
      if (id >= 0) {
        ids[n++] = id;
        continue;
      }
      const isPair = (units[i]! & 0xfc00) === 0xd800;
      const character = piece.slice(i, isPair ? i + 2 : i + 1);
      const pairId = isPair ? vocabulary.ownId(character) : undefined;
      if (pairId !== undefined) ids[n++] = pairId;
      else bytes.spell(character, push);
      if (isPair) i++;
    }
    return n;
  };
  /** Merges what no token reaches out of. */
  const segment = (piece: string, start: number, end: number, out: IdList) => {
    const isShort = end - start <= CACHED_UNITS;
    if (isShort && cache.read(units, start, end, 0, out)) return;
    const count = merge(ids, symbols(piece, start, end));
    reserve(out, count);
    for (let i = 0; i < count; i++) out.ids[out.length++] = ids[i]!;
    if (isShort) cache.write(units, start, end, 0, ids, 0, count);
  };
  const segments = (piece: string, from: number, to: number, out: IdList) => {
    for (let start = from; start < to; ) {
      let end = start + 1;
      while (end < to && crossing.mayCross(units[end - 1]!, units[end]!)) end++;
      segment(piece, start, end, out);
      start = end;
    }
  };
  /** The next "▁" after something else. */
  const wordEnd = (start: number, length: number) => {
    let end = start + 1;
    while (end < length && (units[end] !== SPACE || units[end - 1] === SPACE)) end++;
    return end;
  };
  return (piece, out) => {
    const length = piece.length;
    if (length > units.length) units = new Uint16Array(length);
    if (length * 4 > ids.length) ids = new Int32Array(length * 4);
    for (let i = 0; i < length; i++) units[i] = piece.charCodeAt(i);
    for (let start = 0; start < length; ) {
      const end = reachesBack ? length : wordEnd(start, length);
      // Words are found in the cache whole; long ones are cut wherever no token crosses.
      if (end - start <= CACHED_UNITS) segment(piece, start, end, out);
      else segments(piece, start, end, out);
      start = end;
    }
    // One very long piece must not keep its space for good.
    if (units.length > 1 << 20) {
      units = new Uint16Array(1024);
      ids = new Int32Array(4096);
    }
  };
}
