/** What a running template may use up, and how it fails. Knows no language. */
import { fail, OwnlmError } from "../../base/errors.ts";

/** Limits of one rendering. */
export interface Limits {
  /** Statements, expressions and items handled. */
  readonly steps: number;
  /** UTF-16 units of all strings made. */
  readonly chars: number;
}

export interface Fuel {
  /** Uses up steps. */
  step(count?: number): void;
  /** Uses up the steps of reading a text through. Gives the text. */
  read(text: string): string;
  /** Uses up characters: those that are new in `text`. Gives the text. */
  text(text: string, fresh?: number): string;
  /** Refuses characters before they are made. */
  room(count: number): void;
}

/** Deeper nesting of calls, loops and expressions than any published template has, within JavaScript's own stack. */
const MOST_DEPTH = 400;

export function createFuel(limits: Limits): Fuel {
  let { steps, chars } = limits;
  const room = (count: number) => {
    if (count > chars) wrong(`the template makes more than ${limits.chars} characters of text`);
  };
  const step = (count = 1) => {
    steps -= count;
    if (steps < 0) wrong(`the template takes more than ${limits.steps} steps`);
  };
  return {
    step,
    read: (text) => {
      step(1 + text.length / 32);
      return text;
    },
    room,
    text: (text, fresh = text.length) => {
      room(fresh);
      chars -= fresh;
      return text;
    },
  };
}

/** Goes one level deeper; leaving is `m.depth--`, for which an error has no need: it ends the rendering. */
export function enter(m: { depth: number }): void {
  if (++m.depth > MOST_DEPTH) wrong(`the template nests deeper than ${MOST_DEPTH} levels`);
}

/** The template or its input is at fault; the place is added by {@link located}. */
export function wrong(message: string): never {
  return fail("BAD_CHAT", message);
}

/** Python's Jinja can do it and this engine cannot. */
export function unsupported(construct: string): never {
  return fail("UNSUPPORTED", `${construct} is not supported in chat templates`);
}

/** Runs a part; its errors are typed and begin with the place. */
export function located<R>(where: string, line: () => number, run: () => R): R {
  try {
    return run();
  } catch (error) {
    const at = `${where}: line ${line()}`;
    if (error instanceof OwnlmError) throw new OwnlmError(error.code, `${at}: ${error.message}`, { cause: error });
    if (error instanceof RangeError) return fail("BAD_CHAT", `${at}: nested too deeply, or too much text`, error);
    throw error;
  }
}
