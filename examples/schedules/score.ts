/** How many answers of a model are the expected expression: `node dist/examples/schedules/score.js MODEL TEST.jsonl`. */
import fs from "node:fs";
import process from "node:process";
import { AutoModelForCausalLM, AutoTokenizer } from "../../src/index.ts"; // in your own program: from "ownlm"
import { isCron } from "./schedule.ts";

/** Answers that are right, and those that are an expression at all. */
export interface ExactMatch {
  readonly count: number;
  readonly correct: number;
  readonly valid: number;
}

/** A prompt and what should follow it. */
export interface Expected {
  readonly prompt: string;
  readonly completion: string;
}

/** Compares answers with what was expected, without the space around them. */
export function exactMatch(expected: readonly Expected[], answers: readonly string[]): ExactMatch {
  const correct = expected.filter(({ completion }, i) => answers[i]!.trim() === completion.trim()).length;
  return { count: expected.length, correct, valid: answers.filter((answer) => isCron(answer.trim())).length };
}

/** The longest expression has fewer tokens. */
const MAX_NEW_TOKENS = 32;

/** A model's most probable answers. `model`: its folder. */
export async function answersOf(model: string, prompts: readonly string[]): Promise<string[]> {
  using opened = await AutoModelForCausalLM.fromPretrained(model);
  const tokenizer = await AutoTokenizer.fromPretrained(model);
  const answers: string[] = [];
  for (const prompt of prompts) {
    const { text } = await opened.generate(tokenizer.encode(prompt), { maxNewTokens: MAX_NEW_TOKENS, temperature: 0 });
    answers.push(text);
  }
  return answers;
}

/** Reads prompts and completions, a record a line. */
export function readExpected(file: string): Expected[] {
  const lines = fs.readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Expected);
}

/** Scores a model on a file. */
export async function scoreModel(model: string, file: string): Promise<ExactMatch> {
  const expected = readExpected(file);
  return exactMatch(expected, await answersOf(model, expected.map(({ prompt }) => prompt))); // biome-ignore format: one line
}

if (import.meta.filename === process.argv[1]) {
  const [model, file] = process.argv.slice(2);
  if (!model || !file) throw new Error("expected a model's folder and a file of prompts and completions");
  const { count, correct, valid } = await scoreModel(model, file);
  const share = (part: number) => `${((100 * part) / count).toFixed(1)} %`;
  process.stdout.write(`${correct} of ${count} exact (${share(correct)}), ${valid} valid cron (${share(valid)})\n`);
}
