/** Which examples are trained on and which only validate. Decides by content, so that more data moves none of them. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import type { Example } from "./example.ts";

/** How examples are split. */
export interface ExampleSplitOptions {
  /** The part of examples that validates, from 0 (none) to 0.5. */
  readonly valFraction: number;
  readonly seed: number;
}

/** Examples to train on, and examples to validate with. */
export interface ExampleSplit<E extends Example> {
  readonly train: readonly E[];
  readonly validation: readonly E[];
}

/**
 * Splits examples. Those of one prompt go to one side together, so that nothing that validates was learnt: the side is drawn
 * from the hash of the prompt and the seed, and stays the same however many others there are. Where all share one prompt it is
 * the whole example that is hashed. Each side gets something where there are two different ones. Throws BAD_OPTION.
 */
export function splitExamples<E extends Example>(
  examples: readonly E[],
  { valFraction, seed }: ExampleSplitOptions,
  sha256: Host["sha256"],
): ExampleSplit<E> {
  if (!(valFraction >= 0 && valFraction <= 0.5))
    fail("BAD_OPTION", `valFraction: got ${valFraction}, expected 0 to 0.5`);
  if (valFraction === 0) return { train: examples, validation: [] };
  const draw = (value: unknown) => drawn(JSON.stringify([seed, value]), sha256);
  let draws = examples.map((example) => draw(promptOf(example)));
  if (new Set(draws).size < 2) draws = examples.map(({ at: _, ...content }) => draw(content));
  const limit = limitOf(draws, valFraction);
  return {
    train: examples.filter((_, i) => draws[i]! >= limit),
    validation: examples.filter((_, i) => draws[i]! < limit),
  };
}

/** What an example asks; for a chat all before the assistant's first turn. */
function promptOf(example: Example): unknown {
  switch (example.kind) {
    case "text":
      return example.text;
    case "chat": {
      const first = example.messages.findIndex(({ role }) => role === "assistant");
      return first > 0 ? example.messages.slice(0, first) : example.messages;
    }
    default:
      return example.prompt;
  }
}

/** A number in [0, 1) from the first 48 bits of a hash. */
function drawn(text: string, sha256: Host["sha256"]): number {
  const hash = sha256();
  hash.update(new TextEncoder().encode(text));
  return Number.parseInt(hash.hex().slice(0, 12), 16) / 2 ** 48;
}

/** The fraction, moved just so far that neither side is empty. */
function limitOf(draws: readonly number[], valFraction: number): number {
  const different = [...new Set(draws)].sort((a, b) => a - b);
  if (different.length < 2) return 0;
  return Math.min(Math.max(valFraction, different[1]!), different.at(-1)!);
}
