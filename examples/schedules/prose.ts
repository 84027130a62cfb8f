/** Plain prose about times, numbers and dates, for a base model that knows the words and not the task. Has no cron. */
import { sayTime } from "./phrases.ts";
import { clock24, DAYS, type Dice, dice, MONTHS, numberWord, ordinal, ordinalWord, partOfDay, readTime, spokenTime } from "./words.ts"; // biome-ignore format: one line

const WHO = [
  "The baker",
  "Our neighbour",
  "My sister",
  "The old clock",
  "The night train",
  "The postman",
  "A friend of mine",
  "The school bus",
  "The choir",
  "Grandmother",
  "The ferry",
  "The museum",
];
const DOES = [
  "comes",
  "starts",
  "gets up",
  "leaves",
  "calls",
  "opens the door",
  "has tea",
  "reads the paper",
  "takes a walk",
  "begins to work",
  "rings the bell",
  "feeds the birds",
];

type Sentence = (random: Dice) => string;

/** Sentences that say the same number, time or date in several ways, and others that only tell of something. */
const SENTENCES: readonly Sentence[] = [
  (random) => story(random, "every day"),
  (random) => story(random, random.pick(["on weekdays", "at the weekend", "every morning", "once a week", "each month", "daily", "every hour", "twice a day", "once a year"])),
  (random) => story(random, `every ${random.pick(DAYS)}`),
  (random) => story(random, `on ${random.pick(DAYS)}s and ${random.pick(DAYS)}s`),
  (random) => story(random, `on the ${random.pick([ordinal, ordinalWord])(1 + random.below(31))} of ${random.pick(MONTHS)}`),
  (random) => story(random, `on ${random.pick(MONTHS)} ${ordinal(1 + random.below(31))}`),
  (random) => {
    const value = random.below(60);
    const [one, other] = random.chance(0.5) ? [numberWord(value), String(value)] : [String(value), numberWord(value)];
    return random.pick([`${one}, that is ${other}.`, `Count to ${one} (${other}) and look again.`, `It took ${one} minutes, yes, ${other} minutes.`]);
  },
  (random) => {
    const value = 1 + random.below(31);
    return `The ${ordinalWord(value)} is the ${ordinal(value)}, day ${value} of the month.`;
  },
  (random) => {
    const time = { hour: random.below(24), minute: 5 * random.below(12) };
    const way = random.pick([spokenTime, readTime])(time);
    return random.pick([`At ${clock24(time)} it is ${way} ${partOfDay(time.hour)}.`, `${way} ${partOfDay(time.hour)}, so ${clock24(time)}.`]);
  },
  (random) => {
    const time = { hour: random.below(24), minute: 15 * random.below(4) };
    return `${sayTime(time, random)} is ${sayTime(time, random)}, in digits ${clock24(time)}.`;
  },
  (random) => {
    const month = random.below(12);
    return `${MONTHS[month]} is month ${month + 1}, the ${ordinalWord(month + 1)} of the year.`;
  },
  (random) => {
    const [a, b] = [2 + random.below(11), 2 + random.below(11)];
    return random.pick([`${a} * ${b} is ${a * b}.`, `${numberWord(a)} times ${numberWord(b)}, ${a} * ${b}, makes ${a * b}.`, `In the game of ${MONTHS[a - 1] ?? "May"} it stood ${a}/${b}.`]);
  },
  (random) => {
    const day = random.below(7);
    return `After ${DAYS[day]} comes ${DAYS[(day + 1) % 7]}, day ${(day + 1) % 7}.`;
  },
]; // biome-ignore format: a list

function story(random: Dice, when: string): string {
  const time = { hour: random.below(24), minute: 5 * random.below(12) };
  const at = `at ${sayTime(time, random)}`;
  const [who, does] = [random.pick(WHO), random.pick(DOES)];
  const told = random.pick([
    `${who} ${does} ${when} ${at}.`,
    `${who} ${does} ${at} ${when}.`,
    `${when} ${at} ${who.toLowerCase()} ${does}.`,
  ]);
  return told.charAt(0).toUpperCase() + told.slice(1);
}

/** Paragraphs of six to twelve sentences, `characters` of them at least; equal arguments give equal texts. */
export function timeProse(seed: number, characters: number): string[] {
  const random = dice(seed);
  const texts: string[] = [];
  for (let length = 0; length < characters; length += texts.at(-1)!.length)
    texts.push(
      Array.from({ length: 6 + random.below(7) }, () => cased(random.pick(SENTENCES)(random), random)).join(" "),
    );
  return texts;
}

/** Some sentences are in capitals, some in small letters. */
function cased(sentence: string, random: Dice): string {
  const way = random.below(10);
  return way === 0 ? sentence.toUpperCase() : way <= 2 ? sentence.toLowerCase() : sentence;
}
