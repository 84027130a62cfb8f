/** Several continuations over one open model: drawn side by side, or as the best beams of a search. Opens no folder. */
import { fail } from "../base/errors.ts";
import type { Constraint } from "../grammar/constraint.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { BatchEngine } from "./batch-types.ts";
import { createBatcher } from "./batcher.ts";
import { searchBeams } from "./beam-text.ts";
import { type Generated, type GeneratedToken, roomAfter } from "./generate.ts";
import type { OpenModel } from "./load.ts";
import type { TokenLogprob } from "./logprobs.ts";
import { type Request, tokenizerOf } from "./request.ts";
import { shownText } from "./shown.ts";

/** A prompt, and how it is continued. */
export interface Ask {
  readonly promptIds: readonly number[];
  readonly request: Request;
}

/** A continuation, and what was noted of its tokens where that was asked for. */
export interface Made extends Generated {
  readonly logprobs: readonly TokenLogprob[];
  readonly promptLogprobs: readonly TokenLogprob[];
  /** Of a beam. */
  readonly score?: number;
}

/** A continuation in the making. */
export type MadeStream = AsyncGenerator<GeneratedToken, Made>;

/** Continuations that are asked for. */
export const copiesOf = ({ numReturnSequences = 1 }: Request): number => numReturnSequences;

/** True where a continuation may be made beside others: they have no speculation, and none forgets its beginning. */
export function canBatch({ openBatch, context, slides }: OpenModel, { promptIds, request }: Ask): boolean {
  const fits = promptIds.length + request.maxNewTokens <= context;
  return (
    openBatch !== undefined && request.speculate !== "on" && (fits || !(slides || request.keepOnOverflow !== undefined))
  );
}

/**
 * The continuations of each prompt, as streams of up to `batch` texts in the making at once; the next prompt's are asked for when one has
 * been used up. Each is what it would be alone.
 */
export async function* drawnTogether(
  opened: OpenModel,
  asks: readonly Ask[],
  batch: number,
): AsyncGenerator<readonly MadeStream[]> {
  const count = asks.reduce((sum, { request }) => sum + copiesOf(request), 0);
  using engine = batchFor(opened, asks, Math.min(batch, count));
  const batcher = createBatcher(engine, opened.tokenizer);
  try {
    yield* asks.map(({ promptIds, request }) =>
      Array.from({ length: copiesOf(request) }, (_, copy) => {
        return noting(request, (settings) => batcher.submit({ promptIds, settings: { ...settings, copy } }));
      }),
    );
  } finally {
    await batcher.close();
  }
}

/** An engine for texts of these lengths. Throws CONTEXT_OVERFLOW for a prompt without room, UNSUPPORTED. */
function batchFor(opened: OpenModel, asks: readonly Ask[], slots: number): BatchEngine {
  const { model, context, openBatch } = opened;
  const lengths = asks.map(({ promptIds, request }) => {
    const room = roomAfter({ model, capacity: context, length: 0 }, promptIds.length);
    return promptIds.length + Math.min(room, request.maxNewTokens);
  });
  if (!openBatch) return fail("UNSUPPORTED", "numBeams: needs a cache of float32, got --cache-type q8");
  return openBatch(slots, Math.max(...lengths));
}

/** A stream with notes of what is asked for besides. */
export function noting(
  request: Request,
  start: (settings: Request) => AsyncGenerator<GeneratedToken, Generated>,
): MadeStream {
  const logprobs: TokenLogprob[] = [];
  const promptLogprobs: TokenLogprob[] = [];
  const stream = start({
    ...request,
    onLogprob: (info) => void logprobs.push(info),
    onPromptLogprob: (info) => void promptLogprobs.push(info),
  });
  return (async function* () {
    const done = yield* stream;
    request.constraint?.check(done.ids);
    return { ...done, logprobs, promptLogprobs };
  })();
}

/** The best beams of each prompt, best first. */
export async function* searchedEach(opened: OpenModel, asks: readonly Ask[]): AsyncGenerator<readonly Made[]> {
  using engine = batchFor(opened, asks, asks[0]!.request.numBeams ?? 1);
  for (const { promptIds, request } of asks) {
    const { stop = [], constraint } = request;
    const tokenizer = stop.length > 0 ? tokenizerOf(opened) : opened.tokenizer;
    const textOf = (ids: readonly number[]) => tokenizer && shownAll(tokenizer, promptIds, ids, stop);
    const hasStop = (ids: readonly number[]) => stop.length > 0 && textOf(ids)!.stopped;
    const found = await searchBeams(engine, promptIds, request, hasStop);
    yield wholeOf(found, constraint).map((beam) => {
      return { ...beam, text: textOf(beam.ids)?.text ?? "", logprobs: [], promptLogprobs: [] };
    });
  }
}

/** Those that a form has as whole texts. Throws INCOMPLETE where there is none. */
function wholeOf<T extends { readonly ids: readonly number[] }>(
  found: readonly T[],
  constraint?: Constraint,
): readonly T[] {
  if (!constraint) return found;
  const whole = found.filter(({ ids }) => constraint.isWhole(ids));
  if (whole.length === 0) constraint.check(found[0]!.ids);
  return whole;
}

function shownAll(tokenizer: Tokenizer, promptIds: readonly number[], ids: readonly number[], stop: readonly string[]) {
  const shown = shownText(tokenizer, stop, promptIds);
  for (const id of ids) shown.push(id);
  shown.end();
  return shown;
}
