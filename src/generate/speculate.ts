/**
 * An engine that computes several tokens a step by guessing them first. It gives the logits of the engine it wraps, in
 * its order, and knows nothing of how tokens are chosen from them: guesses that were not chosen are forgotten.
 */
import { fail } from "../base/errors.ts";
import type { Engine } from "./engine-types.ts";
import { createPolicy, type Policy } from "./speculate-policy.ts";
import type { Draft, Drafter } from "./speculate-types.ts";

/** How an engine speculates. */
export interface SpeculationOptions {
  readonly drafter: Drafter;
  /**
   * Logits of several tokens a step differ in their last bits from those of one. Where the two best are nearer to each
   * other than this, everything since the last certain token is computed again, one by one. 0 never does.
   */
  readonly nearTie: number;
  /** Default one that measures as it goes. */
  readonly policy?: Policy;
  readonly nowMs?: () => number;
}

/** What speculation did, in tokens and steps. */
export interface SpeculationCounts {
  steps: number;
  guessed: number;
  accepted: number;
  /** Tokens that were computed again because two logits were nearly the same. */
  recomputed: number;
}

/** Rows of logits that follow guesses not asked for yet: `rows[i]` follows `guess.ids[i]`. */
interface Ahead {
  readonly guess: Draft;
  readonly rows: readonly Float32Array[];
  taken: number;
}

/** {@link Engine} over another, which must be left alone meanwhile. Disposing it disposes the other. */
export function speculating(
  engine: Engine,
  options: SpeculationOptions,
): Engine & { readonly counts: SpeculationCounts } {
  const { drafter, nearTie, policy = createPolicy(), nowMs = () => performance.now() } = options;
  const counts: SpeculationCounts = { steps: 0, guessed: 0, accepted: 0, recomputed: 0 };
  const ids: number[] = [...engine.ids];
  /** Tokens whose keys and values are those that one token a step gives. */
  let certain = ids.length;
  let ahead: Ahead | undefined;
  /** What computing tokens again has cost, for the next step with guesses to answer for. */
  let debtMs = 0;

  const settle = () => {
    if (ahead) policy.learned(ahead.guess.strength, ahead.taken, ahead.taken < ahead.guess.ids.length);
    ahead = undefined;
    if (engine.length > ids.length) engine.truncate(ids.length);
  };
  const checked = async (row: Float32Array, signal: AbortSignal | undefined): Promise<Float32Array> => {
    if (nearTie === 0 || gapOf(row) >= nearTie) return row;
    const start = nowMs();
    settle();
    counts.recomputed += ids.length - certain;
    engine.truncate(certain);
    let logits = row;
    for (const id of ids.slice(certain)) logits = await engine.append([id], signal);
    certain = ids.length;
    debtMs += nowMs() - start;
    return logits;
  };
  const plain = async (more: readonly number[], signal: AbortSignal | undefined): Promise<Float32Array> => {
    const logits = await engine.append(more, signal);
    if (certain === ids.length) certain += more.length;
    ids.push(...more);
    return logits;
  };
  const single = async (id: number, signal: AbortSignal | undefined): Promise<Float32Array> => {
    const start = nowMs();
    const guess = await guessAfter(id, signal);
    counts.steps++;
    if (guess.ids.length === 0) {
      const logits = await plain([id], signal);
      policy.took(1, nowMs() - start);
      return certain === ids.length ? logits : checked(logits, signal);
    }
    const rows: Float32Array[] = [];
    await engine.appendShowing([id, ...guess.ids], (logits) => rows.push(Float32Array.from(logits)), signal);
    ids.push(id);
    counts.guessed += guess.ids.length;
    ahead = { guess, rows: rows.slice(1), taken: 0 };
    policy.took(rows.length, nowMs() - start + debtMs);
    debtMs = 0;
    return checked(rows[0]!, signal);
  };
  /** As many guesses as make one of the policy's sizes with the token itself. */
  const guessAfter = async (id: number, signal: AbortSignal | undefined): Promise<Draft> => {
    const room = engine.capacity - ids.length - 1;
    const known = [...ids, id];
    const first = await drafter(known, Math.min(room, 1), signal);
    const size = Math.min(policy.sizeFor(first.strength), room + 1);
    if (size <= 1) return { ids: [], strength: first.strength };
    const whole = await drafter(known, size - 1, signal);
    return whole.ids.length === size - 1
      ? whole
      : { ids: whole.ids.slice(0, fitting(whole.ids.length + 1) - 1), strength: whole.strength };
  };
  return {
    model: engine.model,
    capacity: engine.capacity,
    cache: engine.cache,
    counts,
    ids,
    get length() {
      return ids.length;
    },
    async append(more, signal) {
      const next = more[0];
      if (ahead && more.length === 1 && next === ahead.guess.ids[ahead.taken]) {
        const row = ahead.rows[ahead.taken++]!;
        ids.push(next!);
        counts.accepted++;
        return checked(row, signal);
      }
      settle();
      return more.length === 1 && ids.length > 0 ? single(next!, signal) : plain(Array.from(more), signal);
    },
    async appendShowing(more, show, signal) {
      settle();
      await engine.appendShowing(more, show, signal);
      for (let i = 0; i < more.length; i++) ids.push(more[i]!);
    },
    ...(engine.slide && {
      slide() {
        settle();
        engine.slide!();
        ids.splice(0, ids.length, ...engine.ids);
        certain = ids.length;
      },
    }),
    adopt: () => fail("BUG", "adopt: a cache is filled before speculation"),
    truncate(to) {
      settle();
      engine.truncate(to);
      ids.length = to;
      certain = Math.min(certain, to);
    },
    dispose: engine.dispose,
    [Symbol.dispose]: engine.dispose,
  };
}

/** The largest power of two up to n, at least 1. */
const fitting = (n: number) => 2 ** Math.floor(Math.log2(Math.max(1, n)));

/** How far the best of the logits is above the next. */
export function gapOf(logits: Float32Array): number {
  let [best, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (x > best) [best, second] = [x, best];
    else if (x > second) second = x;
  }
  return best - second;
}
