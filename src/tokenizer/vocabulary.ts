/** Reads tokens, added tokens and merges of an untrusted `tokenizer.json` into dense tables. Knows no text. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import {
  booleanField,
  countField,
  describe,
  type JsonRecord,
  listField,
  recordAt,
  stringField,
} from "./json-fields.ts";

/** One entry of `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Found only between what are no letters, digits or such. */
  readonly singleWord: boolean;
}

/** Spellings by id and ids by spelling; ids have no holes. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly added: readonly AddedToken[];
  /** The spellings that the model itself has. */
  readonly own: readonly string[];
  /** The id of a spelling of the model, added tokens not counted. */
  readonly ownId: (token: string) => number | undefined;
  /** Scores by id, where the model has such. */
  readonly scores?: Float64Array;
}

/**
 * Reads `model.vocab` (ids by spelling, or with `isScored` the list of spellings and scores of a Unigram) and `added_tokens`. Throws BAD_TOKENIZER where
 * ids repeat, leave holes or disagree, and where a score is not a number.
 */
export function readVocabulary(root: JsonRecord, model: JsonRecord, isScored: boolean, where: string): Vocabulary {
  const at = `${where}: model.vocab`;
  const own = isScored
    ? scoredVocabulary(listField(model, "vocab", `${where}: model`), at)
    : plainVocabulary(model, at);
  const { ids, tokens } = own;
  const added = readAddedTokens(root, where);
  let size = tokens?.length ?? ids.size;
  for (const { id, content } of added) {
    const other = ids.get(content);
    if (other !== undefined && other !== id) {
      fail("BAD_TOKENIZER", `${where}: added_tokens: ${describe(content)} has the id ${id}, but ${other} elsewhere`);
    }
    if (other === undefined) size++;
    ids.set(content, id);
  }
  const all = denseTokens(ids, size, tokens ?? [], at);
  if (size === 0) fail("BAD_TOKENIZER", `${at}: got no tokens, expected at least one`);
  return { tokens: all, ids, added, ...own.model };
}

/** A model's own tokens. `tokens` are given where ids are places in a list, in which a spelling may come twice. */
interface OwnTokens {
  readonly ids: Map<string, number>;
  readonly tokens?: readonly string[];
  readonly model: Pick<Vocabulary, "own" | "ownId" | "scores">;
}

function plainVocabulary(model: JsonRecord, at: string): OwnTokens {
  // Only own keys are read: a copy of a large vocabulary would cost as much as all the rest.
  const vocab = isJsonObject(model.vocab) ? model.vocab : recordAt(model.vocab, at);
  const ids = new Map<string, number>();
  for (const token of Object.keys(vocab)) ids.set(token, countField(vocab, token, at));
  return {
    ids,
    model: {
      get own() {
        return Object.keys(vocab);
      },
      ownId: (token) => (Object.hasOwn(vocab, token) ? (vocab[token] as number) : undefined),
    },
  };
}

function scoredVocabulary(list: readonly unknown[], at: string): OwnTokens {
  const own = new Map<string, number>();
  const scores = new Float64Array(list.length);
  const tokens = list.map((entry, id) => {
    const [token, score] = Array.isArray(entry) && entry.length === 2 ? (entry as unknown[]) : [];
    // JSON has no other numbers that are not finite, but 1e999 is read as one.
    if (typeof token !== "string" || typeof score !== "number" || !Number.isFinite(score))
      return fail(
        "BAD_TOKENIZER",
        `${at}[${id}]: got ${describe(token === undefined ? entry : score)}, expected a token and its score`,
      );
    own.set(token, id);
    scores[id] = score;
    return token;
  });
  return { ids: new Map(own), tokens, model: { own: [...own.keys()], ownId: (token) => own.get(token), scores } };
}

function denseTokens(ids: ReadonlyMap<string, number>, size: number, listed: readonly string[], at: string): string[] {
  const tokens: (string | undefined)[] = new Array(size).fill(undefined);
  listed.forEach((token, id) => {
    tokens[id] = token;
  });
  for (const [token, id] of ids) {
    if (id >= size) {
      fail("BAD_TOKENIZER", `${at}: ${describe(token)} has the id ${id}, expected ids 0 to ${size - 1} without holes`);
    }
    if (tokens[id] !== undefined && tokens[id] !== token) {
      fail("BAD_TOKENIZER", `${at}: the id ${id} is given twice, to ${describe(tokens[id])} and ${describe(token)}`);
    }
    tokens[id] = token;
  }
  return tokens as string[];
}

function readAddedTokens(root: JsonRecord, where: string): AddedToken[] {
  if ((root.added_tokens ?? null) === null) return [];
  return listField(root, "added_tokens", where).map((entry, i) => {
    const at = `${where}: added_tokens[${i}]`;
    const record = recordAt(entry, at);
    const content = stringField(record, "content", at);
    if (content === "") fail("BAD_TOKENIZER", `${at}.content: got an empty string, expected a token`);
    const special = booleanField(record, "special", at, false);
    return {
      id: countField(record, "id", at),
      content,
      special,
      normalized: booleanField(record, "normalized", at, !special),
      lstrip: booleanField(record, "lstrip", at, false),
      rstrip: booleanField(record, "rstrip", at, false),
      singleWord: booleanField(record, "single_word", at, false),
    };
  });
}

/** Most merges that ranks of 22 bits can number. */
const MAX_MERGES = 2 ** 22 - 1;

/**
 * Reads `model.merges`, `"a b"` or `["a", "b"]`, into flat triples (left, right, result) of ids. The result lacks the first `prefixLength`
 * code units of the right part.
 */
export function readMerges(
  model: JsonRecord,
  ids: ReadonlyMap<string, number>,
  where: string,
  prefixLength = 0,
): Int32Array {
  const merges = listField(model, "merges", `${where}: model`);
  if (merges.length > MAX_MERGES) {
    fail("UNSUPPORTED", `${where}: model.merges: got ${merges.length} merges, expected at most ${MAX_MERGES}`);
  }
  const triples = new Int32Array(merges.length * 3);
  const refuse = (i: number, token: string): never =>
    fail("BAD_TOKENIZER", `${where}: model.merges[${i}]: got ${describe(token)}, expected a token of model.vocab`);
  for (let i = 0; i < merges.length; i++) {
    const parts = splitMerge(merges[i]);
    if (!parts) {
      return fail(
        "BAD_TOKENIZER",
        `${where}: model.merges[${i}]: got ${describe(merges[i])}, expected two tokens, "a b" or ["a", "b"]`,
      );
    }
    const [left, right] = parts;
    triples[i * 3] = ids.get(left) ?? refuse(i, left);
    triples[i * 3 + 1] = ids.get(right) ?? refuse(i, right);
    const result = left + (prefixLength === 0 ? right : right.slice(prefixLength));
    triples[i * 3 + 2] = ids.get(result) ?? refuse(i, result);
  }
  return triples;
}

function splitMerge(merge: unknown): readonly [string, string] | undefined {
  if (typeof merge === "string") {
    const blank = merge.indexOf(" ");
    if (blank <= 0 || blank === merge.length - 1 || merge.includes(" ", blank + 1)) return undefined;
    return [merge.slice(0, blank), merge.slice(blank + 1)];
  }
  if (!Array.isArray(merge) || merge.length !== 2) return undefined;
  const [left, right] = merge as unknown[];
  return typeof left === "string" && typeof right === "string" && left && right ? [left, right] : undefined;
}
