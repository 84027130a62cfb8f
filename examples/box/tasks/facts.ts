/** Questions about facts: answered by a sentence, or by a word where that is wanted. */
import type { Dice } from "../dice.ts";
import { anyRelation, askFact } from "../facts/all.ts";
import type { Phrasings } from "../facts/relation.ts";
import type { Split } from "../story/tell.ts";
import { say } from "../template.ts";
import { type Exchange, single } from "./exchange.ts";

/** Around a question that wants a word. */
const BRIEFLY: Phrasings = {
  train: [
    "{q} Answer in one word.",
    "{q} Answer briefly.",
    "Answer in one word: {q}",
    "In one word: {q}",
    "{q} One word, please.",
    "{q} Give only the answer.",
    "Short answer, please. {q}",
    "Be brief. {q}",
    "{q} Only the answer.",
    "{q} Say only the answer.",
  ],
  test: ["{q} Answer with one word.", "Give me a short answer. {q}", "{q} Just the answer, please."],
};
/** Around a question that wants a whole answer. */
const FRAMES: Phrasings = {
  train: [
    "I have a question. {q}",
    "Please help me. {q}",
    "{q} I want to know.",
    "{q} Please tell me.",
    "Hello! {q}",
    "Hi. {q}",
    "Quick question: {q}",
    "{q} Thank you!",
    "I wonder: {q}",
    "My child asks: {q}",
    "Here is my question: {q}",
    "{q} Do you know?",
  ],
  test: ["There is something I would like to know. {q}", "{q} Can you help me with that?", "Let me ask you this: {q}"],
};
const BRIEF_SYSTEMS: Phrasings = {
  train: [
    "Answer in one word.",
    "You answer briefly.",
    "Give short answers.",
    "Be brief.",
    "You are an assistant of few words. Give only the answer.",
    "Only the answer, nothing else.",
  ],
  test: ["Always give the shortest answer.", "Answer every question in one word."],
};
const WHOLE_SYSTEMS: Phrasings = {
  train: ["You are a helpful assistant.", "You answer questions.", "Answer in whole sentences.", "You are a friendly teacher.", "You are a small language model that knows simple facts.", "Help the user.", "Give a true answer."],
  test: ["You are a kind helper.", "Please answer with a full sentence."],
}; // biome-ignore format: tables

/** A fact asked for in any of its phrasings. */
export function factTask(random: Dice, split: Split): Exchange {
  const asked = askFact(anyRelation(random), random, split);
  const way = random.below(10);
  const { phrasing, question, sentence, short, wrong } = asked;
  const framed = random.chance(0.4) ? say(random.pick(FRAMES[split]), { q: question }, random) : question;
  if (way < 5) return single("fact", { phrasing, text: framed }, sentence, wrong.sentence);
  if (way < 7) {
    const text = say(random.pick(fitting(BRIEFLY[split], short)), { q: question }, random);
    return single("fact, briefly", { phrasing, text }, short, wrong.short);
  }
  const brief = way === 7;
  const system = random.pick(brief ? fitting(BRIEF_SYSTEMS[split], short) : WHOLE_SYSTEMS[split]);
  const [right, lie] = brief ? [short, wrong.short] : [sentence, wrong.sentence];
  return { ...single(brief ? "fact, briefly" : "fact", { phrasing, text: question }, right, lie), system };
}

/** Nobody is asked for one word where the answer has two. */
function fitting(phrasings: readonly string[], short: string): readonly string[] {
  return short.includes(" ") ? phrasings.filter((phrasing) => !/\bword\b/i.test(phrasing)) : phrasings;
}

export const ALL_BRIEF = [BRIEFLY, FRAMES, BRIEF_SYSTEMS, WHOLE_SYSTEMS];
