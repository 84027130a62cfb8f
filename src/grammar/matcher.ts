/** Which tokens may come next, and what it means that one has come. Knows no model and no logits but as numbers. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { buildGraph } from "./build.ts";
import type { Grammar } from "./nodes.ts";
import { type Position, positionsOf } from "./positions.ts";
import type { TokenTree, Vocabulary } from "./vocabulary.ts";

/** Tokens that may come next, a bit each, the lowest first. */
export interface Mask {
  readonly words: Uint32Array;
  /** How many. */
  readonly count: number;
  /** The only one where there is one. */
  readonly only: number | undefined;
}

/** Where one text stands. Immutable. */
export interface Place {
  /** The text may end here. */
  readonly isWhole: boolean;
  /** The text must end here. */
  readonly isFinished: boolean;
  /** Throws UNSUPPORTED where the vocabulary has no token to go on with, and BAD_GRAMMAR where too much would have to be followed. */
  mask(): Mask;
  /** The place behind a token; undefined where it may not come. */
  after(id: number): Place | undefined;
}

/** Masks that are kept; more, and all are forgotten. */
const MOST_MASKS = 1024;

/**
 * Compiles a grammar for a vocabulary: the place where every text begins. What is found out on the way through one text is kept for all.
 * `endIds` are the tokens that end a text. `isBegun`: other text comes before, so that no token is a first one. Throws BAD_GRAMMAR, with `where`.
 */
export function compileGrammar(
  grammar: Grammar,
  vocabulary: Vocabulary,
  endIds: readonly number[],
  where: string,
  isBegun = false,
): Place {
  const positions = positionsOf(buildGraph(grammar, where, vocabulary.alphabet), where);
  const ends = new Set(endIds);
  let masks = new Map<Position, Mask>();
  let places = new Map<Position, Place>();
  const walk = (position: Position, bytes: Uint8Array): Position | undefined => {
    let at: Position | null = position;
    for (let i = 0; i < bytes.length && at; i++) at = positions.step(at, positions.classOf[bytes[i]!]!);
    return (bytes.length > 0 && at) || undefined;
  };
  const maskAt = (position: Position, tree: TokenTree): Mask => {
    positions.resetWork();
    const words = new Uint32Array(Math.ceil(vocabulary.size / 32));
    markTokens(words, tree, position, positions.classOf, positions.step);
    for (const id of ends) {
      words[id >>> 5]! &= ~(1 << (id & 31));
      if (position.isWhole) words[id >>> 5]! |= 1 << (id & 31);
    }
    return counted(words);
  };
  const placeOf = (position: Position, isFirst: boolean): Place => {
    const known = isFirst ? undefined : places.get(position);
    if (known) return known;
    const { tree, bytesOf } = (isFirst && vocabulary.first) || vocabulary;
    let first: Mask | undefined;
    const place: Place = {
      isWhole: position.isWhole,
      isFinished: position.isWhole && position.states.length === 0,
      mask() {
        const kept = isFirst ? first : masks.get(position);
        if (kept) return kept;
        const mask = maskAt(position, tree);
        if (mask.count === 0 && !position.isWhole) noToken(where);
        if (isFirst) first = mask;
        else {
          if (masks.size >= MOST_MASKS) [masks, places] = [new Map(), new Map()];
          masks.set(position, mask);
        }
        return mask;
      },
      after(id) {
        if (ends.has(id)) return position.isWhole ? place : undefined;
        positions.resetWork();
        const next = walk(position, bytesOf(id));
        return next && placeOf(next, false);
      },
    };
    if (!isFirst) places.set(position, place);
    return place;
  };
  return placeOf(positions.start, !isBegun);
}

function noToken(where: string): never {
  return fail(
    "UNSUPPORTED",
    `${where}: the tokenizer has no token for what must come next. Try a vocabulary with all bytes`,
  );
}

/** Sets the bits of all tokens that can be walked from a position. */
function markTokens(
  words: Uint32Array,
  { bytes, depths, skips, firsts, ids, deepest }: TokenTree,
  position: Position,
  classOf: Uint8Array,
  step: (position: Position, byteClass: number) => Position | null,
): void {
  const path = new Array<Position>(deepest + 1);
  path[0] = position;
  for (let node = 0; node < bytes.length; ) {
    const depth = depths[node]!;
    const at = path[depth - 1]!;
    const byteClass = classOf[bytes[node]!]!;
    const found = at.next[byteClass];
    const next = found === undefined ? step(at, byteClass) : found;
    if (next === null) {
      node = skips[node]!;
      continue;
    }
    path[depth] = next;
    for (let i = firsts[node]!; i < firsts[node + 1]!; i++) words[ids[i]! >>> 5]! |= 1 << (ids[i]! & 31);
    node++;
  }
}

function counted(words: Uint32Array): Mask {
  let count = 0;
  let last = -1;
  for (let i = 0; i < words.length; i++)
    for (let word = words[i]!; word !== 0; word &= word - 1) {
      count++;
      last = 32 * i + 31 - Math.clz32(word & -word);
    }
  return { words, count, only: count === 1 ? last : undefined };
}

/** Sets logits (V) of tokens that may not come to -infinity. */
export function applyMask(logits: Float32Array, { words }: Mask): void {
  const none = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i += 32) {
    const word = words[i >>> 5] ?? 0;
    if (word === 0) logits.fill(none, i, i + 32);
    else if (word !== 0xffffffff) {
      const end = Math.min(32, logits.length - i);
      for (let bit = 0; bit < end; bit++) if ((word & (1 << bit)) === 0) logits[i + bit] = none;
    }
  }
}

/** The place behind a token that was chosen under a mask. */
export function placeAfter(place: Place, id: number): Place {
  return place.after(id) ?? fail("BUG", `grammar: got the token ${showJson(id)}, which was not allowed here`);
}
