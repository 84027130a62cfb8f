/** One document to learn language from: its kind by weight, and never two alike in a row of them. */
import { type Dice, dice, fingerprint } from "../dice.ts";
import type { Story } from "../story/quest.ts";
import { type Split, tellStory } from "../story/tell.ts";
import { anyExchange } from "../tasks/all.ts";
import type { Exchange } from "../tasks/exchange.ts";
import { portrait } from "../tasks/reading.ts";
import { factPage, profiles, questions, sums } from "./facts.ts";
import { poem } from "./rhymes.ts";
import { howTo, letter, room } from "./scenes.ts";

/** A text and what kind it is. */
export interface BoxDocument {
  readonly kind: string;
  readonly text: string;
}

type Maker = (random: Dice, split: Split) => string;

/** Kinds by how often they come up. */
export const KINDS: readonly (readonly [weight: number, kind: string, make: Maker])[] = [
  [38, "story", (random, split) => storyPage(tellStory(random, split), random)],
  [6, "story and questions", storyAndQuestions],
  [12, "facts", factPage],
  [5, "profiles", profiles],
  [9, "questions", questions],
  [6, "sums", sums],
  [3, "poem", (random) => poem(random)],
  [4, "description", describe],
  [3, "letter", letter],
  [2, "how to", howTo],
  [12, "dialogue", (random, split) => dialogue(anyExchange(random, split), random)],
];

const WEIGHTED = KINDS.flatMap(([weight, kind, make]) => Array<readonly [string, Maker]>(weight).fill([kind, make]));

/** A document of any kind. */
export function anyDocument(random: Dice, split: Split): BoxDocument {
  const [kind, make] = random.pick(WEIGHTED);
  return { kind, text: make(random, split) };
}

/** Documents without end, no two alike; equal seeds give equal ones. Holds eight bytes or so for each. */
export function* documents(seed: number, split: Split): Generator<BoxDocument> {
  const random = dice(seed, `box ${split} documents`);
  yield* different(() => anyDocument(random, split), ({ text }) => text);
} // biome-ignore format: one line

/** Chats without end, no two alike; equal seeds and streams give equal ones. */
export function* exchanges(seed: number, split: Split, stream = "chats"): Generator<Exchange> {
  const random = dice(seed, `box ${split} ${stream}`);
  yield* different(() => anyExchange(random, split), keyOf);
}

/** What makes two chats alike: everything that was said. */
export function keyOf({ system = "", turns }: Exchange): string {
  return [system, ...turns.flatMap(({ user, assistant }) => [user, assistant])].join("\n");
}

/** Sets of V8 end at 2^24 entries. */
const MAX_KEYS = 2 ** 24 - 1;

function* different<T>(make: () => T, key: (value: T) => string): Generator<T> {
  const seen = [new Set<number>()];
  for (;;) {
    const value = make();
    const print = fingerprint(key(value));
    if (seen.some((prints) => prints.has(print))) continue;
    if (seen.at(-1)!.size >= MAX_KEYS) seen.push(new Set());
    seen.at(-1)!.add(print);
    yield value;
  }
}

function storyPage({ title, text, lesson, summary }: Story, random: Dice): string {
  const head = random.pick(["", "", `${title}\n\n`, `${title}\n\n`, `Title: ${title}\n\n`]);
  const tail = random.pick([
    "",
    "",
    "",
    `\n\nMoral: ${lesson}`,
    `\n\n${lesson}`,
    `\n\nSummary: ${summary}`,
    "\n\nThe end.",
  ]);
  return `${head}${text}${tail}`;
}

function storyAndQuestions(random: Dice, split: Split): string {
  const { text, questions: asked } = tellStory(random, split);
  const chosen = random.some(asked, random.between(2, asked.length));
  return `${text}\n\n${withAnswers(chosen.map(([question, sentence]) => [question, sentence]), random)}`;
} // biome-ignore format: one line

function describe(random: Dice, split: Split): string {
  const { text, questions: asked } = random.chance(0.6) ? portrait(random, split) : room(random);
  return `${text}\n\n${withAnswers(random.some(asked, random.between(1, 3)), random)}`;
}

function withAnswers(pairs: readonly (readonly [string, string])[], random: Dice): string {
  const [q, a] = random.pick([["Question: ", "Answer: "], ["", ""], ["Q: ", "A: "]] as const);
  return pairs.map(([question, answer]) => `${q}${question}\n${a}${answer}`).join("\n");
} // biome-ignore format: one line

const SPEAKERS: readonly (readonly [string, string])[] = [["User", "Assistant"], ["Question", "Answer"], ["You", "Me"], ["Child", "Teacher"]]; // biome-ignore format: one line

function dialogue({ system, turns }: Exchange, random: Dice): string {
  const [user, assistant] = random.pick(SPEAKERS);
  const lines = turns.map((turn) => `${user}: ${turn.user}\n${assistant}: ${turn.assistant}`);
  return [...(system ? [`System: ${system}`] : []), ...lines].join("\n");
}
