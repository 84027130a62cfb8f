/** Counts the pre-tokens of a stream of texts. Keeps each distinct one once and no text. */
import { writeUtf8 } from "./bytes.ts";
import { enlarged } from "./pair-table.ts";
import { type PatternName, pretokenizerJson } from "./patterns.ts";
import { byteLevelCutter, type Emit } from "./pre-tokenize.ts";
import { type WordTable, wordTable } from "./word-table.ts";

/** Distinct words as ids, with their counts. */
export interface Words {
  readonly counts: Float64Array;
  /** Word `w` is `symbols[offsets[w]..offsets[w + 1])`. */
  readonly offsets: Int32Array;
  readonly symbols: Int32Array;
}

/** Code units and different words so far. */
export interface CountProgress {
  readonly stage: "count";
  readonly units: number;
  readonly words: number;
}

/** Counts words and spells each as the ids of its UTF-8 bytes. A step for each text. */
export function* countWords(
  texts: Iterable<string>,
  pattern: PatternName,
  byteIds: Int32Array,
): Generator<CountProgress, Words> {
  const json = pretokenizerJson(pattern);
  const { splitter } = byteLevelCutter(json.preTokenizer, "pre_tokenizer");
  const table = wordTable();
  let counts = new Float64Array(1 << 12);
  let units = 0;
  const count: Emit = (text, start, end) => {
    const index = table.add(text, start, end);
    if (index >= counts.length) {
      const larger = new Float64Array(counts.length * 2);
      larger.set(counts);
      counts = larger;
    }
    counts[index]!++;
  };
  for (const text of texts) {
    const normal = json.normalizer ? text.normalize("NFC") : text;
    splitter(normal, 0, normal.length, count);
    units += text.length;
    yield { stage: "count", units, words: table.size };
  }
  return { counts: counts.slice(0, table.size), ...spell(table, byteIds) };
}

function spell(table: WordTable, byteIds: Int32Array): Pick<Words, "offsets" | "symbols"> {
  const offsets = new Int32Array(table.size + 1);
  let symbols: Int32Array<ArrayBuffer> = new Int32Array(1 << 16);
  let bytes = new Uint8Array(1 << 10);
  let used = 0;
  for (let w = 0; w < table.size; w++) {
    const word = table.word(w);
    if (word.length * 3 > bytes.length) bytes = new Uint8Array(word.length * 3);
    const length = writeUtf8(word, 0, word.length, bytes);
    if (used + length > symbols.length) symbols = enlarged(symbols, (used + length) * 2);
    for (let i = 0; i < length; i++) symbols[used++] = byteIds[bytes[i]!]!;
    offsets[w + 1] = used;
  }
  return { offsets, symbols: symbols.slice(0, used) };
}
