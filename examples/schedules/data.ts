/** The data sets of the example: sentences and their cron expressions, the test's in phrasings that the training data has not. */
import { noisy } from "./noise.ts";
import { PHRASINGS, phrasingsOf, say } from "./phrases.ts";
import { anySchedule, cronOf } from "./schedule.ts";
import { dice } from "./words.ts";

/** One record, as `ownlm tune` reads it, and where it comes from. */
export interface ScheduleRecord {
  readonly prompt: string;
  readonly completion: string;
  /** Kind and words: `weekly: each {day} {time}`. */
  readonly phrasing: string;
  /** The sentence without its frame, typing errors and casing. */
  readonly plain: string;
}

/** What is composed. */
export interface DataOptions {
  readonly seed: number;
  readonly count: number;
  /** Phrasings to use. */
  readonly split: "train" | "test";
}

/** The prompt that asks for an expression. */
export function promptFor(sentence: string): string {
  return `When: ${sentence}\nCron:`;
}

/** Different records; equal options give equal ones. */
export function scheduleRecords({ seed, count, split }: DataOptions): ScheduleRecord[] {
  const random = dice(2 * seed + (split === "test" ? 1 : 0));
  const records = new Map<string, ScheduleRecord>();
  while (records.size < count) {
    const schedule = anySchedule(random);
    const name = phrasingsOf(schedule);
    const words = random.pick(PHRASINGS[name]![split]);
    const plain = say(words, schedule, random);
    const prompt = promptFor(noisy(plain, random));
    records.set(prompt, { prompt, completion: ` ${cronOf(schedule)}`, phrasing: `${name}: ${words}`, plain });
  }
  return [...records.values()];
}

/** Records as lines of JSON with the two fields that are learnt from. */
export function jsonLines(records: readonly ScheduleRecord[]): string {
  return records.map(({ prompt, completion }) => `${JSON.stringify({ prompt, completion })}\n`).join("");
}
