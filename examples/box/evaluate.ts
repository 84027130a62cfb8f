/**
 * Scores a model on the test files of a corpus: `node dist/examples/box/evaluate.js MODEL CORPUS [LIMIT]`. Held-out loss, facts and
 * tasks by exact match, stories by the rules at temperature 0.8. A model that knows no chats gets the cloze tests and the loss alone.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { AutoModelForCausalLM, AutoTokenizer } from "../../src/index.ts"; // in your own program: from "ownlm"
import type { Cloze, Message, StoryPrompt, TestItem } from "./records.ts";
import { type Coherence, coherenceOf, type Exact, exactByTask, goesOnWith } from "./score.ts";

/** How a model did. Bits are per byte of text. */
export interface Evaluation {
  readonly bitsPerByte: number;
  readonly cloze: Exact;
  readonly facts?: Readonly<Record<string, Exact>>;
  readonly tasks?: Readonly<Record<string, Exact>>;
  readonly stories?: Coherence;
}

/** What is scored: at most so many items of each file, chats or not. */
export interface EvaluationOptions {
  readonly limit?: number;
  readonly chats?: boolean;
}

type Model = Awaited<ReturnType<typeof AutoModelForCausalLM.fromPretrained>>;
type Tokens = Awaited<ReturnType<typeof AutoTokenizer.fromPretrained>>;
interface Opened {
  readonly model: Model;
  readonly tokenizer: Tokens;
}

const [ANSWER_TOKENS, STORY_TOKENS, CLOZE_TOKENS, ROWS] = [48, 150, 8, 8];

/** Opens a model's folder and scores it on the test files in a corpus' folder. */
export async function evaluate(folder: string, corpus: string, { limit = 500, chats = true }: EvaluationOptions = {}): Promise<Evaluation> {
  using model = await AutoModelForCausalLM.fromPretrained(folder);
  const opened = { model, tokenizer: await AutoTokenizer.fromPretrained(folder) };
  const read = <T>(name: string) => spread(lines<T>(path.join(corpus, "test", name)), limit);
  const plain = { bitsPerByte: await lossOf(opened, read<{ text: string }>("text.jsonl")), cloze: await clozeOf(opened, read<Cloze>("cloze.jsonl")) };
  if (!chats) return plain;
  const exact = async (items: TestItem[]) => exactByTask(items, await answersOf(opened, items.map(({ messages }) => messages)));
  return {
    ...plain,
    facts: await exact(read<TestItem>("facts.jsonl")),
    tasks: await exact(read<TestItem>("tasks.jsonl")),
    stories: await storiesOf(opened, read<StoryPrompt>("stories.jsonl").slice(0, 100)),
  };
} // biome-ignore format: long lines

function lines<T>(file: string): T[] {
  return readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as T);
} // biome-ignore format: one line

/** So many items, evenly from the whole list. */
function spread<T>(items: readonly T[], limit: number): T[] {
  const count = Math.min(limit, items.length);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!);
}

async function lossOf({ model, tokenizer }: Opened, texts: readonly { text: string }[]): Promise<number> {
  let [nats, bytes] = [0, 0];
  for (const { text } of texts) {
    const ids = tokenizer.encode(text);
    if (ids.length < 2) continue;
    const { logprob } = await model.score(ids);
    nats -= logprob;
    bytes += Buffer.byteLength(text);
  }
  return nats / Math.LN2 / bytes;
}

async function clozeOf(opened: Opened, items: readonly Cloze[]): Promise<Exact> {
  const ids = items.map(({ prompt }) => opened.tokenizer.encode(prompt));
  const texts = await generated(opened, ids, { maxNewTokens: CLOZE_TOKENS, temperature: 0 });
  return { count: items.length, right: items.filter(({ answer }, i) => goesOnWith(texts[i]!, answer)).length };
}

function asked({ tokenizer }: Opened, messages: readonly Message[]): number[] {
  return tokenizer.applyChatTemplate([...messages], { addGenerationPrompt: true });
}

async function answersOf(opened: Opened, chats: readonly (readonly Message[])[]): Promise<string[]> {
  return generated(opened, chats.map((messages) => asked(opened, messages)), { maxNewTokens: ANSWER_TOKENS, temperature: 0 });
} // biome-ignore format: one line

async function storiesOf(opened: Opened, prompts: readonly StoryPrompt[]): Promise<Coherence> {
  const ids = prompts.map(({ messages }) => asked(opened, messages));
  const texts = await generated(opened, ids, { maxNewTokens: STORY_TOKENS, temperature: 0.8, seed: 1 });
  return coherenceOf(prompts.map(({ beginning }) => beginning), texts);
} // biome-ignore format: one line

interface Sampling {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly seed?: number;
}

/** Several prompts at once. */
async function generated({ model }: Opened, prompts: readonly number[][], sampling: Sampling): Promise<string[]> {
  const texts: string[] = [];
  for (let i = 0; i < prompts.length; i += ROWS) {
    const { seed } = sampling;
    const row = { ...sampling, ...(seed !== undefined && { seed: seed + i }) };
    for (const { text } of await model.generate(prompts.slice(i, i + ROWS), row)) texts.push(text);
  }
  return texts;
}

/** An evaluation in some lines. */
export function shown({ bitsPerByte, cloze, facts, tasks, stories }: Evaluation): string {
  const share = (part: number, of: number) => `${part} of ${of} (${((100 * part) / Math.max(1, of)).toFixed(1)} %)`;
  const table = (scores: Readonly<Record<string, Exact>> = {}) => Object.entries(scores).map(([task, { right, count }]) => `  ${task}: ${share(right, count)}`);
  return [
    `held-out texts: ${bitsPerByte.toFixed(3)} bits a byte`,
    `sentences completed: ${share(cloze.right, cloze.count)}`,
    ...(facts ? ["facts, exactly:", ...table(facts)] : []),
    ...(tasks ? ["tasks, exactly:", ...table(tasks)] : []),
    ...(stories ? [`stories that hang together: ${share(stories.coherent, stories.count)}, ${stories.repeating} repeat a sentence`, ...Object.entries(stories.faults).map(([rule, count]) => `  ${rule}: ${count} faults`)] : []),
    "",
  ].join("\n");
} // biome-ignore format: long lines

if (import.meta.filename === process.argv[1]) {
  const [model, corpus, limit = "500"] = process.argv.slice(2);
  if (!model || !corpus) throw new Error("expected a model's folder and a corpus' folder");
  process.stdout.write(shown(await evaluate(model, corpus, { limit: Number(limit) })));
}
