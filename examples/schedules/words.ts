/** Numbers, clock times, days and months in English. Knows no schedules. */

/** Numbers that differ between runs only by their seed: mulberry32. */
export interface Dice {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  /** True so often, from 0 to 1. */
  chance(share: number): boolean;
}

/** Dice for a seed. */
export function dice(seed: number): Dice {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)]!, chance: (share) => next() < share };
}

const SMALL =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = ["", "", "twenty", "thirty", "forty", "fifty"];

/** 0 to 59 in words: `twenty-five`. */
export function numberWord(value: number): string {
  if (value < 20) return SMALL[value]!;
  const [tens, ones] = [TENS[Math.floor(value / 10)]!, value % 10];
  return ones === 0 ? tens : `${tens}-${SMALL[ones]}`;
}

const IRREGULAR: Readonly<Record<number, string>> = { 1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth", 20: "twentieth", 30: "thirtieth" }; // biome-ignore format: a table

/** 1 to 31 as a place in a row, in words: `twenty-first`. */
export function ordinalWord(value: number): string {
  const whole = IRREGULAR[value];
  if (whole) return whole;
  if (value < 20) return `${SMALL[value]}th`;
  return `${TENS[Math.floor(value / 10)]}-${ordinalWord(value % 10)}`;
}

/** 1 to 31 as a place in a row, in digits: `21st`. */
export function ordinal(value: number): string {
  const end = value % 100 >= 11 && value % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${end}`;
}

/** Days of the week; the place is cron's number. */
export const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
/** Months; the place and 1 is cron's number. */
export const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"] as const; // biome-ignore format: a list

/** A time of day: hour 0 to 23 and minute 0 to 59. */
export interface Time {
  readonly hour: number;
  readonly minute: number;
}

const two = (value: number) => String(value).padStart(2, "0");
const twelve = (hour: number) => (hour % 12 === 0 ? 12 : hour % 12);

/** In digits over 24 hours: `21:30`, `9:05`. */
export function clock24({ hour, minute }: Time): string {
  return `${hour}:${two(minute)}`;
}

/** In digits over 12 hours: `9:30 pm`, `9pm`. */
export function clock12({ hour, minute }: Time, space: string): string {
  return `${twelve(hour)}${minute === 0 ? "" : `:${two(minute)}`}${space}${hour < 12 ? "am" : "pm"}`;
}

/** The part of the day that tells the two halves of the clock apart: `in the evening`. */
export function partOfDay(hour: number): string {
  if (hour < 5) return "at night";
  if (hour < 12) return "in the morning";
  if (hour < 18) return "in the afternoon";
  return hour < 22 ? "in the evening" : "at night";
}

/** In words as it is spoken, without the part of the day: `half past nine`, `twenty to ten`. */
export function spokenTime({ hour, minute }: Time): string {
  const [now, next] = [twelve(hour), twelve(hour + 1)].map(numberWord);
  if (minute === 0) return `${now} o'clock`;
  if (minute === 15) return `quarter past ${now}`;
  if (minute === 30) return `half past ${now}`;
  if (minute === 45) return `quarter to ${next}`;
  return minute < 30 ? `${numberWord(minute)} past ${now}` : `${numberWord(60 - minute)} to ${next}`;
}

/** In words as it is read from a clock: `nine thirty`. */
export function readTime({ hour, minute }: Time): string {
  const hours = numberWord(twelve(hour));
  return minute === 0 ? hours : `${hours} ${minute < 10 ? "oh " : ""}${numberWord(minute)}`;
}
