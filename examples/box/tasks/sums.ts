/** Small arithmetic: sums in digits, words and little stories. One sum in ten is kept for the test. */
import { type Dice, isHeldOut } from "../dice.ts";
import { numberWord } from "../facts/order.ts";
import type { Phrasings } from "../facts/relation.ts";
import { anyName, type Split } from "../story/tell.ts";
import { FOODS } from "../story/world.ts";
import { say } from "../template.ts";
import { ask, type Exchange, single } from "./exchange.ts";

/** A sum and its result. */
export interface Sum {
  readonly a: number;
  readonly sign: "+" | "-" | "*";
  readonly b: number;
  readonly result: number;
}

const WORDS = { "+": "plus", "-": "minus", "*": "times" } as const;

/** A sum of a split: up to 30 + 30 and 60 - 30, and the table up to 12 * 12. */
export function anySum(random: Dice, split: Split, signs: readonly Sum["sign"][] = ["+", "+", "-", "-", "*"]): Sum {
  for (;;) {
    const sign = random.pick(signs);
    const [x, b] = sign === "*" ? [random.between(0, 12), random.between(0, 12)] : [random.between(0, 30), random.between(0, 30)];
    const a = sign === "-" ? x + b : x;
    if (isHeldOut(`${a} ${sign} ${b}`) !== (split === "test")) continue;
    return { a, sign, b, result: sign === "+" ? a + b : sign === "-" ? x : a * b };
  }
} // biome-ignore format: one line

/** `3 + 4 = 7`. */
export function written({ a, sign, b, result }: Sum): string {
  return `${a} ${sign} ${b} = ${result}`;
}

const ASKED: Phrasings = {
  train: [
    "What is {a} {sign} {b}?",
    "{a} {sign} {b} =",
    "How much is {a} {word} {b}?",
    "What is {a} {word} {b}?",
    "Calculate {a} {sign} {b}.",
    "{a} {word} {b}?",
    "What is {aw} {word} {bw}?",
    "How much is {aw} {word} {bw}?",
    "Tell me what {a} {sign} {b} is.",
    "What does {a} {sign} {b} make?",
    "Work out {a} {word} {b}.",
  ],
  test: [
    "Can you calculate {a} {sign} {b}?",
    "Please tell me how much {a} {word} {b} is.",
    "What do you get for {a} {sign} {b}?",
  ],
};
const MORE: Phrasings = {
  train: [
    "{name} has {a} {food}. {other} gives {name} {b} more. How many {food} does {name} have now?",
    "There are {a} {food} on the table. {name} puts {b} more on it. How many {food} are on the table?",
    "{name} picks {a} {food}, and {other} picks {b}. How many {food} do they have together?",
  ],
  test: ["{name} buys {a} {food} and then {b} more. How many {food} is that?"],
};
const FEWER: Phrasings = {
  train: [
    "{name} has {a} {food} and gives {b} of them to {other}. How many {food} are left?",
    "There were {a} {food} in the box. {name} ate {b}. How many {food} are in the box now?",
    "{name} had {a} {food}, but lost {b} of them. How many {food} does {name} still have?",
  ],
  test: ["Of {a} {food}, {name} and {other} eat {b}. How many {food} remain?"],
};
const GROUPS: Phrasings = {
  train: ["{name} has {a} bags with {b} {food} in each. How many {food} are there?", "In each of {a} boxes there are {b} {food}. How many {food} are there in all?"],
  test: ["{a} plates, and on each of them {b} {food}: how many {food} does {name} have?"],
}; // biome-ignore format: tables
export const ALL_SUMS = [ASKED, MORE, FEWER, GROUPS];

/** A bare sum. */
export function sumTask(random: Dice, split: Split): Exchange {
  const sum = anySum(random, split);
  const { a, b, sign, result } = sum;
  const slots = { a: String(a), b: String(b), sign, word: WORDS[sign], aw: numberWord(a), bw: numberWord(b) };
  const off = random.pick([-2, -1, 1, 2, 10].filter((d) => result + d >= 0));
  return single("sum", ask(ASKED, slots, random, split), `${written(sum)}.`, `${written({ ...sum, result: result + off })}.`);
} // biome-ignore format: one line

/** A sum in a little story. The answer shows the sum and then says it. */
export function sumStoryTask(random: Dice, split: Split): Exchange {
  const sign = random.pick(["+", "-", "*"] as const);
  let sum = anySum(random, split, [sign]);
  while (sum.b < 2 || sum.a < 2) sum = anySum(random, split, [sign]);
  const isHe = random.chance(0.5);
  const slots = { name: anyName(isHe, split, random), other: anyName(!isHe, split, random), food: random.pick(FOODS), a: String(sum.a), b: String(sum.b) };
  const answer = (result: number) => say(`${written({ ...sum, result })}. The answer is ${result} {food}.`, slots, random);
  const asked = ask({ "+": MORE, "-": FEWER, "*": GROUPS }[sign], slots, random, split);
  return single("sum in a story", asked, answer(sum.result), answer(sum.result + 1));
} // biome-ignore format: one line
