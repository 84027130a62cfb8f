/** How people say schedules: phrasings to train on, and others that are kept for the test. */
import type { Schedule } from "./schedule.ts";
import { clock12, clock24, DAYS, type Dice, MONTHS, numberWord, ordinal, ordinalWord, partOfDay, readTime, spokenTime, type Time } from "./words.ts"; // biome-ignore format: one line

/** Ways to say one kind of schedule. */
interface Phrasings {
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** By kind; of `hourly` and `weekly` there are two. `{time}` is "at half past nine". */
export const PHRASINGS: Readonly<Record<string, Phrasings>> = {
  minutes: {
    train: ["every {n} minutes", "each {n} minutes", "once every {n} minutes", "at {n} minute intervals", "every {n} minutes, all day", "again and again, every {n} minutes", "in steps of {n} minutes", "every {n} min"],
    test: ["at intervals of {n} minutes", "all day, every {n} minutes", "every {n} minutes, again and again"],
  },
  window: {
    train: ["every {n} minutes from {from} to {to}", "every {n} minutes between {from} and {to}", "from {from} to {to}, every {n} minutes", "each {n} minutes between {from} and {to}", "every {n} minutes, but only from {from} to {to}", "every {n} min between {from} and {to}"],
    test: ["between {from} and {to}, every {n} minutes", "each {n} minutes from {from} to {to}", "once every {n} minutes between {from} and {to}"],
  },
  hours: {
    train: ["every {n} hours", "each {n} hours", "once every {n} hours", "at {n} hour intervals", "every {n} hours, all day", "again and again, every {n} hours", "in steps of {n} hours"],
    test: ["at intervals of {n} hours", "all day, every {n} hours", "every {n} hours, again and again"],
  },
  hourly: {
    train: ["every hour", "hourly", "each hour", "once an hour", "every hour, on the hour", "on the hour", "once every hour"],
    test: ["each hour, on the hour", "once each hour", "hourly, on the hour"],
  },
  "hourly past": {
    train: ["at {m} minutes past every hour", "every hour at {m} minutes past", "{m} minutes after every hour", "hourly, at {m} minutes past", "{m} minutes past each hour", "each hour, {m} minutes after the hour"],
    test: ["at {m} minutes past each hour", "every hour, {m} minutes after the hour", "each hour at {m} minutes past"],
  },
  daily: {
    train: ["every day {time}", "daily {time}", "each day {time}", "{time} every day", "once a day {time}", "{time}, daily", "once a day, {time}", "every single day {time}", "day by day, {time}"],
    test: ["{time} each day", "{time}, once a day", "each single day {time}"],
  },
  weekdays: {
    train: ["every weekday {time}", "on weekdays {time}", "monday to friday {time}", "{time} on weekdays", "from monday to friday {time}", "on every weekday {time}", "{time}, from monday to friday", "weekdays {time}", "{time} every weekday"],
    test: ["each weekday {time}", "{time}, monday to friday", "{time} on every weekday", "{time} each weekday"],
  },
  weekends: {
    train: ["every weekend {time}", "on weekends {time}", "{time} on weekends", "on saturdays and sundays {time}", "on saturday and sunday {time}", "weekends {time}", "{time} on saturday and sunday", "{time}, every weekend"],
    test: ["each weekend {time}", "every saturday and sunday {time}", "{time} on saturdays and sundays", "{time} each weekend"],
  },
  quarterly: {
    train: ["every quarter {time}", "quarterly {time}", "on the first day of every quarter {time}", "once a quarter {time}", "{time} every quarter", "on the first of each quarter {time}", "{time} on the first day of the quarter"],
    test: ["each quarter {time}", "{time}, once a quarter", "on the first day of each quarter {time}"],
  },
  twice: {
    train: ["twice a day, at {h1} and {h2}", "every day at {h1} and {h2}", "daily at {h1} and {h2}", "at {h1} and {h2} every day", "at {h1} and again at {h2}, daily", "twice daily at {h1} and {h2}", "each day at {h1} and at {h2}"],
    test: ["at {h1} and {h2}, twice a day", "daily, at {h1} and at {h2}", "every day at {h1} and again at {h2}"],
  },
  weekly: {
    train: ["every {day} {time}", "on {day}s {time}", "each {day} {time}", "{time} every {day}", "{time} on {day}s", "weekly on {day} {time}", "once a week, {day} {time}", "{day}s {time}", "every week on {day} {time}", "{time}, every {day}"],
    test: ["{time} each {day}", "once a week on {day} {time}", "weekly, on {day}s {time}", "each week on {day} {time}"],
  },
  "weekly two": {
    train: ["every {day} and {day2} {time}", "on {day}s and {day2}s {time}", "{time} on {day} and {day2}", "each {day} and {day2} {time}", "{time} every {day} and {day2}", "on {day} and {day2} {time}"],
    test: ["{time} on {day}s and {day2}s", "every {day} and every {day2} {time}", "{time} each {day} and {day2}"],
  },
  monthly: {
    train: ["on the {nth} of each month {time}", "on the {nth} of every month {time}", "every month on the {nth} {time}", "monthly on the {nth} {time}", "{time} on the {nth} of the month", "once a month, on the {nth} {time}", "each month on the {nth}, {time}", "{time} on the {nth} of each month"],
    test: ["on the {nth} of the month {time}", "{time} on the {nth} of every month", "{time} every month on the {nth}"],
  },
  yearly: {
    train: ["every year on the {nth} of {month} {time}", "on the {nth} of {month} {time}", "on {month} {nth} {time}", "yearly on {month} {nth} {time}", "{time} on the {nth} of {month}", "once a year, on {month} {nth} {time}", "each year on {month} {nth}, {time}", "{time} every year on {month} {nth}"],
    test: ["every year on {month} {nth} {time}", "{time}, yearly on {month} {nth}", "once a year on the {nth} of {month} {time}"],
  },
}; // biome-ignore format: a table

/** The name of the phrasings that a schedule has. */
export function phrasingsOf(schedule: Schedule): string {
  if (schedule.kind === "hourly" && schedule.minute > 0) return "hourly past";
  return schedule.kind === "weekly" && schedule.days.length > 1 ? "weekly two" : schedule.kind;
}

/** Fills a phrasing with a schedule's numbers, in digits or words. */
export function say(phrasing: string, schedule: Schedule, random: Dice): string {
  return phrasing.replace(/\{(\w+)\}/g, (_, slot: string) => sayings(schedule, random)[slot]!).trim();
}

function sayings(schedule: Schedule, random: Dice): Readonly<Record<string, string>> {
  const count = (value: number) => (random.chance(0.5) ? String(value) : numberWord(value));
  const place = (value: number) => (random.chance(0.5) ? ordinal(value) : ordinalWord(value));
  const hour = (value: number) => sayTime({ hour: value, minute: 0 }, random);
  switch (schedule.kind) {
    case "minutes":
    case "hours":
      return { n: count(schedule.every) };
    case "window":
      return { n: count(schedule.every), from: hour(schedule.from), to: hour(schedule.to) };
    case "hourly":
      return { m: count(schedule.minute) };
    case "twice":
      return { h1: hour(schedule.hours[0]), h2: hour(schedule.hours[1]) };
    case "weekly": {
      const [day, day2] = schedule.days.map((each) => DAYS[each]!);
      return { day: day!, day2: day2 ?? "", time: `at ${sayTime(schedule.time, random)}` };
    }
    case "monthly":
      return { nth: place(schedule.day), time: `at ${sayTime(schedule.time, random)}` };
    case "yearly": {
      const month = MONTHS[schedule.month - 1]!;
      return { nth: place(schedule.day), month, time: `at ${sayTime(schedule.time, random)}` };
    }
    default:
      return { time: `at ${sayTime(schedule.time, random)}` };
  }
}

/** A time of day in one of the ways that leave no doubt: without a part of the day it is that of 24 hours, and 12 is noon. */
export function sayTime(time: Time, random: Dice): string {
  const { hour, minute } = time;
  if (minute === 0 && hour === 12 && random.chance(0.6)) return random.pick(["noon", "midday"]);
  if (minute === 0 && hour === 0 && random.chance(0.8)) return "midnight";
  const way = random.below(5);
  if (way <= 1) return clock24(time);
  if (way === 2) return clock12(time, random.pick(["", " "]));
  const spoken = way === 3 ? spokenTime(time) : readTime(time);
  // "Quarter to one" is not said of a quarter to thirteen.
  const named = minute > 30 && way === 3 ? hour + 1 : hour;
  const plain = hour >= 1 && named <= 12;
  return plain && random.chance(0.6) ? spoken : `${spoken} ${partOfDay(hour)}`;
}
