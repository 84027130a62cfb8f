/**
 * Texts of drafts and their edited copies, seeded: `node dist/bench/edit-texts.js out.jsonl [count]` writes a corpus that a
 * small model learns to copy and edit from. The words are made up, so nothing but the draft says what comes next.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { type Rng, rng } from "../src/base/rng.ts";

/** A draft with its edits so far and the next instruction, and the edited copy that follows. */
export interface EditText {
  readonly prompt: string;
  readonly edited: string;
}

const ONSETS = "b br c ch d dr f fl g gr h j k l m n p pl qu r s sh sl st t th tr v w z".split(" ");
const RIMES = "a an ar e ell en er i in ing o on or ot u um un y ay ee oo".split(" ");

/** Words of one to three syllables, the same for every seed. */
const WORDS = ((): readonly string[] => {
  const random = rng(1, "words");
  const words = new Set<string>();
  while (words.size < 240) {
    const syllables = 1 + random.below(3);
    words.add(Array.from({ length: syllables }, () => pick(random, ONSETS) + pick(random, RIMES)).join(""));
  }
  return [...words];
})();

function pick<T>(random: Rng, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/**
 * A draft of 2 to 4 sentences, edited twice: an edit replaces one word by another everywhere and, half of the time, drops
 * the last of three sentences or more.
 */
export function editText(random: Rng): EditText {
  const sentences = Array.from({ length: 2 + random.below(3) }, () =>
    Array.from({ length: 6 + random.below(7) }, () => pick(random, WORDS)),
  );
  const first = edit(random, sentences);
  const second = edit(random, first.edited);
  const prompt = `Draft: ${spelled(sentences)}${first.order} ${spelled(first.edited)}${second.order}`;
  return { prompt, edited: ` ${spelled(second.edited)}` };
}

function edit(random: Rng, sentences: readonly string[][]): { order: string; edited: string[][] } {
  const from = pick(random, pick(random, sentences));
  const to = pick(random, WORDS);
  const isShortened = sentences.length > 2 && random.below(2) === 0;
  const kept = isShortened ? sentences.slice(0, -1) : sentences;
  const edited = kept.map((words) => words.map((word) => (word === from ? to : word)));
  const orders = [`write ${to} for ${from}`, ...(isShortened ? ["drop the end"] : [])];
  return { order: `\nEdit: ${orders.join(", ")}.\nFinal:`, edited };
}

const spelled = (sentences: readonly string[][]) => sentences.map((words) => `${words.join(" ")}.`).join(" ");

const [, script = "", out, count = "20000"] = process.argv;
if (script.endsWith("edit-texts.js") && out !== undefined) {
  const random = rng(1, "drafts");
  const lines = Array.from({ length: Number(count) }, () => {
    const { prompt, edited } = editText(random);
    return JSON.stringify({ text: `${prompt}${edited}` });
  });
  writeFileSync(out, `${lines.join("\n")}\n`);
}
