/** Learns a byte-level BPE vocabulary from text. The same text and options give the same tokenizer on every platform. */
import { fail } from "../base/errors.ts";
import { byteCharacters } from "./bytes.ts";
import { type CountProgress, countWords } from "./count-words.ts";
import { tokenizerFromJson } from "./json.ts";
import { learnMerges, type MergeProgress } from "./learn-merges.ts";
import { type PatternName, patterns } from "./patterns.ts";
import type { Tokenizer } from "./types.ts";
import { bpeJson, checkSpecials } from "./write-json.ts";

/** Stands between texts, where nothing else is asked for. */
export const END_OF_TEXT = "<|endoftext|>";

/** How far training has come: code units of text read, then tokens of the vocabulary. */
export type TrainProgress = CountProgress | MergeProgress;

/** Options of {@link trainBpe}. */
export interface TrainBpeOptions {
  /** Tokens in all, special ones included; at least 256 more than the special ones, at most 2^22. */
  readonly vocabSize: number;
  /** Spellings that get the first ids. Default `["<|endoftext|>"]`. */
  readonly specialTokens?: readonly string[];
  /** How text is cut before merging. Default "gpt2". */
  readonly preTokenizer?: PatternName;
  /** Pairs seen less often are not merged. Default 0. */
  readonly minFrequency?: number;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/**
 * Trains byte-level BPE (Sennrich et al. 2016) with merges, ties and ids as in `BpeTrainer` of Python's `tokenizers`: special tokens,
 * the 256 byte characters in order of code points, then the most frequent pair, the lower pair of ids on ties. Each text is cut by
 * itself; special tokens spelled in a text are text. A text that supports fewer tokens gives a smaller `vocabSize`.
 * Throws BAD_OPTION.
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const steps = bpeTraining(texts, options);
  for (;;) {
    const { value, done } = steps.next();
    if (done) return value;
    options.onProgress?.(value);
  }
}

/** The work of {@link trainBpe} in short steps: whoever goes through them may do other things in between, or stop. */
export function* bpeTraining(
  texts: Iterable<string>,
  options: Omit<TrainBpeOptions, "onProgress">,
): Generator<TrainProgress, Tokenizer> {
  const { vocabSize, specialTokens = [END_OF_TEXT], preTokenizer = "gpt2", minFrequency = 0 } = options;
  checkSpecials(specialTokens, "trainBpe");
  if (!Object.hasOwn(patterns, preTokenizer)) {
    fail(
      "BAD_OPTION",
      `trainBpe: preTokenizer: got ${JSON.stringify(preTokenizer)}, expected ${Object.keys(patterns).join(", ")}`,
    );
  }
  const tokens = [...new Set([...specialTokens, ...[...byteCharacters].sort()])];
  if (!Number.isSafeInteger(vocabSize) || vocabSize < tokens.length || vocabSize > 2 ** 22) {
    fail(
      "BAD_OPTION",
      `trainBpe: vocabSize: got ${vocabSize}, expected an integer from ${tokens.length} (256 bytes and the special tokens) to ${2 ** 22}`,
    );
  }
  if (!Number.isSafeInteger(minFrequency) || minFrequency < 0) {
    fail("BAD_OPTION", `trainBpe: minFrequency: got ${minFrequency}, expected an integer of at least 0`);
  }
  const idOfToken = new Map(tokens.map((token, id) => [token, id]));
  const byteIds = Int32Array.from(byteCharacters, (character) => idOfToken.get(character)!);
  const words = yield* countWords(texts, preTokenizer, byteIds);
  const merges = yield* learnMerges(words, tokens, vocabSize, minFrequency);
  const spelled = lastOfEach(merges.map(([left, right]) => `${tokens[left]} ${tokens[right]}`));
  return tokenizerFromJson(bpeJson(tokens, spelled, specialTokens, preTokenizer), "trainBpe");
}

/** A merge can be learned again where a special token is also made of smaller ones; its last rank counts. */
function lastOfEach(merges: readonly string[]): string[] {
  const last = new Set<string>();
  for (const merge of merges) {
    last.delete(merge);
    last.add(merge);
  }
  return [...last];
}
