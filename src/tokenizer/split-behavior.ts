/** What becomes of delimiters when text is split at them. Knows no patterns. */
import { fail } from "../base/errors.ts";
import { describe } from "./json-fields.ts";
import { type Stretch, sliceOf } from "./stretch.ts";

/** Hugging Face's names. */
export type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

const BEHAVIORS: readonly string[] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

/** Takes pieces of text in order. */
export type TakeStretch = (stretch: Stretch) => void;

/** Cuts a stretch into pieces, none of them empty. */
export type Cut = (stretch: Stretch, take: TakeStretch) => void;

/** A behaviour, or BAD_TOKENIZER. */
export function readBehavior(value: unknown, at: string): Behavior {
  if (typeof value === "string" && BEHAVIORS.includes(value)) return value as Behavior;
  return fail("BAD_TOKENIZER", `${at}: got ${describe(value)}, expected one of ${BEHAVIORS.join(", ")}`);
}

/** Cuts at the ranges that `find` gives: flat pairs of start and end, in order. With `invert` what lies between them delimits. */
export function cutAt(find: (text: string) => readonly number[], behavior: Behavior, invert = false): Cut {
  return (stretch, take) => {
    const spans = behaved(covering(find(stretch.text), stretch.text.length, invert), behavior);
    for (let i = 0; i < spans.length; i += 2)
      if (spans[i + 1]! > spans[i]!) take(sliceOf(stretch, spans[i]!, spans[i + 1]!));
  };
}

/** Matches and what lies between them, as flat triples: start, end, 1 for a delimiter. */
function covering(ranges: readonly number[], length: number, invert: boolean): number[] {
  const [match, gap] = invert ? [0, 1] : [1, 0];
  const all: number[] = [];
  let at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const start = ranges[i]!;
    if (start > at) all.push(at, start, gap);
    at = ranges[i + 1]!;
    all.push(start, at, match);
  }
  if (at < length) all.push(at, length, gap);
  return all;
}

function behaved(all: readonly number[], behavior: Behavior): number[] {
  switch (behavior) {
    case "Isolated":
      return kept(all, () => true);
    case "Removed":
      return kept(all, (isMatch) => isMatch === 0);
    case "Contiguous":
      return merged(all, (isMatch, previous) => isMatch === previous);
    case "MergedWithPrevious":
      return merged(all, (isMatch, previous) => isMatch === 1 && previous === 0);
    case "MergedWithNext":
      return reversed(
        merged(reversed(all, 3), (isMatch, previous) => isMatch === 1 && previous === 0),
        2,
      );
  }
}

function kept(all: readonly number[], isKept: (isMatch: number) => boolean): number[] {
  const spans: number[] = [];
  for (let i = 0; i < all.length; i += 3) if (isKept(all[i + 2]!)) spans.push(all[i]!, all[i + 1]!);
  return spans;
}

/** Joins a range to the one before it where `joins` says so; backwards too. */
function merged(all: readonly number[], joins: (isMatch: number, previous: number) => boolean): number[] {
  const spans: number[] = [];
  let previous = 0;
  for (let i = 0; i < all.length; i += 3) {
    const [start, end, isMatch] = [all[i]!, all[i + 1]!, all[i + 2]!];
    if (joins(isMatch, previous) && spans.length > 0) {
      const last = spans.length - 2;
      spans[last] = Math.min(spans[last]!, start);
      spans[last + 1] = Math.max(spans[last + 1]!, end);
    } else spans.push(start, end);
    previous = isMatch;
  }
  return spans;
}

/** Groups of `size` numbers in the opposite order. */
function reversed(numbers: readonly number[], size: number): number[] {
  const out: number[] = [];
  for (let i = numbers.length - size; i >= 0; i -= size) for (let k = 0; k < size; k++) out.push(numbers[i + k]!);
  return out;
}
