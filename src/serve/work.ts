/** The continuations that one request takes, begun together and read as one stream. Knows no HTTP. */
import type { Backend, Ending, GenerateAsk, Generation, Piece, TokenInfo } from "./backend.ts";
import { type Merged, merged } from "./merge.ts";

/** Continuations under way. */
export interface Work {
  readonly generations: readonly Generation[];
  /** Pieces and endings as they come; to be read to the end, or returned. */
  readonly events: AsyncGenerator<Merged<Piece, Ending>, void>;
  /** Ends them. */
  stop(): void;
}

/** Begins continuations; none is left behind where one is refused. They end when `signal` does. */
export async function beginWork(
  backend: Backend,
  asks: readonly GenerateAsk[],
  signal: AbortSignal | undefined,
): Promise<Work> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const generations: Generation[] = [];
  try {
    for (const [i, ask] of asks.entries())
      generations.push(await backend.generate({ ...ask, joined: i > 0 }, controller.signal));
  } catch (error) {
    stop();
    await Promise.allSettled(generations.map(({ pieces }) => pieces.return(undefined as never)));
    throw error;
  }
  const pieces = generations.map((each) => each.pieces);
  return { generations, events: merged(pieces, stop), stop };
}

/** A continuation as a whole. */
export interface Whole extends Ending {
  readonly text: string;
  /** Where they were asked for. */
  readonly tokens: readonly TokenInfo[];
  readonly promptTokens: readonly TokenInfo[];
}

/** All continuations when they are done. */
export async function wholeOf({ generations, events }: Work): Promise<Whole[]> {
  const all = generations.map(() => ({
    text: "",
    tokens: [] as TokenInfo[],
    promptTokens: [] as readonly TokenInfo[],
  }));
  const endings: Ending[] = [];
  for await (const event of events) {
    const one = all[event.index]!;
    if ("ending" in event) endings[event.index] = event.ending;
    else {
      one.text += event.value.text;
      one.tokens.push(...(event.value.tokens ?? []));
      one.promptTokens = event.value.promptTokens ?? one.promptTokens;
    }
  }
  return all.map((one, i) => ({ ...endings[i]!, ...one }));
}

/** Tokens of a request; the prompt of several continuations counts once. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** What a request took. Every `copies`-th continuation has a prompt of its own. */
export function usageOf({ generations }: Work, endings: readonly Ending[], copies: number): Usage {
  const first = generations.filter((_, i) => i % copies === 0);
  const prompt = first.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const completion = endings.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  const cached = endings.reduce((sum, { cachedTokens }, i) => sum + (i % copies === 0 ? cachedTokens : 0), 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
