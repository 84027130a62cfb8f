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
}

/** Spellings by id and ids by spelling; ids have no holes. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly added: readonly AddedToken[];
}

/** Reads `model.vocab` and `added_tokens`. Throws BAD_TOKENIZER where ids repeat, leave holes or disagree. */
export function readVocabulary(root: JsonRecord, model: JsonRecord, where: string): Vocabulary {
  const at = `${where}: model.vocab`;
  // Only own keys are read: a copy of a large vocabulary would cost as much as all the rest.
  const vocab = isJsonObject(model.vocab) ? model.vocab : recordAt(model.vocab, at);
  const ids = new Map<string, number>();
  for (const token of Object.keys(vocab)) ids.set(token, countField(vocab, token, at));
  const added = readAddedTokens(root, where);
  for (const { id, content } of added) {
    const other = ids.get(content);
    if (other !== undefined && other !== id) {
      fail("BAD_TOKENIZER", `${where}: added_tokens: ${describe(content)} has the id ${id}, but ${other} elsewhere`);
    }
    ids.set(content, id);
  }
  const tokens: (string | undefined)[] = new Array(ids.size).fill(undefined);
  for (const [token, id] of ids) {
    if (id >= ids.size) {
      fail(
        "BAD_TOKENIZER",
        `${at}: ${describe(token)} has the id ${id}, expected ids 0 to ${ids.size - 1} without holes`,
      );
    }
    if (tokens[id] !== undefined) {
      fail("BAD_TOKENIZER", `${at}: the id ${id} is given twice, to ${describe(tokens[id])} and ${describe(token)}`);
    }
    tokens[id] = token;
  }
  if (tokens.length === 0) fail("BAD_TOKENIZER", `${at}: got no tokens, expected at least one`);
  return { tokens: tokens as string[], ids, added };
}

function readAddedTokens(root: JsonRecord, where: string): AddedToken[] {
  if ((root.added_tokens ?? null) === null) return [];
  return listField(root, "added_tokens", where).map((entry, i) => {
    const at = `${where}: added_tokens[${i}]`;
    const record = recordAt(entry, at);
    const content = stringField(record, "content", at);
    if (content === "") fail("BAD_TOKENIZER", `${at}.content: got an empty string, expected a token`);
    if (booleanField(record, "single_word", at, false))
      fail("UNSUPPORTED", `${at}.single_word: got true, expected false`);
    const special = booleanField(record, "special", at, false);
    return {
      id: countField(record, "id", at),
      content,
      special,
      normalized: booleanField(record, "normalized", at, !special),
      lstrip: booleanField(record, "lstrip", at, false),
      rstrip: booleanField(record, "rstrip", at, false),
    };
  });
}

/** Most merges that ranks of 22 bits can number. */
const MAX_MERGES = 2 ** 22 - 1;

/** Reads `model.merges`, `"a b"` or `["a", "b"]`, into flat triples (left, right, result) of ids. */
export function readMerges(model: JsonRecord, ids: ReadonlyMap<string, number>, where: string): Int32Array {
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
    triples[i * 3 + 2] = ids.get(left + right) ?? refuse(i, left + right);
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
