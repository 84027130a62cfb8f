/** Text made safe and measured for a terminal. Pure; knows no streams. */

const ESC = String.fromCharCode(27);
const COLOR = new RegExp(`${ESC}\\[[0-9;]*m`, "g");
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Control characters, and marks that turn the direction of writing around: both can make a terminal show what is not there. */
const UNSAFE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text from a model or a file without anything that could command a terminal: control characters but newline and tab
 * are taken out, and so are bidirectional overrides. Works piece by piece on a stream.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, (c) => (c === "\n" || c === "\t" ? c : ""));
}

const NAMES: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

/** Text on one line with every control character written out: "\n" as \n, escape as \x1b. */
export function visibleText(text: string): string {
  return text.replace(UNSAFE, (c) => {
    const code = c.codePointAt(0)!.toString(16);
    return NAMES[c] ?? (code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code}`);
  });
}

/** The text without colour codes. */
export function withoutColor(text: string): string {
  return text.replace(COLOR, "");
}

/** First and last code points that take two columns (Unicode 15, East Asian Width W and F, in coarse blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

/** Columns of one grapheme: 0, 1 or 2. */
function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0)!;
  if (code < 0x20) return 0;
  if (code < 0x300) return grapheme.includes("\uFE0F") ? 2 : code >= 0x7f && code < 0xa0 ? 0 : 1;
  if (/^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(grapheme)) return 0;
  if (WIDE.some(([first, last]) => code >= first && code <= last)) return 2;
  return /\p{Emoji_Presentation}|\uFE0F/u.test(grapheme) ? 2 : 1;
}

/** Columns of a line; colour codes take none. */
export function displayWidth(text: string): number {
  const plain = withoutColor(text);
  if (/^[ -~]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of graphemes.segment(plain)) width += graphemeWidth(segment);
  return width;
}

/** The beginning of a line that fits into `columns`, ending in `ellipsis` where it was cut. Colours are closed. */
export function fitText(text: string, columns: number, ellipsis = "…"): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room < 0) return "";
  let width = 0;
  let shown = "";
  let colored = false;
  for (const part of text.split(new RegExp(`(${COLOR.source})`))) {
    if (part.startsWith(ESC)) {
      shown += part;
      colored = true;
      continue;
    }
    for (const { segment } of graphemes.segment(part)) {
      const next = graphemeWidth(segment);
      if (width + next > room) return `${shown}${ellipsis}${colored ? `${ESC}[0m` : ""}`;
      shown += segment;
      width += next;
    }
  }
  return shown;
}

/** Spaces behind a text up to a width; longer text is cut. */
export function padText(text: string, columns: number, ellipsis = "…"): string {
  const fitted = fitText(text, columns, ellipsis);
  return fitted + " ".repeat(Math.max(0, columns - displayWidth(fitted)));
}
