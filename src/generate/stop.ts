/** Cuts streamed text at stop strings, holding back what might become one. Knows text alone. */

/** A filter over pieces of text. */
export interface StopFilter {
  /** Text that may be shown now. */
  push(piece: string): string;
  /** The text held back, when no more is coming; empty after a stop. */
  end(): string;
  /** True once a stop string has appeared; what follows is dropped. */
  readonly stopped: boolean;
}

/**
 * A filter for the given strings; none lets everything pass. The text ends where the stop string begins that is
 * complete first, however the text was cut into pieces.
 */
export function stopFilter(stops: readonly string[]): StopFilter {
  let held = "";
  let stopped = false;
  return {
    get stopped() {
      return stopped;
    },
    push(piece) {
      if (stopped) return "";
      held += piece;
      const at = firstOf(held, stops);
      if (at >= 0) {
        stopped = true;
        const shown = held.slice(0, at);
        held = "";
        return shown;
      }
      const keep = longestBeginning(held, stops);
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return shown;
    },
    end() {
      const shown = held;
      held = "";
      return shown;
    },
  };
}

/** Where the stop string begins that is complete first, the longest of those that end together; -1 without any. */
function firstOf(text: string, stops: readonly string[]): number {
  let [start, end] = [-1, Number.POSITIVE_INFINITY];
  for (const stop of stops) {
    const at = stop ? text.indexOf(stop) : -1;
    if (at < 0 || at + stop.length > end || (at + stop.length === end && at > start)) continue;
    [start, end] = [at, at + stop.length];
  }
  return start;
}

/** Length of the longest end of `text` that begins a stop string. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops)
    for (let n = Math.min(stop.length - 1, text.length); n > longest; n--)
      if (text.endsWith(stop.slice(0, n))) longest = n;
  return longest;
}
