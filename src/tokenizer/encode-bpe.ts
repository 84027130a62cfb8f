/** Text without added tokens to ids by byte-level BPE, with a cache. Knows nothing of special tokens. */
import { fail } from "../base/errors.ts";
import { bpeMerger, type Merges } from "./bpe.ts";
import { byteCharacters, writeSpelled, writeSpelling, writeUtf8 } from "./bytes.ts";
import { type IdList, reserve } from "./id-list.ts";
import { pieceCache } from "./piece-cache.ts";
import type { Cutter } from "./pre-tokenize.ts";
import { type Crossings, crossings } from "./safe-cuts.ts";
import type { Scanner } from "./scan.ts";
import { type TokenTable, tokenTable } from "./token-table.ts";

/** A byte-level BPE model. */
export interface BpeModel {
  readonly ids: ReadonlyMap<string, number>;
  /** False for added tokens that the model itself does not have. */
  readonly isToken: (spelling: string) => boolean;
  readonly merges: Merges;
  readonly cutter: Cutter;
  /** A pre-token that is a token is not merged. */
  readonly ignoreMerges: boolean;
  /** For bytes without a token; without it they are an error. */
  readonly unkId?: number | undefined;
  /** Neighbouring unknown bytes become one token. */
  readonly fuseUnk: boolean;
}

/** Appends the ids of a text to `out`. `isFirst` says that nothing of the whole text stands before it. */
export type AppendIds = (text: string, out: IdList, isFirst?: boolean) => void;

/** Takes a pre-token: `units[start..end)`. */
type TakePiece = (units: Uint16Array, start: number, end: number, out: IdList) => void;

/** Larger scratch space is not kept. */
const KEPT_UNITS = 1 << 20;

/** The encoder of a model. It keeps a cache of bounded size and scratch space, and is not re-entrant. */
export function bpeEncoder(model: BpeModel): AppendIds {
  const { cutter } = model;
  let cut: ((text: string, out: IdList) => void) | undefined;
  return (text, out) => {
    // Made at the first text, not when the vocabulary is read: many who open a model encode nothing.
    cut ??= textCutter(
      cutter,
      cutter.spelled ? spelledPieces(cutter.spelled, pieceEncoder(model)) : pieceEncoder(model),
    );
    cut(text, out);
  };
}

/** Cuts texts, as code units where that is possible. */
function textCutter({ scanners, splitter }: Cutter, take: TakePiece): AppendIds {
  let scratch = new Uint16Array(1 << 12);
  const unitsOf = (text: string, start: number, end: number) => {
    const count = end - start;
    if (count > scratch.length && count <= KEPT_UNITS) scratch = new Uint16Array(Math.min(count * 2, KEPT_UNITS));
    const units = count <= KEPT_UNITS ? scratch : new Uint16Array(count);
    for (let i = 0; i < count; i++) units[i] = text.charCodeAt(start + i);
    return units;
  };
  return (text, out) => {
    if (scanners) cutPieces(scanners, 0, unitsOf(text, 0, text.length), 0, text.length, take, out);
    else splitter(text, 0, text.length, (part, start, end) => take(unitsOf(part, start, end), 0, end - start, out));
  };
}

/** Spells pieces in the byte alphabet and cuts the spelling further. */
function spelledPieces(cutter: Cutter, take: TakePiece): TakePiece {
  const cut = textCutter(cutter, take);
  let bytes = new Uint8Array(1024);
  return (units, start, end, out) => {
    if ((end - start) * 3 > bytes.length) bytes = new Uint8Array((end - start) * 3);
    const length = writeUtf8(units, start, end, bytes);
    let spelling = "";
    for (let i = 0; i < length; i++) spelling += byteCharacters[bytes[i]!]!;
    cut(spelling, out);
    if (bytes.length > KEPT_UNITS) bytes = new Uint8Array(1024);
  };
}

/** Hands on the pieces that scanner after scanner cuts, each inside the pieces of the one before. */
export function cutPieces<T>(
  scanners: readonly Scanner[],
  stage: number,
  units: Uint16Array,
  start: number,
  end: number,
  take: (units: Uint16Array, start: number, end: number, out: T) => void,
  out: T,
): void {
  const scan = scanners[stage];
  if (scan === undefined) {
    take(units, start, end, out);
    return;
  }
  const last = stage === scanners.length - 1;
  for (let at = start; at < end; ) {
    const next = scan(units, at, end);
    if (last) take(units, at, next, out);
    else cutPieces(scanners, stage + 1, units, at, next, take, out);
    at = next;
  }
}

const PIECE = 0;
const SEGMENT = 1;

function pieceEncoder(model: BpeModel): TakePiece {
  const byteIds = Int32Array.from(byteCharacters, (character) => model.ids.get(character) ?? -1);
  const complete = !byteIds.includes(-1);
  const spelled = model.cutter.spelled !== undefined;
  // The bytes of a spelled character are no whole character of the text: nothing is known of what crosses them.
  const cuttable = complete && !spelled;
  const writeBytes = spelled ? writeSpelled : writeUtf8;
  const { tokens, crossing } = spellingsOf(model);
  const merge = bpeMerger(model.merges);
  const cache = pieceCache();
  let bytes = new Uint8Array(1024);
  let ids = new Int32Array(1024);

  const append = (count: number, out: IdList) => {
    reserve(out, count);
    const into = out.ids;
    let n = out.length;
    for (let i = 0; i < count; i++) into[n++] = ids[i]!;
    out.length = n;
  };
  const mergeBytes = (length: number) => {
    for (let i = 0; i < length; i++) ids[i] = byteIds[bytes[i]!]!;
    return merge(ids, complete ? length : resolveUnknown(model, ids, bytes, length));
  };
  const segment: TakePiece = (units, start, end, out) => {
    if (cache.read(units, start, end, SEGMENT, out)) return;
    const count = mergeBytes(writeBytes(units, start, end, bytes));
    append(count, out);
    cache.write(units, start, end, SEGMENT, ids, 0, count);
  };
  /** The place of the next safe cut after `start`, or `end`. */
  const nextCut = (units: Uint16Array, start: number, end: number) => {
    for (let i = start + 1; i < end; i++) if (!crossing.mayCross(units[i - 1]!, units[i]!)) return i;
    return end;
  };

  return (units, start, end, out) => {
    if (cache.read(units, start, end, PIECE, out)) return;
    const room = (end - start) * 3;
    if (room > bytes.length) {
      bytes = new Uint8Array(room);
      ids = new Int32Array(room);
    }
    const length = writeBytes(units, start, end, bytes);
    const whole = tokens ? tokens.find(bytes, length) : -1;
    const cut = whole < 0 && cuttable ? nextCut(units, start, end) : end;
    if (cut < end) {
      const before = out.length;
      segment(units, start, cut, out);
      for (let at = cut; at < end; ) {
        const next = nextCut(units, at, end);
        segment(units, at, next, out);
        at = next;
      }
      cache.write(units, start, end, PIECE, out.ids, before, out.length - before);
    } else {
      let count = 1;
      if (whole >= 0) ids[0] = whole;
      else count = mergeBytes(length);
      append(count, out);
      cache.write(units, start, end, PIECE, ids, 0, count);
    }
    if (room > KEPT_UNITS) {
      bytes = new Uint8Array(1024);
      ids = new Int32Array(1024);
    }
  };
}

/** What is looked up by the bytes of tokens: the tokens themselves where merges may be ignored, and where merges may reach across. */
function spellingsOf({ ids, isToken, ignoreMerges }: BpeModel): {
  tokens: TokenTable | undefined;
  crossing: Crossings;
} {
  const tokens = ignoreMerges ? tokenTable(ids.size) : undefined;
  const crossing = crossings();
  let bytes = new Uint8Array(256);
  for (const [spelling, id] of ids) {
    if (spelling.length > bytes.length) bytes = new Uint8Array(spelling.length * 2);
    const length = writeSpelling(spelling, bytes);
    if (length < 0) continue;
    if (tokens && isToken(spelling)) tokens.add(bytes, length, id);
    crossing.add(bytes, length);
  }
  return { tokens, crossing };
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
