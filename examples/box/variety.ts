/** How varied texts are: distinct n-grams of words, the entropy of words and pairs, copies. Knows no generator. */
import { fingerprint } from "./dice.ts";

/** What a sample of texts is like. */
export interface Variety {
  readonly texts: number;
  readonly bytes: number;
  readonly words: number;
  /** Different words. */
  readonly vocabulary: number;
  /** By n: how many of the n-grams of words are different ones. */
  readonly distinct: Readonly<Record<1 | 2 | 3 | 4, { readonly different: number; readonly share: number }>>;
  /** Bits a word by its frequency alone, and given the word before it. */
  readonly entropy: { readonly word: number; readonly next: number };
  /** Texts that another one equals, and those that equal another one up to case, digits and punctuation. */
  readonly copies: { readonly exact: number; readonly alike: number };
  /** Sentences that are in the sample for the first time. */
  readonly newSentences: number;
}

/** Measures a sample; 20,000 texts take some seconds. */
export function varietyOf(texts: readonly string[]): Variety {
  const counts = [1, 2, 3, 4].map(() => new Map<string, number>());
  const [exact, alike, sentences] = [new Set<number>(), new Set<number>(), new Set<number>()];
  let [words, bytes, sentenceCount] = [0, 0, 0];
  for (const text of texts) {
    const tokens = text.toLowerCase().match(/[\p{L}\d']+/gu) ?? [];
    bytes += Buffer.byteLength(text);
    words += tokens.length;
    exact.add(fingerprint(text));
    alike.add(fingerprint(tokens.join(" ")));
    for (const [i, map] of counts.entries()) countGrams(map, tokens, i + 1);
    for (const sentence of text.split(/(?<=[.!?])\s+|\n+/)) {
      sentences.add(fingerprint(sentence));
      sentenceCount++;
    }
  }
  const word = entropyOf(counts[0]!);
  const distinct = Object.fromEntries(
    counts.map((map, i) => [i + 1, { different: map.size, share: round(map.size / Math.max(1, words - i * texts.length)) }]),
  ) as Variety["distinct"];
  return {
    texts: texts.length,
    bytes,
    words,
    vocabulary: counts[0]!.size,
    distinct,
    entropy: { word: round(word), next: round(entropyOf(counts[1]!) - word) },
    copies: { exact: texts.length - exact.size, alike: texts.length - alike.size },
    newSentences: round(sentences.size / sentenceCount),
  };
} // biome-ignore format: one line each

function countGrams(map: Map<string, number>, tokens: readonly string[], n: number): void {
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = n === 1 ? tokens[i]! : tokens.slice(i, i + n).join(" ");
    map.set(gram, (map.get(gram) ?? 0) + 1);
  }
}

/** Shannon's entropy of counts, in bits. */
function entropyOf(counts: ReadonlyMap<string, number>): number {
  let [total, sum] = [0, 0];
  for (const count of counts.values()) {
    total += count;
    sum += count * Math.log2(count);
  }
  return total === 0 ? 0 : Math.log2(total) - sum / total;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
