/** One continuation in the making: tokens chosen from logits until it ends. Knows no engine and no text. */
import { fail } from "../base/errors.ts";
import { type TokenLogprob, tokenLogprob } from "./logprobs.ts";
import type { DecodingSettings } from "./process.ts";
import { createSampler } from "./sampler.ts";

/** Why a text ended: it said so (an end token, a stop string or rule), or there were enough tokens. */
export type FinishReason = "stop" | "length";

/** How a text ended. */
export interface Ending {
  readonly finishReason: FinishReason;
  /** The end token that ended it, which is no part of it. */
  readonly endId?: number;
}

/** A rule of the caller's own: true where the text ends with these ids, the prompt's first. The last one is kept. */
export type StopRule = (ids: readonly number[], promptTokens: number) => boolean;

/** How a continuation is made. */
export interface CourseSettings extends DecodingSettings {
  /** Most new tokens. */
  readonly maxNewTokens?: number | undefined;
  /** Which continuation of its prompt it is: each draws other numbers of one seed. Default 0. */
  readonly copy?: number | undefined;
  readonly stopWhen?: readonly StopRule[] | undefined;
  /** Ids from here on are never chosen: a vocabulary may be padded. Default: all of the model's may be. */
  readonly vocabSize?: number | undefined;
  /** Told of each token where `logprobs` is asked for, before it is known whether more follow. */
  readonly onLogprob?: ((info: TokenLogprob) => void) | undefined;
}

/** A continuation in the making. */
export interface Course {
  /** All ids so far, the prompt's first. */
  readonly ids: readonly number[];
  newIds(): number[];
  /** Undefined while more tokens may come. */
  readonly ending: Ending | undefined;
  /** The next id from the logits (V) that follow all so far, which it may overwrite; undefined for one that ends the text and is no part of it. */
  take(logits: Float32Array): number | undefined;
}

/** A continuation of a prompt, of at most so many new tokens; see {@link createSampler}. */
export function createCourse(
  promptIds: readonly number[],
  settings: CourseSettings,
  most: number,
  nowMs: () => number = () => performance.now(),
): Course {
  const { vocabSize, copy, stopWhen = [], logprobs, onLogprob, maxTime } = settings;
  const sample = createSampler(settings, { promptIds, maxNewTokens: most }, copy);
  const { constraint } = settings;
  const eos = new Set(settings.eosTokenIds);
  const ids = [...promptIds];
  const startMs = maxTime === undefined ? 0 : nowMs();
  let ending: Ending | undefined;
  const finishAfter = (): FinishReason | undefined => {
    if (constraint?.isFinished(ids) || stopWhen.some((rule) => rule(ids, promptIds.length))) return "stop";
    if (ids.length - promptIds.length >= most) return "length";
    return maxTime !== undefined && nowMs() - startMs >= 1000 * maxTime ? "length" : undefined;
  };
  return {
    ids,
    newIds: () => ids.slice(promptIds.length),
    get ending() {
      return ending;
    },
    take(logits) {
      if (ending) fail("BUG", "a continuation that has ended was given logits");
      const raw = logprobs === undefined ? undefined : logits.slice();
      const id = sample(logits.subarray(0, vocabSize), ids);
      if (eos.has(id)) {
        ending = { finishReason: "stop", endId: id };
        return undefined;
      }
      ids.push(id);
      if (raw) onLogprob?.(tokenLogprob(raw, id, logprobs!, vocabSize));
      const finishReason = finishAfter();
      if (finishReason) ending = { finishReason };
      return id;
    },
  };
}
