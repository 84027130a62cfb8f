/** A model whose texts are counted and timed. */
import type { Backend, Ending, Piece } from "./backend.ts";

/** Who is told. */
export interface TextMeters {
  /** A text has its first token, so many milliseconds after it was asked for. */
  began(ms: number): void;
  /** So many milliseconds lay between two tokens. */
  wentOn(ms: number): void;
  ended(text: { readonly promptTokens: number } & Ending): void;
}

/** The same model; `meters` hear of its texts. */
export function metered(backend: Backend, meters: TextMeters): Backend {
  return {
    ...backend,
    async generate(ask, signal) {
      const startMs = performance.now();
      const generation = await backend.generate(ask, signal);
      return { ...generation, pieces: timed(generation.pieces, startMs, generation.promptTokens, meters) };
    },
  };
}

/** The same pieces; a reader that leaves, leaves the source. */
function timed(
  source: AsyncGenerator<Piece, Ending>,
  startMs: number,
  promptTokens: number,
  meters: TextMeters,
): AsyncGenerator<Piece, Ending> {
  let lastMs: number | undefined;
  const heard = (step: IteratorResult<Piece, Ending>) => {
    if (step.done) {
      // One that was left has no ending.
      if (step.value) meters.ended({ ...step.value, promptTokens });
    } else if (step.value.ids.length > 0) {
      const nowMs = performance.now();
      if (lastMs === undefined) meters.began(nowMs - startMs);
      else meters.wentOn(nowMs - lastMs);
      lastMs = nowMs;
    }
    return step;
  };
  return {
    next: async () => heard(await source.next()),
    return: (value) => source.return(value),
    throw: (error) => source.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await source.return(undefined as never);
    },
  };
}
