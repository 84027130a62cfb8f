/** Pages of facts: mixed, of one table, of one thing, as questions and answers; pages of sums and of counting. */
import type { Dice } from "../dice.ts";
import { anyRelation, askFact, RELATIONS, tellFact } from "../facts/all.ts";
import { numberWord } from "../facts/order.ts";
import type { Split } from "../story/tell.ts";
import { anySum, sumStoryTask, sumTask, written } from "../tasks/sums.ts";

/** Facts of two or three tables. */
export function factPage(random: Dice, split: Split): string {
  const relations = Array.from({ length: random.between(1, 3) }, () => anyRelation(random));
  const sentences = new Set<string>();
  for (const relation of relations)
    for (const pair of random.some(relation.pairs, random.between(2, 5)))
      sentences.add(tellFact(relation, pair, random, split));
  return [...sentences].join(random.pick([" ", "\n"]));
}

/** What is known of a subject, such as a country or an animal. */
const ABOUT = new Map<string, { relation: (typeof RELATIONS)[number]; pair: readonly [string, string] }[]>();
for (const relation of RELATIONS)
  for (const pair of relation.pairs) ABOUT.set(pair[0], [...(ABOUT.get(pair[0]) ?? []), { relation, pair }]);
const KNOWN = [...ABOUT.values()].filter((facts) => facts.length >= 3);

/** Everything about one thing after the other. */
export function profiles(random: Dice, split: Split): string {
  return random
    .some(KNOWN, random.between(2, 3))
    .map((facts) =>
      random
        .some(facts, facts.length)
        .map(({ relation, pair }) => tellFact(relation, pair, random, split))
        .join(" "),
    )
    .join("\n\n");
}

const MARKS: readonly (readonly [question: string, answer: string])[] = [
  ["Q: ", "A: "],
  ["Question: ", "Answer: "],
  ["", ""],
  ["- ", "- "],
];

/** Questions with their answers. */
export function questions(random: Dice, split: Split): string {
  const [q, a] = random.pick(MARKS);
  const short = random.chance(0.3);
  return Array.from({ length: random.between(3, 7) }, () => {
    const { question, sentence, short: word } = askFact(anyRelation(random), random, split);
    return `${q}${question}\n${a}${short ? word : sentence}`;
  }).join(random.pick(["\n", "\n\n"]));
}

/** Sums in digits and in words, and little stories with a sum. */
export function sums(random: Dice, split: Split): string {
  if (random.chance(0.3)) return tables(random);
  const makers = [sumTask, sumStoryTask];
  if (random.chance(0.5)) return Array.from({ length: random.between(5, 12) }, () => written(anySum(random, split))).join("\n");
  return Array.from({ length: random.between(3, 6) }, () => random.pick(makers)(random, split).turns[0]!)
    .map(({ user, assistant }) => `${user}\n${assistant}`)
    .join("\n");
} // biome-ignore format: one line

/** Counting on and back, in digits and words, in steps. */
function tables(random: Dice): string {
  return Array.from({ length: random.between(2, 4) }, () => {
    const [step, length] = [random.pick([1, 1, 2, 3, 5, 10]), random.between(5, 9)];
    const first = random.below(100 - step * length > 0 ? 100 - step * length : 1);
    const row = Array.from({ length }, (_, i) => first + i * step).filter((value) => value < 100);
    const wordy = step === 1 && random.chance(0.5);
    const numbers = (random.chance(0.25) ? row.toReversed() : row).map((value) => (wordy ? numberWord(value) : String(value)));
    return `${random.pick(["", "Count: ", "We count: ", `${row.length} numbers: `])}${numbers.join(", ")}.`;
  }).join("\n");
} // biome-ignore format: one line
