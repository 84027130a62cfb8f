/** What answers to the test files are worth: exact matches by task, and stories by the rules. Knows no model. */
import { faultsOf, sentencesOf, wholeSentences } from "./story/rules.ts";

/** Right answers of a task. */
export interface Exact {
  readonly count: number;
  readonly right: number;
}

/** Stories by the rules. */
export interface Coherence {
  readonly count: number;
  /** Without any fault. */
  readonly coherent: number;
  /** That repeat a sentence. */
  readonly repeating: number;
  /** How often each rule found something. */
  readonly faults: Readonly<Record<string, number>>;
}

/** Fewer are no story. */
const MIN_SENTENCES = 3;

/** Answers that equal what was expected, up to space around them, by task; `all` counts every one. */
export function exactByTask(
  items: readonly { readonly task: string; readonly answer: string }[],
  answers: readonly string[],
): Record<string, Exact> {
  const scores: Record<string, { count: number; right: number }> = { all: { count: 0, right: 0 } };
  items.forEach(({ task, answer }, i) => {
    const right = answers[i]!.trim() === answer.trim();
    scores[task] ??= { count: 0, right: 0 };
    for (const score of [scores.all!, scores[task]!]) {
      score.count++;
      if (right) score.right++;
    }
  });
  return scores;
}

/** Whether a text goes on with a word: the whole word, whatever follows. */
export function goesOnWith(text: string, word: string): boolean {
  const said = text.trimStart();
  return said.startsWith(word) && !/^[\p{L}\d]/u.test(said.slice(word.length));
}

/** Stories, each with the beginning that it was given; cut behind their last whole sentence. Fewer than three sentences are a fault. */
export function coherenceOf(beginnings: readonly string[], stories: readonly string[]): Coherence {
  const faults: Record<string, number> = {};
  let [coherent, repeating] = [0, 0];
  stories.forEach((story, i) => {
    const whole = wholeSentences([beginnings[i], story.trim()].filter(Boolean).join("\n\n"));
    const told = sentencesOf(whole).length - sentencesOf(beginnings[i]!).length;
    const short = told < MIN_SENTENCES ? [{ rule: "tells something", found: whole }] : [];
    const found = [...faultsOf(whole), ...short];
    if (found.length === 0) coherent++;
    for (const { rule } of found) faults[rule] = (faults[rule] ?? 0) + 1;
    if (found.some(({ rule }) => rule === "no sentence twice")) repeating++;
  });
  return { count: stories.length, coherent, repeating, faults };
}
