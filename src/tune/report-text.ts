/** Texts and numbers for a page: nothing that somebody wrote can become markup, or stand in another order than it was written. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Markup is spelled out, control characters and marks that turn the writing around are shown by their numbers, as \u{202e}. */
export function escapeHtml(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!)
    .replace(CONTROLS, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Characters that a browser drops, replaces or obeys; line breaks and tabs are shown as they are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g;

/** Four digits, or a power of ten where that is shorter. */
export function shownNumber(value: number): string {
  if (!Number.isFinite(value)) return "?";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6))
    return value
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

/** 0.123 as 12.3 %. */
export function shownShare(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

/** 1 as "1 thread", 2 as "2 threads". */
export const threadsText = (threads: number) => `${threads} thread${threads === 1 ? "" : "s"}`;

/** An option's or a metric's name as words: `valFraction` as `val fraction`. */
export function words(name: string): string {
  return name.replace(/[_/]/g, " ").replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}
