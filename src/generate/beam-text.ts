/** Beam search over an engine of several slots: one for each beam. */
import { fail } from "../base/errors.ts";
import type { BatchEngine } from "./batch-types.ts";
import { type Beam, beamSearch } from "./beams.ts";
import type { Ending } from "./course.ts";
import { roomAfter } from "./generate.ts";
import { processorsOf } from "./process.ts";
import type { Request } from "./request.ts";
import { checkFinite, noneLeft, process, streamOf } from "./sampler.ts";
import { normalize } from "./warpers.ts";

/** A continuation that beam search found. */
export interface BeamText extends Ending {
  /** New ids, the end token left out. */
  readonly ids: number[];
  /** log P of its tokens as the rules changed it, over their number to the power of the length penalty. */
  readonly score: number;
}

/**
 * The best continuations of a prompt, best first, at most `numReturnSequences`. `hasStop` says whether new ids spell a
 * stop string. What the engine's first `numBeams` slots hold is overwritten.
 */
export async function searchBeams(
  engine: BatchEngine,
  promptIds: readonly number[],
  request: Request,
  hasStop: (ids: readonly number[]) => boolean = () => false,
): Promise<BeamText[]> {
  const { numBeams = 1, numReturnSequences = 1, eosTokenIds = [], maxTime, signal } = request;
  if (promptIds.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one. Type some text.");
  const room = roomAfter({ model: engine.model, capacity: engine.capacity, length: 0 }, promptIds.length);
  const maxNewTokens = Math.min(request.maxNewTokens, room);
  const startMs = performance.now();
  const isLate = () => maxTime !== undefined && performance.now() - startMs >= 1000 * maxTime;
  const isEnd = endRule(promptIds, request, hasStop);
  const search = beamSearch({
    numBeams,
    lengthPenalty: request.lengthPenalty ?? 1,
    earlyStopping: request.earlyStopping ?? false,
    maxNewTokens,
    endTokens: eosTokenIds.length,
    random: request.temperature ? streamOf(request.seed, 0) : undefined,
  });
  const score = scorer(promptIds, request, maxNewTokens);
  const slots = Array.from({ length: numBeams }, (_, i) => i);
  for (const slot of slots) engine.truncate(slot, 0);
  const first = await engine.append(0, promptIds, signal);
  for (const slot of slots.slice(1)) engine.copy(0, slot);
  for (let logits: readonly Float32Array[] = slots.map(() => first); ; ) {
    const late = isLate();
    const rows = search.running.map((beam, i) => score(logits[i]!, beam));
    search.advance(rows, (ids) => late || isEnd(ids));
    if (search.done) break;
    if (search.running[0]!.sum === Number.NEGATIVE_INFINITY) noneLeft(Number.NEGATIVE_INFINITY);
    engine.reorder(search.running.map(({ parent }) => parent));
    const next = search.running.map(({ ids }) => ids.at(-1)!);
    logits = await engine.step(slots, next, signal);
  }
  const found = search.finished.filter(({ score: each }) => each > Number.NEGATIVE_INFINITY);
  if (found.length === 0) noneLeft(Number.NEGATIVE_INFINITY);
  return found.slice(0, numReturnSequences).map(({ ids, score: each }) => {
    const last = ids.at(-1)!;
    if (eosTokenIds.includes(last)) return { ids: ids.slice(0, -1), score: each, finishReason: "stop", endId: last };
    return { ids: [...ids], score: each, finishReason: isEnd(ids) ? "stop" : "length" };
  });
}

/** Whether new ids are a whole text. */
function endRule(
  promptIds: readonly number[],
  { eosTokenIds = [], stopWhen = [], constraint }: Request,
  hasStop: (ids: readonly number[]) => boolean,
): (ids: readonly number[]) => boolean {
  return (ids) => {
    if (eosTokenIds.includes(ids.at(-1)!) || hasStop(ids)) return true;
    if (!constraint && stopWhen.length === 0) return false;
    const all = [...promptIds, ...ids];
    return constraint?.isFinished(all) === true || stopWhen.some((rule) => rule(all, promptIds.length));
  };
}

/** The log probabilities (V) after a beam as the rules change them; none of a beam that is not there. */
function scorer(promptIds: readonly number[], request: Request, maxNewTokens: number) {
  const processors = processorsOf(request, { promptIds, maxNewTokens });
  return (logits: Float32Array, { ids, sum }: Beam): Float32Array => {
    if (!request.removeInvalidValues) checkFinite(logits);
    const row = logits.slice();
    const kept = row.subarray(0, request.vocabSize);
    if (sum === Number.NEGATIVE_INFINITY) return kept.fill(Number.NEGATIVE_INFINITY);
    normalize(row, []);
    process(processors, kept, [...promptIds, ...ids]);
    return kept;
  };
}
