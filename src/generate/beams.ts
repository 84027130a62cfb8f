/**
 * Beam search as transformers does it: which continuations go on, which are kept as finished, and when it ends. Numbers
 * alone; knows no engine.
 */
import type { Rng } from "../base/rng.ts";
import { kthLargest } from "./warpers.ts";

/** How beams are kept. */
export interface BeamOptions {
  readonly numBeams: number;
  /** A finished beam's score is its log P over (new tokens) ** lengthPenalty. */
  readonly lengthPenalty: number;
  /** True: end with numBeams finished beams; false: where better ones are unlikely; "never": where they cannot be. */
  readonly earlyStopping: boolean | "never";
  readonly maxNewTokens: number;
  /** End tokens there are: enough candidates are looked at that beams can go on when all the best ones end. */
  readonly endTokens: number;
  /** Draws candidates instead of taking the best. */
  readonly random?: Rng | undefined;
}

/** A continuation that goes on. */
export interface Beam {
  readonly ids: readonly number[];
  /** The sum of its log probabilities. */
  readonly sum: number;
  /** Which beam before it is made of. */
  readonly parent: number;
}

/** A continuation that has ended. */
export interface FinishedBeam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** A search in the making. */
export interface BeamSearch {
  readonly running: readonly Beam[];
  /** Best first. */
  readonly finished: readonly FinishedBeam[];
  readonly done: boolean;
  /** Goes a token on: `rows` are log probabilities (V) after each running beam; `ends` says whether new ids are a text's last. */
  advance(rows: readonly Float32Array[], ends: (ids: readonly number[]) => boolean): void;
}

/** What stands for minus infinity in scores: a beam that is not there. */
const NOWHERE = -1e9;

interface Candidate extends Beam {
  readonly isEnd: boolean;
}

interface Slot extends FinishedBeam {
  readonly isTaken: boolean;
}

const f32 = Math.fround;

/** A search with nothing in it but the prompt, which all beams have. */
export function beamSearch(options: BeamOptions): BeamSearch {
  const { numBeams, lengthPenalty, earlyStopping, maxNewTokens, endTokens, random } = options;
  const width = Math.max(2, 1 + endTokens) * numBeams;
  let running: readonly Beam[] = Array.from({ length: numBeams }, (_, i) => {
    return { ids: [], sum: i === 0 ? 0 : NOWHERE, parent: 0 };
  });
  let slots: readonly Slot[] = Array.from({ length: numBeams }, () => ({ ids: [], score: NOWHERE, isTaken: false }));
  let canImprove = true;
  let done = false;

  /** The finished beams with those that now end among the best candidates. */
  const finish = (candidates: readonly Candidate[]) => {
    const isFull = earlyStopping === true && slots.every(({ isTaken }) => isTaken);
    const ended = candidates.map(({ ids, sum, isEnd }, rank): Slot => {
      const isTaken = isEnd && rank < numBeams;
      const out = [isFull, !canImprove, !isTaken].filter(Boolean).length;
      return { ids, score: f32(f32(sum / ids.length ** lengthPenalty) + out * NOWHERE), isTaken };
    });
    return best([...slots, ...ended], ({ score }) => score, numBeams);
  };

  /** Whether the best running beam may still become better than a finished one. */
  const mayImprove = (length: number): boolean => {
    const reached = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : length;
    const hoped = running[0]!.sum / reached ** lengthPenalty;
    const worst = Math.min(...slots.map(({ score }) => score));
    return slots.some(({ isTaken }) => hoped > (isTaken ? worst : NOWHERE));
  };

  return {
    get running() {
      return running;
    },
    get finished() {
      return slots.filter(({ isTaken }) => isTaken);
    },
    get done() {
      return done;
    },
    advance(rows, ends) {
      const picked = random ? drawn(running, rows, width, random) : top(running, rows, width);
      const candidates = picked.map(({ beam, id, sum }): Candidate => {
        const ids = [...running[beam]!.ids, id];
        return { ids, sum, parent: beam, isEnd: ends(ids) || ids.length >= maxNewTokens };
      });
      slots = finish(candidates);
      const goingOn = candidates.map((each) => ({ ...each, sum: f32(each.sum + (each.isEnd ? NOWHERE : 0)) }));
      running = best(goingOn, ({ sum }) => sum, numBeams);
      canImprove = canImprove && mayImprove(running[0]!.ids.length);
      const isFull = earlyStopping === true && slots.every(({ isTaken }) => isTaken);
      done = !canImprove || isFull || candidates.every(({ isEnd }) => isEnd);
    },
  };
}

/** The best by a value, best first, those that come first among equals. */
function best<T>(items: readonly T[], value: (item: T) => number, count: number): T[] {
  const values = items.map(value);
  const order = [...items.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, count).map((i) => items[i]!);
}

/** A token after a running beam, and the sum of log probabilities with it. */
interface Pick {
  readonly beam: number;
  readonly id: number;
  readonly sum: number;
}

/** The `count` best tokens of all beams, best first. */
function top(running: readonly Beam[], rows: readonly Float32Array[], count: number): Pick[] {
  return largest(
    running,
    rows,
    count,
    rows.map((row, beam) => row.map((x) => x + running[beam]!.sum)),
  );
}

/** Tokens drawn without replacement by the sums' probabilities: the largest after Gumbel noise (Kool et al. 2019), best first. */
function drawn(running: readonly Beam[], rows: readonly Float32Array[], count: number, random: Rng): Pick[] {
  const noisy = rows.map((row, beam) =>
    row.map((x) => x + running[beam]!.sum - Math.log(-Math.log(Math.max(random.uniform(), Number.MIN_VALUE)))),
  );
  return best(largest(running, rows, count, noisy), ({ sum }) => sum, count);
}

function largest(
  running: readonly Beam[],
  rows: readonly Float32Array[],
  count: number,
  keys: readonly Float32Array[],
): Pick[] {
  const least = thresholdOf(keys, count);
  const picks: (Pick & { readonly key: number })[] = [];
  for (const [beam, row] of keys.entries())
    for (let id = 0; id < row.length; id++)
      if (row[id]! >= least) picks.push({ beam, id, sum: f32(rows[beam]![id]! + running[beam]!.sum), key: row[id]! });
  return best(picks, ({ key }) => key, count);
}

/** The `count`-th largest of all rows. */
function thresholdOf(rows: readonly Float32Array[], count: number): number {
  const all = new Float32Array(rows.reduce((sum, row) => sum + Math.min(count, row.length), 0));
  let at = 0;
  for (const row of rows) {
    const most = Math.min(count, row.length);
    const least = kthLargest(row, most);
    let taken = 0;
    for (let id = 0; id < row.length && taken < most; id++)
      if (row[id]! > least) {
        all[at + taken] = row[id]!;
        taken++;
      }
    all.fill(least, at + taken, at + most);
    at += most;
  }
  return kthLargest(all, count);
}
