/** The most probable continuations as a tree, with their joint probabilities by the chain rule. Knows no text. */
import { fail } from "../base/errors.ts";
import { logSumExp } from "./arithmetic.ts";
import type { Engine } from "./engine.ts";
import { type Candidate, nextCandidates } from "./logprobs.ts";

/** A token and what may follow it. `probability` and `logprob` are given all tokens before it. */
export interface Branch extends Candidate {
  /** Of this token and all between it and the prompt: the product of their probabilities. */
  readonly jointProbability: number;
  readonly jointLogprob: number;
  /** Most probable first; their joint probabilities add up to this one's at most. Empty at the tree's end and after an end token. */
  readonly children: readonly Branch[];
}

/** How far a tree reaches. */
export interface TreeOptions {
  /** Tokens of the longest branch, from 1. */
  readonly depth: number;
  /** Children of each branch, from 1. */
  readonly top: number;
  /** Nothing follows these. */
  readonly endIds?: readonly number[];
  /** Ids from here on are never shown; default none. */
  readonly idLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs of the model that a tree may take. */
const MOST_RUNS = 20_000;

/**
 * The tree after a prompt, of which the engine may hold the beginning. Every branch reuses the cache of what it shares with the one before, so that a
 * tree takes one run of a single token for each branch that has children. Throws BAD_OPTION for trees that are too
 * large, CONTEXT_OVERFLOW for those beyond the engine's capacity.
 */
export async function continuationTree(
  engine: Engine,
  promptIds: readonly number[],
  options: TreeOptions,
): Promise<Branch[]> {
  const { depth, top, endIds = [], idLimit, signal } = options;
  checkSize(options);
  const longest = promptIds.length + depth - 1;
  if (longest > engine.capacity)
    fail(
      "CONTEXT_OVERFLOW",
      `the tree needs ${longest} tokens, expected at most ${engine.capacity}. Try a smaller depth.`,
    );
  const grow = async (logits: Float32Array, levels: number, parent: number): Promise<Branch[]> => {
    const candidates = nextCandidates(logits.subarray(0, idLimit), top, logSumExp(logits));
    const length = engine.length;
    const branches: Branch[] = [];
    for (const candidate of candidates) {
      const jointLogprob = parent + candidate.logprob;
      let children: Branch[] = [];
      if (levels > 1 && !endIds.includes(candidate.id)) {
        children = await grow(await engine.append([candidate.id], signal), levels - 1, jointLogprob);
        engine.truncate(length);
      }
      branches.push({ ...candidate, jointProbability: Math.exp(jointLogprob), jointLogprob, children });
    }
    return branches;
  };
  return grow(await engine.append(promptIds.slice(engine.length), signal), depth, 0);
}

function checkSize({ depth, top }: TreeOptions): void {
  let runs = 1;
  for (let level = 1, width = 1; level < depth && runs <= MOST_RUNS; level++) {
    width *= top;
    runs += width;
  }
  if (runs > MOST_RUNS)
    fail(
      "BAD_OPTION",
      `a tree of depth ${depth} with ${top} children each takes more than ${MOST_RUNS} runs of the model. Try a smaller depth or top.`,
    );
}
