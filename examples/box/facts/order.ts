/** Facts about what comes in order: days, months, seasons, numbers, letters; and forms of words. Data only. */
import { pairs, type Relation } from "./relation.ts";

export const DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
export const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
const SEASONS = ["spring", "summer", "autumn", "winter"];
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".split("");
const NUMBERS =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(
    " ",
  );
const ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** 0 to 99 in words: `forty-two`. */
export function numberWord(value: number): string {
  if (value <= 20) return NUMBERS[value]!;
  const [tens, ones] = [TENS[Math.floor(value / 10) - 2]!, value % 10];
  return ones === 0 ? tens : `${tens}-${NUMBERS[ones]}`;
}

/** Neighbours of a list that goes round, or ends. */
function next(list: readonly string[], round: boolean): [string, string][] {
  return list.slice(0, round ? undefined : -1).map((each, i) => [each, list[(i + 1) % list.length]!]);
}

const back = (list: readonly [string, string][]) => list.map(([a, b]): [string, string] => [b, a]);

const AFTER = {
  told: {
    train: ["After {a} comes {b}.", "{a} is followed by {b}.", "{b} comes after {a}.", "First {a}, then {b}.", "When {a} is over, {b} begins.", "Right after {a} we say {b}."],
    test: ["Next after {a} is {b}.", "{a} goes first and then follows {b}."],
  },
  asked: {
    train: ["What comes after {a}?", "What follows {a}?", "What is next after {a}?", "Which one comes after {a}?", "Tell me what comes after {a}.", "After {a} comes what?", "{a}, and then?"],
    test: ["What do we have after {a}?", "Can you tell me what comes after {a}?"],
  },
  answer: "After {a} comes {b}.",
}; // biome-ignore format: tables
const BEFORE = {
  told: {
    train: ["Before {a} comes {b}.", "{b} comes before {a}.", "Just before {a} there is {b}.", "{b} is right before {a}.", "{a} comes only after {b} has been."],
    test: ["What goes before {a} is {b}.", "One step back from {a} is {b}."],
  },
  asked: {
    train: ["What comes before {a}?", "What is before {a}?", "Which one comes before {a}?", "Tell me what comes before {a}.", "Before {a} comes what?", "What is right before {a}?"],
    test: ["What do we have before {a}?", "Can you tell me what comes before {a}?"],
  },
  answer: "Before {a} comes {b}.",
}; // biome-ignore format: tables

const [DAY, MONTH, LETTER] = [next(DAYS, true), next(MONTHS, true), next(LETTERS, false)];
const COUNTED = next(Array.from({ length: 40 }, (_, i) => numberWord(i + 1)), false); // biome-ignore format: one line

export const ORDER_RELATIONS: readonly Relation[] = [
  { name: "after", pairs: [...DAY, ...MONTH, ...next(SEASONS, true), ...COUNTED, ...LETTER], ...AFTER },
  { name: "before", pairs: back([...DAY, ...MONTH, ...next(SEASONS, true), ...COUNTED, ...LETTER]), ...BEFORE },
  {
    name: "month's place",
    pairs: MONTHS.map((month, i) => [month, ORDINALS[i]!]),
    told: {
      train: ["{a} is the {b} month of the year.", "The {b} month of the year is {a}.", "In the year, {a} is the {b} month.", "Of the twelve months, {a} is the {b}.", "{a} has its place in the year: it is the {b} month."],
      test: ["If you count the months, {a} is the {b}.", "The month of {a} comes as the {b} one in the year."],
    },
    asked: {
      train: ["Which month of the year is {a}?", "What place does {a} have in the year?", "Is {a} the first or the last month?", "Tell me the place of {a} in the year.", "Which of the twelve months is {a}?", "What number is the month of {a}?"],
      test: ["Which place among the months has {a}?", "Where in the list of months is {a}?"],
    },
    answer: "{a} is the {b} month of the year.",
  },
  {
    name: "month's season",
    pairs: pairs("January: winter, February: winter, April: spring, May: spring, July: summer, August: summer, October: autumn, November: autumn"),
    told: {
      train: ["{a} is a month in {b}.", "The month of {a} is in {b}.", "In {a} it is {b}.", "{b} is the season of {a}.", "When it is {a}, it is {b}.", "The season in {a} is {b}."],
      test: ["{a} belongs to {b}.", "If today is a day in {a}, the season is {b}."],
    },
    asked: {
      train: ["In which season is {a}?", "What season is it in {a}?", "Which season does {a} belong to?", "Tell me the season of {a}.", "Is {a} in summer or in winter or in between?", "When it is {a}, which season is it?"],
      test: ["What is the season in {a}?", "To which season does {a} belong?"],
    },
    answer: "In {a} it is {b}.",
  },
  {
    name: "digits",
    pairs: Array.from({ length: 100 }, (_, i) => [numberWord(i), String(i)]),
    told: {
      train: ["The number {a} is written {b}.", "{a} is {b}.", "In digits, {a} is {b}.", "We write {a} as {b}.", "{b} is the number {a}.", "The word {a} means {b}."],
      test: ["To write {a} in digits, write {b}.", "The digits of {a} are {b}."],
    },
    asked: {
      train: ["How do you write {a} in digits?", "Write {a} in digits.", "Which number is {a}?", "What is {a} as a number?", "Write the number {a} with digits.", "Give me {a} in digits."],
      test: ["How is {a} written in digits?", "Please write {a} as digits."],
    },
    answer: "{a} is {b}.",
    back: {
      asked: {
        train: ["How do you write {b} in words?", "Write {b} in words.", "Write the number {b} with words.", "Give me {b} in words.", "What is {b} in words?"],
        test: ["How is {b} written in words?", "Please write {b} as words."],
      },
      answer: "{b} is {a}.",
    },
  },
  {
    name: "plural",
    pairs: pairs("cat: cats, dog: dogs, mouse: mice, child: children, foot: feet, tooth: teeth, man: men, woman: women, goose: geese, sheep: sheep, fish: fish, leaf: leaves, knife: knives, wolf: wolves, box: boxes, bus: buses, baby: babies, story: stories, city: cities, berry: berries, house: houses, tree: trees, apple: apples, book: books, watch: watches, dish: dishes, shelf: shelves, loaf: loaves, ox: oxen, person: people, tomato: tomatoes, potato: potatoes, half: halves, fox: foxes, bird: birds, flower: flowers, key: keys, boy: boys, day: days, party: parties"),
    told: {
      train: ["The plural of {a} is {b}.", "One {a}, two {b}.", "One is called {a}, many are called {b}.", "If there is more than one {a}, we say {b}.", "{b} is the plural of {a}.", "With more than one, {a} becomes {b}."],
      test: ["For more than one {a} the word is {b}.", "There is one {a}; there are many {b}."],
    },
    asked: {
      train: ["What is the plural of {a}?", "Tell me the plural of {a}.", "One {a}, two what?", "What do you call more than one {a}?", "Give me the plural of {a}.", "Write the plural of {a}."],
      test: ["Which word is the plural of {a}?", "What is the word for more than one {a}?"],
    },
    answer: "The plural of {a} is {b}.",
  },
  {
    name: "past",
    pairs: pairs("go: went, see: saw, run: ran, eat: ate, sing: sang, sleep: slept, write: wrote, give: gave, take: took, come: came, find: found, lose: lost, buy: bought, bring: brought, think: thought, know: knew, grow: grew, fly: flew, fall: fell, make: made, say: said, tell: told, keep: kept, build: built, sit: sat, stand: stood, swim: swam, drink: drank, begin: began, play: played, walk: walked, jump: jumped, help: helped, look: looked, cry: cried, carry: carried, stop: stopped, live: lived, dance: danced, win: won, catch: caught, hide: hid, break: broke, speak: spoke, draw: drew"),
    told: {
      train: ["The past of {a} is {b}.", "Today I {a}, yesterday I {b}.", "Today they {a}; last week they {b}.", "{b} is the past of {a}.", "If it happened yesterday, {a} turns into {b}.", "We {a} now, and once we {b}."],
      test: ["In the past, {a} is {b}.", "What we {a} today we {b} long ago."],
    },
    asked: {
      train: ["What is the past of {a}?", "Tell me the past of {a}.", "Today I {a}. What did I do yesterday?", "Give me the past of the word {a}.", "Write the past of {a}.", "What is {a} in the past?"],
      test: ["Which word is the past of {a}?", "How do you say {a} in the past?"],
    },
    answer: "The past of {a} is {b}.",
  },
]; // biome-ignore format: tables
