/** The half of a measured program that answers its parent: one command a line in, one line of JSON out. Measures nothing itself. */
import process from "node:process";
import { createInterface } from "node:readline";

/** Tokens that are read before the process says that it is ready. */
export const FIRST_PROMPT = 16;

/** Steps that are not counted, before those that are. */
export const WARM_STEPS = 4;

/** A program that can be measured. Both answer with seconds. */
export interface Side {
  /** `tokens` steps of one token each, at `depth`. */
  decode(depth: number, tokens: number): Promise<number>;
  /** A prompt in one piece. */
  prefill(tokens: number): Promise<number>;
}

/** Says that it is ready, and answers commands until there are no more. */
export async function serve(side: Side): Promise<void> {
  answer({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...numbers] = line.split(" ");
    const [first = 0, second = 0] = numbers.map(Number);
    answer({ seconds: await (command === "decode" ? side.decode(first, second) : side.prefill(first)) });
  }
}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Ids that look random and are the same in every process. */
export function someIds(count: number, vocabSize: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 + ((i * 7919 + 104729) % (vocabSize - 3)));
}
