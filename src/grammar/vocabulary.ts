/** The bytes of all tokens as a tree, for walking them together. Knows no grammar. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { normalRanges, otherRanges, type Ranges } from "./nodes.ts";

/** Tokens that begin alike share a path. Nodes are listed depth first, so that a branch is a stretch. */
export interface TokenTree {
  /** The last byte of each node. */
  readonly bytes: Uint8Array;
  /** How many bytes lead to each node, 1 or more. */
  readonly depths: Uint16Array;
  /** The node after the branch that each begins. */
  readonly skips: Int32Array;
  /** Tokens that end at each node: `ids[firsts[i]..firsts[i + 1])`. */
  readonly firsts: Int32Array;
  readonly ids: Int32Array;
  readonly deepest: number;
}

/** What a grammar needs to know of a tokenizer. */
export interface Vocabulary {
  readonly size: number;
  /** What each token adds to a text that has begun; empty for those that are never part of one. */
  readonly bytesOf: (id: number) => Uint8Array;
  readonly tree: TokenTree;
  /** Those of tokens that begin a text, where they differ. */
  readonly first: { readonly bytesOf: (id: number) => Uint8Array; readonly tree: TokenTree } | undefined;
  /** Narrows ranges to characters that can be spelled; undefined where all can. */
  readonly alphabet: ((ranges: Ranges) => Ranges) | undefined;
}

/** Tokens of more bytes are never chosen. */
const LONGEST_TOKEN = 1024;
const NO_BYTES = new Uint8Array(0);

/** The tokens of a tokenizer, but special and unknown ones. Throws UNSUPPORTED for decoders that change a token by what follows it. */
export function vocabularyOf(tokenizer: Tokenizer): Vocabulary {
  const left = leftOut(tokenizer);
  const table = tableOf(tokenizer, (id) => (left.has(id) ? NO_BYTES : tokenizer.tokenBytes(id)));
  checkJoins(tokenizer, table);
  const bytesOf = (id: number) => table[id]!;
  const tree = treeOf(table);
  return {
    size: tokenizer.vocabSize,
    bytesOf,
    tree,
    first: firstTokens(tokenizer, table),
    alphabet: alphabetOf(table),
  };
}

/** Ids that are never part of a text. */
function leftOut(tokenizer: Tokenizer): Set<number> {
  const ids = new Set(tokenizer.specialTokens.values());
  const { model } = tokenizer.toJSON() as { readonly model?: unknown };
  const unknown = isJsonObject(model) ? model.unk_token : undefined;
  const id = typeof unknown === "string" ? tokenizer.idOf(unknown) : isJsonObject(model) ? model.unk_id : undefined;
  return typeof id === "number" ? ids.add(id) : ids;
}

function tableOf({ vocabSize }: Tokenizer, bytesOf: (id: number) => Uint8Array): Uint8Array[] {
  return Array.from({ length: vocabSize }, (_, id) => {
    const bytes = bytesOf(id);
    return bytes.length > LONGEST_TOKEN ? NO_BYTES : bytes;
  });
}

/** Some tokens of a table that are part of texts. */
function someTokens(table: readonly Uint8Array[], isWanted: (bytes: Uint8Array) => boolean): number[] {
  const found: number[] = [];
  for (let id = table.length - 1; id >= 0 && found.length < 8; id--)
    if (table[id]!.length > 0 && table[id]!.every((byte) => byte < 0x80) && isWanted(table[id]!)) found.push(id);
  return found;
}

/** Texts of tokens must be their bytes one after the other. */
function checkJoins(tokenizer: Tokenizer, table: readonly Uint8Array[]): void {
  const ids = someTokens(table, () => true);
  const [first, ...rest] = ids;
  if (first === undefined) return;
  const joined = rest.map((id) => latin1(table[id]!)).join("");
  const text = tokenizer.decode(ids);
  if (text === tokenizer.decode([first]) + joined) return;
  fail(
    "UNSUPPORTED",
    "tokenizer.decoder: changes tokens by those behind them, which masks of single tokens cannot follow",
  );
}

/** Decoders of SentencePiece and WordPiece drop the space of a first token. */
function firstTokens(tokenizer: Tokenizer, table: readonly Uint8Array[]): Vocabulary["first"] {
  const begins = (bytes: Uint8Array) => bytes[0] === 0x20;
  if (someTokens(table, begins).every((id) => tokenizer.decode([id]) === latin1(table[id]!))) return undefined;
  const encoder = new TextEncoder();
  const first = table.map((bytes, id) => (begins(bytes) ? encoder.encode(tokenizer.decode([id])) : bytes));
  return { bytesOf: (id) => first[id]!, tree: treeOf(first) };
}

/** Characters that single tokens, or the bytes of all of them, spell. */
function alphabetOf(table: readonly Uint8Array[]): Vocabulary["alphabet"] {
  const single = new Set<number>();
  const points: [number, number][] = [];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const bytes of table) {
    if (bytes.length === 1) single.add(bytes[0]!);
    if (bytes.length === 0 || bytes.length > 5) continue;
    // WordPiece spells most characters behind a space, or alone as the end of a word.
    const text = decoder.decode(bytes);
    const point = text.codePointAt(0)!;
    if (point !== 0xfffd && text.length === (point > 0xffff ? 2 : 1)) points.push([point, point]);
  }
  let bytesThere = true;
  for (let byte = 0; byte < 0xf5; byte++) if (byte !== 0xc0 && byte !== 0xc1 && !single.has(byte)) bytesThere = false;
  if (bytesThere) return undefined;
  const missing = otherRanges(normalRanges(points));
  return (ranges) => otherRanges(normalRanges([...otherRanges(ranges), ...missing]));
}

function treeOf(table: readonly Uint8Array[]): TokenTree {
  const spelled: { readonly text: string; readonly id: number }[] = [];
  for (let id = 0; id < table.length; id++) if (table[id]!.length > 0) spelled.push({ text: latin1(table[id]!), id });
  spelled.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.id - b.id));
  const bytes: number[] = [];
  const depths: number[] = [];
  const skips: number[] = [];
  const firsts: number[] = [];
  const open: number[] = [];
  let before = "";
  let deepest = 0;
  const close = (depth: number) => {
    while (open.length > depth) skips[open.pop()!] = bytes.length;
  };
  for (let i = 0; i < spelled.length; i++) {
    const { text } = spelled[i]!;
    let shared = 0;
    while (shared < before.length && text.charCodeAt(shared) === before.charCodeAt(shared)) shared++;
    if (shared < text.length) close(shared);
    for (let depth = shared; depth < text.length; depth++) {
      open.push(bytes.length);
      depths.push(depth + 1);
      firsts.push(depth + 1 === text.length ? i : -1);
      bytes.push(text.charCodeAt(depth));
    }
    deepest = Math.max(deepest, text.length);
    before = text;
  }
  close(0);
  firsts.push(spelled.length);
  // A node where no token ends begins where the next one does.
  for (let node = bytes.length - 1; node >= 0; node--) if (firsts[node]! < 0) firsts[node] = firsts[node + 1]!;
  return {
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    skips: Int32Array.from(skips),
    firsts: Int32Array.from(firsts),
    ids: Int32Array.from(spelled, ({ id }) => id),
    deepest,
  };
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
