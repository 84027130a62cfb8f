/** Text on its way to tokens, with the place in the original text that each code unit comes from. Knows no tokens. */

/**
 * A stretch of changed text. `from[i]..to[i]` is where the code unit `i` comes from, in code units of the original text; both are
 * absent where nobody asks for offsets. `origin` is where the stretch begins in the original text: known with `from` alone, else a guess.
 */
export interface Stretch {
  readonly text: string;
  readonly origin: number;
  readonly from?: Int32Array;
  readonly to?: Int32Array;
}

/** Makes one stretch of another. */
export type Rewrite = (stretch: Stretch) => Stretch;

/** A part of a text as it is. Lone surrogates must have been replaced. */
export function stretchOf(text: string, start: number, end: number, tracked: boolean): Stretch {
  const part = start === 0 && end === text.length ? text : text.slice(start, end);
  if (!tracked) return { text: part, origin: start };
  const from = new Int32Array(part.length);
  const to = new Int32Array(part.length);
  for (let i = 0; i < part.length; ) {
    const width = widthAt(part, i);
    for (let k = i; k < i + width; k++) {
      from[k] = start + i;
      to[k] = start + i + width;
    }
    i += width;
  }
  return { text: part, origin: start, from, to };
}

/** The code units `start..end` of a stretch. */
export function sliceOf(stretch: Stretch, start: number, end: number): Stretch {
  const { text, origin, from, to } = stretch;
  if (start === 0 && end === text.length && (!from || from.length === 0 || from[0] === origin)) return stretch;
  const part = text.slice(start, end);
  if (!from || !to) return { text: part, origin: origin + start };
  return {
    text: part,
    origin: start < end ? from[start]! : origin,
    from: from.subarray(start, end),
    to: to.subarray(start, end),
  };
}

/** Code units of the code point at `at`: 1 or 2. */
export function widthAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length ? 2 : 1;
}

/**
 * What `characters` make of a stretch, as `NormalizedString::transform` of Hugging Face's tokenizers counts: a change of 0 replaces
 * the next character, 1 adds one to it, -n replaces it and removes n more. `removed` characters go before the first.
 */
export function transformed(
  stretch: Stretch,
  characters: readonly string[],
  changes: ArrayLike<number>,
  removed = 0,
): Stretch {
  const { text: before, origin, from, to } = stretch;
  const text = characters.join("");
  if (!from || !to) return { text, origin };
  const nextFrom = new Int32Array(text.length);
  const nextTo = new Int32Array(text.length);
  let at = 0;
  const skip = (count: number) => {
    for (let i = 0; i < count && at < before.length; i++) at += widthAt(before, at);
  };
  skip(removed);
  let n = 0;
  for (let i = 0; i < characters.length; i++) {
    const change = changes[i]!;
    const index = change > 0 ? at - 1 : Math.min(at, before.length - 1);
    for (let k = characters[i]!.length; k > 0; k--) {
      nextFrom[n] = index < 0 ? origin : from[index]!;
      nextTo[n++] = index < 0 ? origin : to[index]!;
    }
    if (change <= 0) skip(1 - change);
  }
  return { text, origin, from: nextFrom, to: nextTo };
}

/** A stretch with `prefix` in front, which counts as part of the first character. An empty stretch stays empty. */
export function prefixed(stretch: Stretch, prefix: string): Stretch {
  const { text, origin, from, to } = stretch;
  if (text === "") return stretch;
  const longer = prefix + text;
  if (!from || !to) return { text: longer, origin };
  const extend = (places: Int32Array) => {
    const next = new Int32Array(longer.length).fill(places[0]!, 0, prefix.length);
    next.set(places, prefix.length);
    return next;
  };
  return { text: longer, origin, from: extend(from), to: extend(to) };
}

/**
 * A stretch without the characters that are not `kept`, the others changed by `change`. A removed character belongs to the one before it, those
 * in front to none.
 */
export function filtered(
  stretch: Stretch,
  kept: (character: string) => boolean,
  change: (character: string) => string = (c) => c,
): Stretch {
  const characters: string[] = [];
  const changes: number[] = [];
  let removed = 0;
  let front = 0;
  for (const character of stretch.text) {
    if (!kept(character)) {
      removed++;
      continue;
    }
    if (characters.length === 0) front = removed;
    else changes[changes.length - 1] = -removed;
    removed = 0;
    characters.push(change(character));
    changes.push(0);
  }
  if (characters.length > 0) changes[changes.length - 1] = -removed;
  return transformed(stretch, characters, changes, front);
}

/** A stretch whose ranges `start, end` (in order, flat pairs) are replaced by `content`, which counts as their last character. */
export function replacedRanges(stretch: Stretch, ranges: readonly number[], content: string): Stretch {
  const { text: before, origin, from, to } = stretch;
  if (ranges.length === 0) return stretch;
  const parts: string[] = [];
  let at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    parts.push(before.slice(at, ranges[i]), content);
    at = ranges[i + 1]!;
  }
  parts.push(before.slice(at));
  const text = parts.join("");
  if (!from || !to) return { text, origin };
  const nextFrom = new Int32Array(text.length);
  const nextTo = new Int32Array(text.length);
  let n = 0;
  const copy = (start: number, end: number) => {
    nextFrom.set(from.subarray(start, end), n);
    nextTo.set(to.subarray(start, end), n);
    n += end - start;
  };
  at = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const end = ranges[i + 1]!;
    copy(at, ranges[i]!);
    nextFrom.fill(end === 0 ? origin : from[end - 1]!, n, n + content.length);
    nextTo.fill(end === 0 ? origin : to[end - 1]!, n, n + content.length);
    n += content.length;
    at = end;
  }
  copy(at, before.length);
  return { text, origin, from: nextFrom, to: nextTo };
}

/** Text as UTF-8 holds it: lone surrogates are U+FFFD. The length stays. */
export function wellFormed(text: string): string {
  return /\p{Surrogate}/u.test(text) ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text;
}
