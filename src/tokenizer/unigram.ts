/** The most probable cut into tokens: the model `Unigram` (Kudo 2018), found by Viterbi's algorithm from left to right. */
import { fail } from "../base/errors.ts";
import { byteTokens } from "./byte-tokens.ts";
import { utf8Length } from "./bytes.ts";
import { booleanField, describe, type JsonRecord } from "./json-fields.ts";
import type { PieceModel } from "./piece-model.ts";
import { widthAt } from "./stretch.ts";
import { ROOT, trie } from "./trie.ts";
import { refuseText } from "./unknown.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How much worse than the worst token an unknown character is, in nats (SentencePiece's `kUnkPenalty`). */
const UNKNOWN_PENALTY = 10;

/**
 * Reads a `Unigram` model, whose scores are log-probabilities. Neighbouring unknown characters are one token, or bytes with
 * `byte_fallback`. Takes time in the length of the piece times that of the longest token.
 */
export function readUnigram(model: JsonRecord, vocabulary: Vocabulary, where: string): PieceModel {
  const scores = Float64Array.from(vocabulary.scores ?? []);
  const unkId = readUnkId(model, scores.length, where);
  const bytes = booleanField(model, "byte_fallback", `${where}: model`, false) ? byteTokens(vocabulary) : undefined;
  const tree = trie(vocabulary.tokens.length);
  // What is special is found before, or is to stay text.
  const special = new Set(vocabulary.added.filter((token) => token.special).map(({ id }) => id));
  for (const token of vocabulary.own) {
    if (special.has(vocabulary.ownId(token)!)) continue;
    if (token !== "" && !/\p{Surrogate}/u.test(token)) tree.add(token, vocabulary.ownId(token)!);
  }
  const unknownScore = scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
  let best = new Float64Array(256);
  let starts = new Int32Array(256);
  let ids = new Int32Array(256);

  /** Fills the best last token before each place of the piece. */
  const search = (piece: string) => {
    const size = piece.length + 1;
    if (size > starts.length) {
      best = new Float64Array(size);
      starts = new Int32Array(size);
      ids = new Int32Array(size);
    }
    starts.fill(-1, 0, size);
    best[0] = 0;
    const offer = (start: number, end: number, score: number) => {
      if (starts[end]! >= 0 && !(score > best[end]!)) return false;
      best[end] = score;
      starts[end] = start;
      return true;
    };
    for (let start = 0; start < piece.length; ) {
      const single = start + widthAt(piece, start);
      const score = best[start]!;
      let hasSingle = false;
      let node = ROOT;
      for (let i = start; i < piece.length; i++) {
        node = tree.next(node, piece.charCodeAt(i));
        if (node < 0) break;
        const id = tree.idAt(node);
        if (id < 0) continue;
        if (offer(start, i + 1, scores[id]! + score)) ids[i + 1] = id;
        if (i + 1 === single) hasSingle = true;
      }
      if (!hasSingle && offer(start, single, unknownScore + score))
        ids[single] = unkId ?? refuseText(piece.slice(start, single));
      start = single;
    }
  };
  /** The ends of the pieces along the best path, from the last to the first; unknown ones that touch are one. */
  const path = (piece: string): number[] => {
    const ends: number[] = [];
    let after = -1;
    for (let end = piece.length; end > 0; end = starts[end]!) {
      if (ids[end] !== unkId || after !== unkId) ends.push(end);
      after = ids[end]!;
    }
    return ends;
  };
  return {
    tokenize(piece, out, spans) {
      search(piece);
      const ends = path(piece);
      let start = 0;
      let from = 0;
      for (let i = ends.length - 1; i >= 0; i--) {
        const text = piece.slice(start, ends[i]);
        const to = spans ? from + utf8Length(text) : 0;
        const push = (id: number) => {
          out.push(id);
          spans?.push(from, to);
        };
        const id = vocabulary.ownId(text);
        if (id !== undefined && !special.has(id)) push(id);
        else if (!bytes?.spell(text, push)) push(unkId ?? refuseText(text));
        start = ends[i]!;
        from = to;
      }
      // One very long piece must not keep its space for good.
      if (starts.length > 1 << 18) {
        best = new Float64Array(256);
        starts = new Int32Array(256);
        ids = new Int32Array(256);
      }
    },
  };
}

function readUnkId(model: JsonRecord, size: number, where: string): number | undefined {
  const id = model.unk_id ?? undefined;
  if (id === undefined) return undefined;
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < size) return id;
  return fail("BAD_TOKENIZER", `${where}: model.unk_id: got ${describe(id)}, expected an id below ${size}`);
}
