/** Numbers of a schema as grammars over their digits. Knows no other types. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { NUMBER } from "./json-texts.ts";
import { alt, both, EMPTY, NEVER, type Node, oneOf, optional, repeat, seq, text } from "./nodes.ts";
import { refuse, type Schema } from "./schema-keywords.ts";

/** Digits of a number in all: as many as a float64 always tells apart. */
const DIGITS = 15;
/** Digits behind the point where bounds do not ask for more. */
const FRACTION = 6;
const LARGEST = 10 ** DIGITS - 1;
const MOST_MULTIPLE = 1000;

/** An end of an interval. */
interface Bound {
  readonly value: number;
  readonly isOpen: boolean;
}

/** A magnitude in decimal: its digits before and behind the point. */
interface Decimal {
  readonly whole: number;
  readonly fraction: string;
}

/** Texts of numbers that a schema of type number or integer allows. */
export function numberNode(schema: Schema, isInteger: boolean, at: string): Node {
  const step = numberAt(schema, "multipleOf", at);
  if (step !== undefined && step <= 0) fail("BAD_GRAMMAR", `${at}.multipleOf: got ${step}, expected more than 0`);
  if (step !== undefined && !(Number.isInteger(step) && step <= MOST_MULTIPLE))
    refuse(`${at}.multipleOf`, `got ${step}: only whole numbers up to ${MOST_MULTIPLE} can be honoured`);
  const low = boundOf(schema, "minimum", "exclusiveMinimum", Math.max, at);
  const high = boundOf(schema, "maximum", "exclusiveMaximum", Math.min, at);
  if (Math.abs(low?.value ?? 0) > LARGEST && low!.value > 0)
    refuse(`${at}.minimum`, `got ${low!.value}, above ${LARGEST}`);
  if (Math.abs(high?.value ?? 0) > LARGEST && high!.value < 0)
    refuse(`${at}.maximum`, `got ${high!.value}, below -${LARGEST}`);
  if (!isInteger && step === undefined) return low || high ? realRange(low, high) : NUMBER;
  const [least, most] = [low ? wholeFrom(low, 1) : -LARGEST, high ? -wholeFrom(negated(high), 1) : LARGEST];
  const range = integerRange(Math.max(least, -LARGEST), Math.min(most, LARGEST));
  if (step === undefined || step === 1) return range;
  return both(range, seq(optional(text("-")), { kind: "multiples", of: step }));
}

function numberAt(schema: Schema, keyword: string, at: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value as number | undefined;
  return fail("BAD_GRAMMAR", `${at}.${keyword}: got ${showJson(value)}, expected a number`);
}

/** The tighter of a closed and an open bound. */
function boundOf(
  schema: Schema,
  closed: string,
  open: string,
  tighter: (a: number, b: number) => number,
  at: string,
): Bound | undefined {
  if (typeof schema[open] === "boolean")
    refuse(`${at}.${open}`, "got a boolean, as draft 4 has it, expected the number");
  const [a, b] = [numberAt(schema, closed, at), numberAt(schema, open, at)];
  if (a === undefined && b === undefined) return undefined;
  if (a === undefined || b === undefined) return { value: (a ?? b)!, isOpen: b !== undefined };
  const value = tighter(a, b);
  return { value, isOpen: value === b };
}

const negated = ({ value, isOpen }: Bound): Bound => ({ value: -value, isOpen });

/** The least whole number from a lower bound on. */
function wholeFrom({ value, isOpen }: Bound, step: number): number {
  return isOpen && Number.isInteger(value) ? value + step : Math.ceil(value);
}

function integerRange(least: number, most: number): Node {
  const negative = least < 0 ? seq(text("-"), wholeRange(Math.max(0, -Math.min(most, 0)), -least)) : NEVER;
  return alt(negative, most >= 0 ? wholeRange(Math.max(0, least), most) : NEVER);
}

const DIGIT = oneOf("0-9");
const digits = (min: number, max: number): Node => repeat(DIGIT, min, max);

/** Whole numbers from `least` to `most`, both 0 or more, without leading zeros. */
function wholeRange(least: number, most: number): Node {
  const options: Node[] = [];
  for (let length = 1; length <= DIGITS + 1; length++) {
    const first = Math.max(least, length === 1 ? 0 : 10 ** (length - 1));
    const last = Math.min(most, 10 ** length - 1);
    if (first <= last) options.push(between(String(first), String(last)));
  }
  return alt(...options);
}

/** Digits of one length from one value to another. */
function between(low: string, high: string): Node {
  if (/^0*$/.test(low) && /^9*$/.test(high)) return digits(low.length, low.length);
  const [first, last, rest] = [Number(low[0]), Number(high[0]), low.length - 1];
  if (first === last) return seq(text(low[0]!), between(low.slice(1), high.slice(1)));
  const middle = seq(digitRange(first + 1, last - 1), digits(rest, rest));
  return alt(
    seq(text(low[0]!), between(low.slice(1), "9".repeat(rest))),
    middle,
    seq(text(high[0]!), between("0".repeat(rest), high.slice(1))),
  );
}

function digitRange(first: number, last: number): Node {
  return first > last ? NEVER : oneOf(`${first}-${last}`);
}

/** Decimals between bounds, without exponents. */
function realRange(low: Bound | undefined, high: Bound | undefined): Node {
  const ends = [low, high].map((bound) => decimalOf(Math.abs(bound?.value ?? 0)));
  const wholeDigits = Math.max(...ends.map(({ whole }) => String(whole).length));
  const wanted = Math.max(FRACTION, ...ends.map(({ fraction }) => fraction.length + 1));
  const places = Math.max(0, Math.min(wanted, DIGITS - wholeDigits));
  const top: Bound = { value: 10 ** (DIGITS - places) - 1, isOpen: false };
  const zero: Bound = { value: 0, isOpen: false };
  const [upper, lower] = [high ?? top, low ?? negated(top)];
  const plus = upper.value >= 0 ? magnitudes(lower.value >= 0 ? lower : zero, upper, places) : NEVER;
  const minus = lower.value < 0 ? magnitudes(upper.value <= 0 ? negated(upper) : zero, negated(lower), places) : NEVER;
  return alt(plus, seq(text("-"), minus));
}

/** Decimals from one bound to another, both 0 or more, with up to `places` digits behind the point. */
function magnitudes(low: Bound, high: Bound, places: number): Node {
  const [from, to] = [decimalOf(low.value), decimalOf(Math.min(high.value, LARGEST))];
  if (from.whole > to.whole) return NEVER;
  const above = fractions(from.fraction, low.isOpen, true, places);
  const below = fractions(to.fraction, high.isOpen, false, places);
  if (from.whole === to.whole) return seq(text(String(from.whole)), both(above, below));
  const free = places > 0 ? optional(seq(text("."), digits(1, places))) : EMPTY;
  return alt(
    seq(text(String(from.whole)), above),
    seq(wholeRange(from.whole + 1, to.whole - 1), free),
    seq(text(String(to.whole)), below),
  );
}

/** Digits behind a point, the point with them, or nothing: those that are at least (`isLow`) or at most a fraction. */
function fractions(fraction: string, isOpen: boolean, isLow: boolean, places: number): Node {
  const digitAt = (i: number) => Number(fraction[i] ?? 0);
  const isZeroFrom = (i: number) => /^0*$/.test(fraction.slice(i));
  /** Whether the text may end behind i digits that are those of the fraction. */
  const mayEnd = (i: number) => (isZeroFrom(i) ? !isOpen : !isLow);
  const from = (i: number): Node => {
    if (i >= places) return mayEnd(i) ? EMPTY : NEVER;
    const digit = digitAt(i);
    const other = isLow ? digitRange(digit + 1, 9) : digitRange(0, digit - 1);
    const more = alt(seq(other, digits(0, places - i - 1)), seq(text(String(digit)), from(i + 1)));
    return i > 0 && mayEnd(i) ? optional(more) : more;
  };
  if (places === 0) return mayEnd(0) ? EMPTY : NEVER;
  const written = seq(text("."), from(0));
  return mayEnd(0) ? optional(written) : written;
}

/** A magnitude as JavaScript prints it, without an exponent. */
function decimalOf(value: number): Decimal {
  const [mantissa = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent);
  if (shift >= 0) {
    const all = whole + fraction.padEnd(shift, "0");
    return { whole: Number(all.slice(0, whole.length + shift)), fraction: fraction.slice(shift) };
  }
  const all = whole.padStart(1 - shift, "0") + fraction;
  const point = all.length - fraction.length + shift;
  return { whole: Number(all.slice(0, point)), fraction: all.slice(point) };
}
