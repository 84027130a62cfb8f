/** Chats, pairs and tests as records of JSON lines. Knows no files. */
import { type Dice, dice } from "./dice.ts";
import { documents, exchanges } from "./documents/document.ts";
import { RELATIONS } from "./facts/all.ts";
import { CORRUPTIONS } from "./story/corrupt.ts";
import { QUESTS, tellStory } from "./story/tell.ts";
import type { Exchange } from "./tasks/exchange.ts";
import { say } from "./template.ts";

/** A message of a chat. */
export type Message = {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
};

/** A record of `ownlm tune --objective dpo`. */
export interface Pair {
  readonly prompt: readonly Message[];
  readonly chosen: readonly Message[];
  readonly rejected: readonly Message[];
}

/** A question of the test and its one right answer. */
export interface TestItem {
  readonly task: string;
  readonly messages: readonly Message[];
  readonly answer: string;
}

/** A beginning of a sentence and the word that ends it. */
export interface Cloze {
  readonly task: string;
  readonly prompt: string;
  readonly answer: string;
}

/** A story to be told or continued: its rules are in `story/rules.ts`. */
export interface StoryPrompt {
  readonly task: string;
  readonly messages: readonly Message[];
  /** What the story begins with; it is judged together with the answer. */
  readonly beginning: string;
}

/** A whole chat. */
export function messagesOf({ system, turns }: Exchange): Message[] {
  const said = turns.flatMap(({ user, assistant }): Message[] => [
    { role: "user", content: user },
    { role: "assistant", content: assistant },
  ]);
  return system === undefined ? said : [{ role: "system", content: system }, ...said];
}

/** Chats to learn from, no two alike. */
export function* chatRecords(seed: number): Generator<{ messages: Message[] }> {
  for (const exchange of exchanges(seed, "train")) yield { messages: messagesOf(exchange) };
}

/** A right answer and one that is wrong: of closed tasks, and of stories with one fault. */
export function* pairRecords(seed: number): Generator<Pair> {
  const random = dice(seed, "box faults");
  for (const exchange of exchanges(seed, "train", "pairs")) {
    const { wrong } = exchange;
    if (wrong !== undefined) yield pairOf(exchange, wrong);
    if (exchange.task === "story") yield storyPair(exchange.turns[0]!.user, random);
  }
}

function pairOf(exchange: Exchange, wrong: string): Pair {
  const messages = messagesOf(exchange);
  const [prompt, chosen] = [messages.slice(0, -1), messages.slice(-1)];
  return { prompt, chosen, rejected: [{ role: "assistant", content: wrong }] };
}

function storyPair(asked: string, random: Dice): Pair {
  for (;;) {
    const story = tellStory(random);
    const broken = random.pick(Object.values(CORRUPTIONS))(story, random);
    if (broken === undefined || broken === story.text) continue;
    const answer = (content: string): Message[] => [{ role: "assistant", content }];
    const user = asked.replace(/(?:about) .*?(?=[.?,]|$)/, () => `about ${story.names[0]}`);
    return { prompt: [{ role: "user", content: user }], chosen: answer(story.text), rejected: answer(broken) };
  }
}

/** Every fact, asked in one of the phrasings that no text to train on has. */
export function factTests(seed: number): TestItem[] {
  const random = dice(seed, "box fact tests");
  return RELATIONS.flatMap(({ name, pairs, asked, answer }) =>
    pairs.map(([a, b]) => ({
      task: `fact: ${name}`,
      messages: [{ role: "user" as const, content: say(random.pick(asked.test), { a, b }, random) }],
      answer: say(answer, { a, b }, random),
    })),
  );
}

/** Every fact whose held-out phrasing ends in the answer, as a beginning and its end: for a model that knows no chats. */
export function clozeTests(seed: number): Cloze[] {
  const random = dice(seed, "box cloze tests");
  return RELATIONS.flatMap(({ name, pairs, told }) => {
    const ends = told.test.filter((phrasing) => phrasing.endsWith(" {b}."));
    return ends.length === 0 ? [] : pairs.map(([a, b]) => ({ task: `fact: ${name}`, prompt: say(random.pick(ends).slice(0, -5), { a, b }, random), answer: b }));
  });
} // biome-ignore format: one line

/** Closed tasks in held-out phrasings and names, no two alike. */
export function taskTests(seed: number, count: number): TestItem[] {
  const items: TestItem[] = [];
  for (const exchange of exchanges(seed, "test", "tests")) {
    if (exchange.open || exchange.task === "fact") continue;
    const messages = messagesOf(exchange);
    items.push({ task: exchange.task, messages: messages.slice(0, -1), answer: messages.at(-1)!.content });
    if (items.length >= count) return items;
  }
  return items;
}

/** Stories to be told, of every quest alike: requests, and beginnings of one paragraph. */
export function storyTests(seed: number, count: number): StoryPrompt[] {
  const random = dice(seed, "box story tests");
  return Array.from({ length: count }, (_, i) => {
    const { slots, paragraphs } = tellStory(random, "test", QUESTS[i % QUESTS.length]);
    const beginning = i % 2 === 0 ? "" : paragraphs[0]!;
    const request = beginning ? `Please continue the story that begins like this: ${beginning}` : say("[Please tell us a story with {a kind} named {hero} in it.|Would you write a little story about {hero}?]", slots, random); // biome-ignore format: one line
    return { task: beginning ? "continue" : "story", messages: [{ role: "user", content: request }], beginning };
  });
}

/** Documents of the test split: held-out names, phrasings and sums. */
export function testTexts(seed: number, count: number): { text: string }[] {
  const texts: { text: string }[] = [];
  for (const { text } of documents(seed, "test")) {
    texts.push({ text });
    if (texts.length >= count) break;
  }
  return texts;
}
