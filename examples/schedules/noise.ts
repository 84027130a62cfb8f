/** What people put around and into a schedule: requests, casing, typing errors. Changes no digit. */
import type { Dice } from "./words.ts";

const FRAMES = [
  "{s}", "{s}", "{s}", "{s}.", "please {s}", "{s} please", "{s}, please", "run it {s}", "run this {s}", "do it {s}", "i want it {s}",
  "it should run {s}", "the backup runs {s}", "send the report {s}", "remind me {s}", "can you run this {s}?", "hi, run it {s}", "start the job {s}, thanks",
] as const; // biome-ignore format: a list

/** A schedule as someone might type it. */
export function noisy(text: string, random: Dice): string {
  const framed = random.pick(FRAMES).replace("{s}", text);
  const typed = random.chance(0.2) ? mistyped(framed, random) : framed;
  const casing = random.below(6);
  if (casing === 0) return typed.toUpperCase();
  if (casing <= 2) return typed.toLowerCase();
  return typed.charAt(0).toUpperCase() + typed.slice(1);
}

/** One letter left out, doubled, or in its neighbour's place, inside a word of five letters or more. */
function mistyped(text: string, random: Dice): string {
  const words = [...text.matchAll(/[a-z]{5,}/gi)];
  if (words.length === 0) return text;
  const word = random.pick(words);
  const at = word.index + 1 + random.below(word[0].length - 2);
  const [a, b] = [text[at]!, text[at + 1]!];
  const middle = random.pick([b, a + a + b, b + a]);
  return text.slice(0, at) + middle + text.slice(at + 2);
}
