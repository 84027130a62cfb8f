/** A small language for templates: [this|that] chooses, {name} looks up. Makes clean English of the result. */
import { fail } from "../base/errors.ts";
import type { Rng } from "../base/rng.ts";

/** One thing that happens, told in one of several ways. */
export type Beat = readonly string[];

/** A story with its roles open. */
export interface Plot {
  readonly titles: readonly string[];
  /** What the hero is like, for this plot. */
  readonly traits: string;
  /** Where the hero lives, if it matters. */
  readonly home?: string;
  /** When it can happen, if it matters. */
  readonly seasons?: readonly string[];
  readonly paragraphs: readonly (readonly Beat[])[];
  readonly morals: readonly string[];
}

/** What names in templates stand for. A value may hold choices and names itself. */
export type Scope = ReadonlyMap<string, string>;

/** One of several, all equally likely. */
export function pick<T>(list: readonly T[], random: Rng): T {
  return list[random.below(list.length)]!;
}

/**
 * The text of a template: `[a|b|]` becomes one of its parts, `{name}` the scope's value, `{Name}` the same with a
 * capital. Then "a" or "an" is set by the word behind it, and the first letter is made a capital.
 */
export function expand(template: string, scope: Scope, random: Rng): string {
  let text = template;
  for (let depth = 0; /[[{]/.test(text); depth++) {
    if (depth > 20) fail("BUG", `template: does not end: ${template}`);
    text = text.replace(/\[([^[\]]*)\]/g, (_, parts: string) => pick(parts.split("|"), random));
    if (!text.includes("[")) text = text.replace(/\{([^{}]*)\}/g, (_, name: string) => lookUp(name, scope, template));
  }
  return capital(articles(text.replace(/ {2,}/g, " ").trim()));
}

function lookUp(name: string, scope: Scope, template: string): string {
  const lower = name.charAt(0).toLowerCase() + name.slice(1);
  const value = scope.get(lower) ?? fail("BUG", `template: {${name}} stands for nothing in: ${template}`);
  // A choice in brackets gets its capital when it is made: only its parts can.
  return name === lower ? value : capitalParts(value);
}

function capitalParts(value: string): string {
  return value.startsWith("[") ? value.replace(/([[|])([a-z])/g, (_, bar, c) => bar + c.toUpperCase()) : capital(value);
}

function capital(text: string): string {
  return text.replace(/^("?)([a-z])/, (_, quote: string, letter: string) => quote + letter.toUpperCase());
}

/** "an" before a vowel that is heard, "a" before all else. */
function articles(text: string): string {
  return text.replace(/\b([Aa])n? (?=([A-Za-z]+))/g, (_, a: string, word: string) => {
    const vowel = /^([aeiou]|hour|honest)/i.test(word) && !/^(one|uni|use|eu)/i.test(word);
    return `${a}${vowel ? "n" : ""} `;
  });
}
