/** Measures contenders in turn, round by round, each in a process of its own. Knows nothing of tables. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../src/base/errors.ts";
import { type Command, type Memory, type Running, start } from "./process.ts";

export type Program = "ownlm" | "llama.cpp" | "transformers.js";

/** A program with a model. */
export interface Contender {
  readonly program: Program;
  readonly bits: 4 | 8;
  readonly command: Command;
  readonly weightBytes: number;
  /** Of keys and values, for as many tokens as are measured. */
  readonly cacheBytes: number;
  readonly bitsPerWeight: number;
}

/** What is measured of each. */
export interface Work {
  /** Contexts and how many tokens are made at each. */
  readonly decode: readonly (readonly [depth: number, newTokens: number])[];
  readonly promptTokens: number;
  readonly rounds: number;
}

/** One turn of one contender; tokens a second, bytes, seconds. */
export interface Turn {
  readonly decode: readonly number[];
  readonly prefill: number;
  readonly startSeconds: number;
  readonly memory: Memory | undefined;
}

/** A contender's turns, in the order of the rounds, and what it failed with. */
export interface Measured extends Contender {
  readonly turns: readonly Turn[];
  /** Bytes that a second process of the same model adds to the first; undefined where there is no /proc. */
  readonly secondProcessBytes: number | undefined;
}

/** Bandwidth in GB/s, the contenders that ran, and why the others did not. */
export interface Result {
  readonly bandwidth: number;
  readonly measured: readonly Measured[];
  readonly failures: readonly string[];
}

/** All rounds. Who fails is left out from then on. */
export async function measure(contenders: readonly Contender[], work: Work, threads: number): Promise<Result> {
  const turns = new Map(contenders.map((contender) => [contender, [] as Turn[]]));
  const second = new Map<Contender, number | undefined>();
  const failures: string[] = [];
  const bandwidths = [bandwidth(threads)];
  const attempt = async (contender: Contender, run: () => Promise<void>) => {
    try {
      await run();
    } catch (error) {
      turns.delete(contender);
      failures.push(`${contender.program}, ${contender.bits} bits: ${messageOf(error)}`);
    }
  };
  for (let round = 0; round < work.rounds; round++) {
    // Nobody is always the first after a pause.
    const order = [...turns.keys()];
    for (const contender of [...order.slice(round % order.length), ...order.slice(0, round % order.length)])
      await attempt(contender, async () => {
        turns.get(contender)!.push(await turnOf(contender, work));
      });
    bandwidths.push(bandwidth(threads));
  }
  for (const contender of turns.keys())
    await attempt(contender, async () => {
      second.set(contender, await secondProcess(contender));
    });
  const measured = [...turns].map(([contender, list]) => ({
    ...contender,
    turns: list,
    secondProcessBytes: second.get(contender),
  }));
  return { bandwidth: Math.max(...bandwidths), measured, failures };
}

async function turnOf({ command }: Contender, { decode, promptTokens }: Work): Promise<Turn> {
  const running = await start(command);
  try {
    const speeds: number[] = [];
    for (const [depth, tokens] of decode) speeds.push(tokens / (await running.ask(`decode ${depth} ${tokens}`)));
    const prefill = promptTokens / (await running.ask(`prefill ${promptTokens}`));
    const memory = running.memory();
    return { decode: speeds, prefill, startSeconds: running.startSeconds, memory };
  } finally {
    await running.stop();
  }
}

/** What two processes hold, pages of both counted once, less what one alone holds. */
async function secondProcess({ command }: Contender): Promise<number | undefined> {
  const all: Running[] = [];
  const held = async () => {
    const one = await start(command);
    all.push(one);
    await one.ask("decode 32 8");
    const bytes = all.map((running) => running.proportional());
    return bytes.includes(undefined) ? undefined : bytes.reduce<number>((sum, value) => sum + value!, 0);
  };
  try {
    const [alone, both] = [await held(), await held()];
    return alone === undefined || both === undefined ? undefined : both - alone;
  } finally {
    await Promise.all(all.map((running) => running.stop()));
  }
}

/** By a process of its own, so that this one stays small. */
function bandwidth(threads: number): number {
  const script = fileURLToPath(new URL("./bandwidth-side.js", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script, String(threads)], { encoding: "utf8" });
  const value = Number.parseFloat(stdout);
  if (!(value > 0)) throw new Error(`the read bandwidth was not measured: ${stderr.trim()}`);
  return value;
}
