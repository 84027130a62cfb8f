/** Schedules, and what they are as cron's five fields: minute, hour, day of the month, month, day of the week. */
import type { Dice, Time } from "./words.ts";

/** When something happens. */
export type Schedule =
  | { readonly kind: "minutes"; readonly every: number }
  | { readonly kind: "window"; readonly every: number; readonly from: number; readonly to: number }
  | { readonly kind: "hours"; readonly every: number }
  | { readonly kind: "hourly"; readonly minute: number }
  | { readonly kind: "daily" | "weekdays" | "weekends" | "quarterly"; readonly time: Time }
  | { readonly kind: "twice"; readonly hours: readonly [number, number] }
  | { readonly kind: "weekly"; readonly days: readonly number[]; readonly time: Time }
  | { readonly kind: "monthly"; readonly day: number; readonly time: Time }
  | { readonly kind: "yearly"; readonly day: number; readonly month: number; readonly time: Time };

/** The kinds there are. */
export const KINDS = ["minutes", "window", "hours", "hourly", "daily", "weekdays", "weekends", "quarterly", "twice", "weekly", "monthly", "yearly"] as const; // biome-ignore format: a list

/** The one expression that a schedule is: `30 9 * * 1-5`. */
export function cronOf(schedule: Schedule): string {
  switch (schedule.kind) {
    case "minutes":
      return `*/${schedule.every} * * * *`;
    case "window":
      return `*/${schedule.every} ${schedule.from}-${schedule.to} * * *`;
    case "hours":
      return `0 */${schedule.every} * * *`;
    case "hourly":
      return `${schedule.minute} * * * *`;
    case "twice":
      return `0 ${schedule.hours.join(",")} * * *`;
    case "daily":
      return `${at(schedule.time)} * * *`;
    case "weekdays":
      return `${at(schedule.time)} * * 1-5`;
    case "weekends":
      return `${at(schedule.time)} * * 0,6`;
    case "quarterly":
      return `${at(schedule.time)} 1 1,4,7,10 *`;
    case "weekly":
      return `${at(schedule.time)} * * ${schedule.days.join(",")}`;
    case "monthly":
      return `${at(schedule.time)} ${schedule.day} * *`;
    case "yearly":
      return `${at(schedule.time)} ${schedule.day} ${schedule.month} *`;
  }
}

const at = ({ hour, minute }: Time) => `${minute} ${hour}`;

/** Least and largest value of each field. */
const RANGES = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]] as const; // biome-ignore format: a table

/** Whether a text is an expression of numbers that cron takes. */
export function isCron(text: string): boolean {
  const fields = text.split(" ");
  return fields.length === 5 && fields.every((field, i) => field.split(",").every((part) => isPart(part, RANGES[i]!)));
}

function isPart(part: string, [least, most]: readonly [number, number]): boolean {
  const found = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
  if (!found) return false;
  const [from, to, step] = found.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  const inside = (value: number | undefined) => value === undefined || (value >= least && value <= most);
  if (step !== undefined && (step < 1 || (from !== undefined && to === undefined))) return false;
  return inside(from) && inside(to) && (to === undefined || from! <= to);
}

/** Any schedule, each kind equally often. */
export function anySchedule(random: Dice): Schedule {
  const kind = random.pick(KINDS);
  const time = anyTime(random);
  switch (kind) {
    case "minutes":
      return { kind, every: random.pick([2, 3, 5, 10, 12, 15, 20, 30]) };
    case "window": {
      const from = 6 + random.below(6);
      return { kind, every: random.pick([5, 10, 15, 20, 30]), from, to: from + 5 + random.below(7) };
    }
    case "hours":
      return { kind, every: random.pick([2, 3, 4, 6, 8, 12]) };
    case "hourly":
      return { kind, minute: random.chance(0.3) ? 0 : 5 * (1 + random.below(11)) };
    case "twice": {
      const first = 5 + random.below(8);
      return { kind, hours: [first, 13 + random.below(10)] };
    }
    case "weekly": {
      const [a, b] = [random.below(7), random.below(7)];
      const days = a === b || random.chance(0.6) ? [a] : [Math.min(a, b), Math.max(a, b)];
      return { kind, days: days.join() === "0,6" ? [0] : days, time };
    }
    case "monthly":
      return { kind, day: 1 + random.below(28), time };
    case "yearly":
      return { kind, day: 1 + random.below(28), month: 1 + random.below(12), time };
    default:
      return { kind, time };
  }
}

function anyTime(random: Dice): Time {
  const minute = random.chance(0.4) ? 0 : random.chance(0.6) ? 15 * (1 + random.below(3)) : 5 * random.below(12);
  return { hour: random.below(24), minute };
}
