/** A fixed set of prompts, and what a model says to them. Chooses the most probable token each time. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { TokenExample } from "../data/example-tokens.ts";
import type { Engine } from "../generate/engine.ts";
import { generateText } from "../generate/generate.ts";
import type { Host } from "../host/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { TokenSet, TuneData } from "./data.ts";
import { sequencesOf } from "./data.ts";
import type { TuneSample } from "./events.ts";
import type { RunTune } from "./options.ts";
import { type ChosenTemplate, isChat } from "./template.ts";

/** A prompt as ids, and what the data answers. */
export interface SamplePrompt {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly expected?: string;
}

/** Of a text that is learnt as a whole, so many tokens are its prompt. */
const TEXT_PROMPT = 16;

/** The first different prompts of a set, with the answers that it has for them. */
export function promptsOfSet({ tokens }: TokenSet, count: number, tokenizer: Tokenizer): SamplePrompt[] {
  const found = new Map<string, SamplePrompt>();
  for (const each of tokens) {
    if (found.size >= count) break;
    const prompt = promptOfExample(sequencesOf(each)[0]!, tokenizer);
    if (!found.has(prompt.ids.join())) found.set(prompt.ids.join(), prompt);
  }
  return [...found.values()];
}

function promptOfExample({ ids, mask }: TokenExample, tokenizer: Tokenizer): SamplePrompt {
  const first = mask.indexOf(1);
  if (first < 0) return { prompt: tokenizer.decode(ids, { skipSpecialTokens: true }), ids: [...ids] };
  if (first <= 1) {
    const head = ids.subarray(0, Math.max(1, Math.min(TEXT_PROMPT, ids.length >> 1)));
    return { prompt: tokenizer.decode(head, { skipSpecialTokens: true }), ids: [...head] };
  }
  const end = mask.indexOf(0, first);
  const answer = ids.subarray(first, end < 0 ? ids.length : end);
  const head = ids.subarray(0, first);
  return {
    prompt: tokenizer.decode(head, { skipSpecialTokens: true }),
    ids: [...head],
    expected: tokenizer.decode(answer, { skipSpecialTokens: true }).trim(),
  };
}

const MOST_BYTES = 2 ** 24;

/** Prompts of a text file, one a line; where the data are chats, each is a user's turn. Throws NOT_FOUND, BAD_DATA. */
export function promptsOfFile(
  host: Host,
  file: string,
  tokenizer: ChatTokenizer,
  chat: { readonly template: ChosenTemplate | undefined; readonly now: Date } | undefined,
): SamplePrompt[] {
  if (host.kindOf(file) !== "file") fail("NOT_FOUND", `${file}: there is no such file, expected one prompt a line`);
  if (host.fileSize(file) > MOST_BYTES) fail("BAD_DATA", `${file}: got more than ${MOST_BYTES} bytes of prompts`);
  const lines = host
    .readText(file)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  if (lines.length === 0) fail("BAD_DATA", `${file}: got no prompt, expected one a line`);
  return lines.map((prompt) => {
    if (!chat) return { prompt, ids: tokenizer.encode(prompt, { allowSpecial: true }) };
    const given = {
      addGenerationPrompt: true,
      now: chat.now,
      ...(chat.template && { template: chat.template.source }),
    };
    return { prompt, ids: tokenizer.applyChatTemplate([{ role: "user", content: prompt }], given) };
  });
}

/** What a run's model is asked before and after: `--prompts`, or the first examples that validate. Throws NOT_FOUND, BAD_DATA. */
export function promptsOf(
  host: Host,
  options: Pick<RunTune, "objective" | "prompts" | "samples">,
  data: TuneData,
  tokenizer: ChatTokenizer,
  date: string,
): readonly SamplePrompt[] {
  if (options.objective === "reward") return [];
  const set = data.validation.examples.length > 0 ? data.validation : data.train;
  if (options.prompts === undefined) return promptsOfSet(set, options.samples, tokenizer);
  const chat = set.examples.some(isChat) ? { template: data.template, now: new Date(date) } : undefined;
  return promptsOfFile(host, options.prompts, tokenizer, chat);
}

/** How prompts are answered. */
export interface AnswerOptions {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /** Asked between answers; where it says no there are no answers. */
  readonly goOn: () => Promise<boolean>;
}

/**
 * What a model says to each prompt. A prompt that leaves no room for an answer loses tokens at its beginning. `open` gives an
 * engine for so many tokens.
 */
export async function answers(
  open: (capacity: number) => Promise<Engine>,
  prompts: readonly SamplePrompt[],
  tokenizer: Tokenizer,
  maxPositions: number,
  { maxNewTokens, eosTokenIds, goOn }: AnswerOptions,
): Promise<TuneSample[] | undefined> {
  const longest = prompts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const capacity = Math.min(maxPositions, longest + maxNewTokens);
  using owner = createOwner();
  const engine = owner.own(await open(capacity));
  const made: TuneSample[] = [];
  for (const { prompt, ids, expected } of prompts) {
    if (!(await goOn())) return undefined;
    engine.truncate(0);
    const room = Math.max(1, capacity - Math.min(maxNewTokens, capacity >> 1));
    const { text } = await generateText(engine, tokenizer, ids.slice(-room), {
      temperature: 0,
      maxNewTokens,
      eosTokenIds,
    });
    made.push({ prompt, text, ...(expected !== undefined && { expected }) });
  }
  return made;
}

/** The share of answers that are the expected ones but for white space around them; undefined where nothing is expected. */
export function exactMatchOf(samples: readonly TuneSample[]): number | undefined {
  const scored = samples.filter(({ expected }) => expected !== undefined);
  if (scored.length === 0) return undefined;
  return scored.filter(({ text, expected }) => text.trim() === expected).length / scored.length;
}
