/** Small instructions on words: which of these, odd one out, sort, rhyme, count, first and last, capitals, sentiment. */
import type { Dice } from "../dice.ts";
import { numberWord } from "../facts/order.ts";
import type { Phrasings } from "../facts/relation.ts";
import type { Split } from "../story/tell.ts";
import { capital, listed, say } from "../template.ts";
import { ask, type Exchange, other, single } from "./exchange.ts";
import { CATEGORIES, RHYMES } from "./lists.ts";
import { SENTIMENTS } from "./sentiments.ts";

const P: Readonly<Record<string, Phrasings>> = {
  which: {
    train: ["Which of these is {what}: {list}?", "Which of these words is {what}? {list}", "One of these is {what}: {list}. Which one?", "{list}: which of these is {what}?", "Find {what} in this list: {list}.", "Pick {what}: {list}", "Choose the word that is {what}: {list}."],
    test: ["Which one of these words is {what}: {list}?", "Look at this list and find {what}: {list}", "In this list there is {what}. Which word is it? {list}"],
  },
  odd: {
    train: ["Which word does not belong: {list}?", "Find the odd one out: {list}.", "One word does not fit: {list}. Which one?", "Which of these is different from the others: {list}?", "Odd one out: {list}", "{list}: which one does not belong?"],
    test: ["Which of these words does not fit with the others: {list}?", "There is a word here that does not belong. Which? {list}"],
  },
  big: {
    train: ["Which number is the {biggest}: {list}?", "Find the {biggest} number: {list}.", "{list}: which is the {biggest} number?", "What is the {biggest} of these numbers: {list}?", "Pick the {biggest} number from {list}."],
    test: ["Tell me the {biggest} of these: {list}", "Which one of these numbers is the {biggest}? {list}"],
  },
  sort: {
    train: ["Sort these words by the alphabet: {list}.", "Put these words in alphabetical order: {list}", "Sort the words: {list}", "Write these words in the order of the alphabet: {list}.", "Alphabetical order, please: {list}"],
    test: ["Please sort the following words from A to Z: {list}", "From A to Z, in which order are these words: {list}?"],
  },
  order: {
    train: ["Sort these numbers from small to big: {list}.", "Put these numbers in order: {list}", "Order these numbers: {list}.", "Write these numbers from the smallest to the biggest: {list}", "Sort the numbers {list}."],
    test: ["Begin with the smallest and sort these numbers: {list}", "Please put in order, small ones first: {list}"],
  },
  rhyme: {
    train: ["Which word rhymes with {word}: {list}?", "{word} rhymes with one of these: {list}. Which one?", "Find the rhyme for {word}: {list}.", "Which of these rhymes with {word}? {list}", "What rhymes with {word}: {list}?"],
    test: ["I need a rhyme for {word}. Which of these fits: {list}?", "Pick the word that rhymes with {word}: {list}"],
  },
  count: {
    train: ["How many words are in this list: {list}?", "Count the words: {list}.", "How many words are these: {list}?", "{list}: how many words is that?", "Count these words: {list}"],
    test: ["What is the number of words in this list: {list}?", "Can you count the words here? {list}"],
  },
  last: {
    train: ["What is the {end} word of this list: {list}?", "Which word comes {end}: {list}?", "Tell me the {end} word: {list}.", "Give me the {end} of these words: {list}", "{list}: which is the {end} word?"],
    test: ["Which is the {end} word in this row: {list}?", "Look at these words and say the {end} one: {list}"],
  },
  upper: {
    train: ["Write {word} in capital letters.", "Put {word} in capitals.", "Write the word {word} in big letters.", "Turn {word} into capital letters.", "{word} in capital letters, please."],
    test: ["How does {word} look in capital letters?", "Please write {word} with capital letters only."],
  },
  feeling: {
    train: ["Is this positive or negative? {text}", "Positive or negative: {text}", "What is the sentiment of this sentence? {text}", "Does this sound positive or negative? {text}", "Sentiment: {text}", "Tell me if this is positive or negative: {text}", "Read this and say positive or negative. {text}"],
    test: ["Would you call this positive or negative? {text}", "Decide whether this sentence is positive or negative: {text}"],
  },
}; // biome-ignore format: tables
export const ALL_WORDS = Object.values(P);

const NAMES = Object.keys(CATEGORIES);

/** One of four words is of a kind. */
export function whichTask(random: Dice, split: Split): Exchange {
  const [what, ...others] = random.some(NAMES, random.between(3, 4));
  const right = random.pick(CATEGORIES[what!]!);
  const list = random.some([right, ...others.map((name) => random.pick(CATEGORIES[name]!))], 4);
  return single("which of these", ask(P.which!, { what: what!, list: list.join(", ") }, random, split), `${capital(right)}.`, `${capital(other(list, right, random)!)}.`);
} // biome-ignore format: one line

/** All words but one are of a kind. */
export function oddTask(random: Dice, split: Split): Exchange {
  const [what, strange] = random.some(NAMES, 2);
  const odd = random.pick(CATEGORIES[strange!]!);
  const list = random.some([odd, ...random.some(CATEGORIES[what!]!, 3)], 4);
  return single("odd one out", ask(P.odd!, { list: list.join(", ") }, random, split), `${capital(odd)}.`, `${capital(other(list, odd, random)!)}.`);
} // biome-ignore format: one line

/** The biggest or smallest of some numbers. */
export function numberTask(random: Dice, split: Split): Exchange {
  const numbers = different(random, random.between(3, 5), 100);
  if (random.chance(0.5)) {
    const sorted = numbers.toSorted((a, b) => a - b);
    const wrong = random.chance(0.5) ? sorted.toReversed() : numbers;
    const asked = ask(P.order!, { list: numbers.join(", ") }, random, split);
    return single("sort numbers", asked, `${sorted.join(", ")}.`, wrong.join() === sorted.join() ? undefined : `${wrong.join(", ")}.`);
  }
  const biggest = random.chance(0.5);
  const right = biggest ? Math.max(...numbers) : Math.min(...numbers);
  const asked = ask(P.big!, { list: numbers.join(", "), biggest: biggest ? "[biggest|largest]" : "smallest" }, random, split);
  return single("biggest number", asked, `${right}.`, `${other(numbers, right, random)}.`);
} // biome-ignore format: one line

function different(random: Dice, count: number, below: number): number[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(random.below(below));
  return [...numbers];
}

const ORDINARY = Object.values(CATEGORIES).flat().filter((word) => /^[a-z]+$/.test(word)); // biome-ignore format: one line

/** Words sorted by the alphabet, counted, or one of them by its place. */
export function listTask(random: Dice, split: Split): Exchange {
  const list = random.some(ORDINARY, random.between(3, 6));
  const slots = { list: list.join(", ") };
  const way = random.below(3);
  if (way === 0) {
    const sorted = list.toSorted();
    return single("sort words", ask(P.sort!, slots, random, split), `${capital(sorted.join(", "))}.`, `${capital(sorted.toReversed().join(", "))}.`);
  }
  if (way === 1) {
    const [right, wrong] = [list.length, list.length + random.pick([-1, 1])].map((n) => capital(numberWord(n)));
    return single("count words", ask(P.count!, slots, random, split), `${right} words.`, `${wrong} words.`);
  }
  const end = random.pick(["first", "second", "last"] as const);
  const right = list.at({ first: 0, second: 1, last: -1 }[end])!;
  const asked = ask(P.last!, { ...slots, end }, random, split);
  return single("word by place", asked, `${capital(right)}.`, `${capital(other(list, right, random)!)}.`);
} // biome-ignore format: long lines

/** A rhyme among words that do not rhyme. */
export function rhymeTask(random: Dice, split: Split): Exchange {
  const [group, ...others] = random.some(RHYMES, 4);
  const [word, right] = random.some(group!, 2);
  const list = random.some([right!, ...others.map((words) => random.pick(words))], 4);
  return single("rhyme", ask(P.rhyme!, { word: word!, list: list.join(", ") }, random, split), `${capital(word!)} rhymes with ${right}.`, `${capital(word!)} rhymes with ${other(list, right!, random)}.`);
} // biome-ignore format: one line

/** A word in capital letters. */
export function upperTask(random: Dice, split: Split): Exchange {
  const word = random.pick(ORDINARY);
  return single("capitals", ask(P.upper!, { word }, random, split), word.toUpperCase(), word);
}

/** Whether a sentence is glad or not. */
export function feelingTask(random: Dice, split: Split): Exchange {
  const good = random.chance(0.5);
  const { subjects, good: gladly, bad, frames } = random.pick(SENTIMENTS);
  const slots = { subject: random.pick(subjects), word: listed(random.some(good ? gladly : bad, random.between(1, 2))) };
  const text = say(random.pick(frames), slots, random);
  const [right, wrong] = good ? ["Positive.", "Negative."] : ["Negative.", "Positive."];
  return single("sentiment", ask(P.feeling!, { text }, random, split), right!, wrong!);
} // biome-ignore format: one line
