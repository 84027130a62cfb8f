/** The longest token first, again and again: the model `WordPiece` (Schuster and Nakajima 2012, Devlin et al. 2018). */
import { fail } from "../base/errors.ts";
import { utf8Length } from "./bytes.ts";
import type { IdList } from "./id-list.ts";
import { describe, type JsonRecord, stringField } from "./json-fields.ts";
import type { PieceModel } from "./piece-model.ts";
import { ROOT, type Trie, trie } from "./trie.ts";
import { refuseText, unknownIdOf } from "./unknown.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Reads a `WordPiece` model. Takes time in the length of the piece times that of the longest token. */
export function readWordPiece(model: JsonRecord, vocabulary: Vocabulary, where: string): PieceModel {
  const at = `${where}: model`;
  const unkId = unknownIdOf(model, vocabulary, where);
  const prefix =
    model.continuing_subword_prefix === undefined ? "##" : stringField(model, "continuing_subword_prefix", at);
  const limit = model.max_input_chars_per_word ?? 100;
  if (typeof limit !== "number" || !Number.isSafeInteger(limit) || limit < 0)
    return fail(
      "BAD_TOKENIZER",
      `${at}.max_input_chars_per_word: got ${describe(limit)}, expected an integer of at least 0`,
    );
  const [first, later] = [trie(vocabulary.tokens.length), trie(vocabulary.tokens.length)];
  for (const token of vocabulary.own) {
    if (token === "" || /\p{Surrogate}/u.test(token)) continue;
    const id = vocabulary.ownId(token)!;
    first.add(token, id);
    if (token.length > prefix.length && token.startsWith(prefix)) later.add(token.slice(prefix.length), id);
  }
  return {
    tokenize(piece, out, spans) {
      const found = charactersUpTo(piece, limit) ? pieces(piece, first, later) : undefined;
      if (!found) {
        out.push(unkId ?? refuseText(piece));
        spans?.push(0, utf8Length(piece));
      } else append(piece, found, out, spans);
    },
  };
}

/** Whether a text has at most `limit` characters. */
function charactersUpTo(text: string, limit: number): boolean {
  if (text.length <= limit) return true;
  if (text.length > 2 * limit) return false;
  let count = 0;
  for (const _ of text) count++;
  return count <= limit;
}

/** Flat pairs of id and end in code units; undefined where the piece cannot be made of tokens. */
function pieces(piece: string, first: Trie, later: Trie): number[] | undefined {
  const found: number[] = [];
  for (let start = 0; start < piece.length; ) {
    const tree = start === 0 ? first : later;
    let id = -1;
    let end = start;
    let node = ROOT;
    for (let i = start; i < piece.length; i++) {
      node = tree.next(node, piece.charCodeAt(i));
      if (node < 0) break;
      if (tree.idAt(node) < 0) continue;
      id = tree.idAt(node);
      end = i + 1;
    }
    if (id < 0) return undefined;
    found.push(id, end);
    start = end;
  }
  return found;
}

function append(piece: string, found: readonly number[], out: IdList, spans: number[] | undefined): void {
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < found.length; i += 2) {
    out.push(found[i]!);
    if (!spans) continue;
    const length = utf8Length(piece.slice(start, found[i + 1]));
    spans.push(bytes, bytes + length);
    bytes += length;
    start = found[i + 1]!;
  }
}
