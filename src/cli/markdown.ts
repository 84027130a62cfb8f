/** Paints Markdown as it comes: headings, bold, code. What it does not know stays as it is; no mark is taken out of code. Pure. */
import type { Palette } from "./terminal.ts";

/** Paints pieces of a text. */
export interface MarkdownPainter {
  push(piece: string): string;
  /** What was held back. */
  end(): string;
}

/** A painter in colours; without any the text is left alone. */
export function markdownPainter(paint: Palette): MarkdownPainter {
  if (paint.bold("") === "") return { push: (piece) => piece, end: () => "" };
  let held = "";
  let inFence = false;
  let inCode = false;
  let isBold = false;
  let isHeading = false;
  let isLineStart = true;
  const painted = (text: string) => {
    if (inFence || inCode) return paint.cyan(text);
    return isBold || isHeading ? paint.bold(text) : text;
  };
  /** Takes one thing off the front of what is held; undefined where more must come to tell. */
  const take = (isLast: boolean): string | undefined => {
    if (held === "") return undefined;
    const isFenceMark = isLineStart && /^ {0,3}`{0,2}$/.test(held) && !isLast;
    if (isFenceMark) return undefined;
    const fence = isLineStart ? /^ {0,3}```[^\n]*\n?/.exec(held) : null;
    if (fence) {
      if (!fence[0].endsWith("\n") && !isLast) return undefined;
      inFence = !inFence;
      held = held.slice(fence[0].length);
      return paint.dim(fence[0]);
    }
    if (held[0] === "\n") {
      [isLineStart, isHeading, isBold, inCode] = [true, false, false, false];
      held = held.slice(1);
      return "\n";
    }
    if (isLineStart && !inFence && /^#{1,6}$/.test(held) && !isLast) return undefined;
    if (isLineStart && !inFence && /^#{1,6} /.test(held)) isHeading = true;
    isLineStart = false;
    if (!inFence && held[0] === "`") {
      held = held.slice(1);
      inCode = !inCode;
      return "";
    }
    if (!inFence && !inCode && held.startsWith("**")) {
      held = held.slice(2);
      isBold = !isBold;
      return "";
    }
    if (held === "*" && !inFence && !inCode && !isLast) return undefined;
    const plain = (inFence ? /^[^\n]+/ : inCode ? /^[^\n`]+/ : /^(?:\*|[^\n`*]+)/).exec(held)![0];
    held = held.slice(plain.length);
    return painted(plain);
  };
  const drain = (isLast: boolean) => {
    let out = "";
    for (let next = take(isLast); next !== undefined; next = take(isLast)) out += next;
    return out;
  };
  return {
    push(piece) {
      held += piece;
      return drain(false);
    },
    end: () => drain(true),
  };
}
