/** Texts by chance under a grammar's masks, as the worst model would write them. */
import type { Rng } from "../../src/base/rng.ts";
import { compileGrammar, type Place, placeAfter } from "../../src/grammar/matcher.ts";
import type { Grammar } from "../../src/grammar/nodes.ts";
import { type Vocabulary, vocabularyOf } from "../../src/grammar/vocabulary.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";

export interface Walked {
  readonly ids: number[];
  readonly text: string;
  /** Whether it came to an end. */
  readonly isWhole: boolean;
}

/** Ids of a mask. */
export function idsOf(words: Uint32Array): number[] {
  const ids: number[] = [];
  for (let id = 0; id < 32 * words.length; id++) if ((words[id >>> 5]! >>> (id & 31)) & 1) ids.push(id);
  return ids;
}

const vocabularies = new WeakMap<Tokenizer, Vocabulary>();

export function placeOf(grammar: Grammar, tokenizer: Tokenizer, endIds: readonly number[] = []): Place {
  const vocabulary = vocabularies.get(tokenizer) ?? vocabularyOf(tokenizer);
  vocabularies.set(tokenizer, vocabulary);
  return compileGrammar(grammar, vocabulary, endIds, "grammar");
}

const closers = new WeakMap<Tokenizer, ReadonlySet<number>>();

/** Tokens that end strings, lists and objects, or go on with the next part. */
function closersOf(tokenizer: Tokenizer): ReadonlySet<number> {
  const known = closers.get(tokenizer);
  if (known) return known;
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const found = new Set(ids.filter((id) => /^\s*["\]},:]/.test(tokenizer.decode([id]))));
  closers.set(tokenizer, found);
  return found;
}

/** Draws allowed tokens, those that close something more often than others, until nothing may follow. Ends where an end token is drawn. */
export function walk(
  start: Place,
  tokenizer: Tokenizer,
  random: Rng,
  most: number,
  endIds: readonly number[] = [],
): Walked {
  const closing = closersOf(tokenizer);
  const ids: number[] = [];
  let place = start;
  while (!place.isFinished && ids.length < most) {
    if (place.isWhole && endIds.length === 0 && random.uniform() < 0.3) break;
    const allowed = idsOf(place.mask().words);
    const enders = random.uniform() < 0.5 ? allowed.filter((id) => closing.has(id)) : [];
    const from = enders.length > 0 ? enders : allowed;
    const id = from[random.below(from.length)]!;
    if (endIds.includes(id)) break;
    place = placeAfter(place, id);
    ids.push(id);
  }
  return { ids, text: tokenizer.decode(ids), isWhole: place.isWhole };
}
