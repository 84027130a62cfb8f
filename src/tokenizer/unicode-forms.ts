/** Unicode's normal forms with a note of what became of each character. Knows no tokens. */
import { type Rewrite, transformed } from "./stretch.ts";

/** The four forms. */
export type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Rewrites into a normal form (UAX 15), with the engine's tables. */
export function unicodeForm(form: Form): Rewrite {
  return (stretch) => {
    const text = stretch.text.normalize(form);
    if (text === stretch.text) return stretch;
    if (!stretch.from) return { text, origin: stretch.origin };
    const parts = decomposed(stretch.text, form === "NFC" || form === "NFD" ? "NFD" : "NFKD");
    const { characters, changes } = form === "NFC" || form === "NFKC" ? composed(parts) : parts;
    return transformed(stretch, characters, changes);
  };
}

/** Characters, and for each 0 where it replaces one, 1 where it is more of the same, -n where it swallows n others. */
interface Changed {
  readonly characters: string[];
  readonly changes: number[];
}

function decomposed(text: string, form: "NFD" | "NFKD"): Changed {
  const out: Changed = { characters: [], changes: [] };
  let marks: { character: string; change: number }[] = [];
  const flush = () => {
    // Stable: marks of one class keep their order.
    if (marks.length > 1) marks.sort((a, b) => order(a.character, b.character));
    for (const { character, change } of marks) push(out, character, change);
    if (marks.length > 0) marks = [];
  };
  for (const character of text) {
    let change = 0;
    for (const part of character < "\u00a0" ? character : character.normalize(form)) {
      if (isNonStarter(part)) marks.push({ character: part, change });
      else {
        flush();
        push(out, part, change);
      }
      change = 1;
    }
  }
  flush();
  return out;
}

function push({ characters, changes }: Changed, character: string, change: number): void {
  characters.push(character);
  changes.push(change);
}

function composed({ characters, changes }: Changed): Changed {
  const out: Changed = { characters: [], changes: [] };
  let starter = -1;
  let last: string | undefined;
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    const change = changes[i]!;
    const mark = isNonStarter(character);
    const blocked = last !== undefined && !(mark && comesAfter(character, last));
    const whole = starter >= 0 && !blocked ? (out.characters[starter]! + character).normalize("NFC") : undefined;
    if (whole !== undefined && isOne(whole)) {
      out.characters[starter] = whole;
      out.changes[starter]! += change - 1;
      continue;
    }
    if (!mark) {
      starter = out.characters.length;
      last = undefined;
    } else if (starter >= 0) last = character;
    push(out, character, change);
  }
  return out;
}

function isOne(text: string): boolean {
  return text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);
}

/** U+0334 has the lowest combining class but 0, U+0345 the highest. */
const LOWEST = "\u0334";
const HIGHEST = "\u0345";

/** Whether the combining class is not 0. JavaScript does not tell classes, but sorts by them. */
function isNonStarter(character: string): boolean {
  if (character < "\u0300" || !/^\p{M}/u.test(character)) return false;
  return (
    character === LOWEST || character === HIGHEST || comesAfter(character, LOWEST) || comesAfter(HIGHEST, character)
  );
}

/** Whether the combining class of `a` is above that of `b`, and that of `b` is not 0. */
function comesAfter(a: string, b: string): boolean {
  return a !== b && (a + b).normalize("NFD").startsWith(b);
}

function order(a: string, b: string): number {
  if (comesAfter(a, b)) return 1;
  return comesAfter(b, a) ? -1 : 0;
}
