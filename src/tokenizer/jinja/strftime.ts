/** Python's `strftime` in the C locale, of a date given in local time. */
import { unsupported } from "./machine.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = "January February March April May June July August September October November December".split(" ");

/** A date by a format; directives whose value depends on more than the date are refused. */
export function strftime(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const hour12 = date.getHours() % 12 || 12;
  const plain: Record<string, () => string> = {
    "%": () => "%",
    Y: () => String(date.getFullYear()),
    y: () => two(date.getFullYear() % 100),
    C: () => two(Math.floor(date.getFullYear() / 100)),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => two(date.getHours()),
    I: () => two(hour12),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
    f: () => `${String(date.getMilliseconds()).padStart(3, "0")}000`,
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    a: () => DAYS[date.getDay()]!.slice(0, 3),
    A: () => DAYS[date.getDay()]!,
    b: () => MONTHS[date.getMonth()]!.slice(0, 3),
    h: () => MONTHS[date.getMonth()]!.slice(0, 3),
    B: () => MONTHS[date.getMonth()]!,
    j: () => String(dayOfYear(date)).padStart(3, "0"),
    w: () => String(date.getDay()),
    u: () => String(date.getDay() || 7),
    n: () => "\n",
    t: () => "\t",
    F: () => strftime(date, "%Y-%m-%d"),
    T: () => strftime(date, "%H:%M:%S"),
    R: () => strftime(date, "%H:%M"),
    D: () => strftime(date, "%m/%d/%y"),
    x: () => strftime(date, "%m/%d/%y"),
    X: () => strftime(date, "%H:%M:%S"),
    c: () => strftime(date, "%a %b %e %H:%M:%S %Y"),
    r: () => strftime(date, "%I:%M:%S %p"),
  };
  // glibc's flag "-" leaves out the padding.
  return format.replace(/%(-?)([\s\S]|$)/g, (whole, flag: string, directive: string) => {
    if (!Object.hasOwn(plain, directive)) return unsupported(`strftime's ${whole}`);
    const text = plain[directive]!();
    return flag === "" ? text : text.replace(/^[0 ]+(?=.)/, "");
  });
}

function dayOfYear(date: Date): number {
  const days = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 0);
  return Math.round(days / 86_400_000);
}
