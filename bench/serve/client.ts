/** Streams of an OpenAI server, as one client of many sees them. Used from a process of its own, so that it costs the server's loop nothing. */

/** What a load is. */
export interface LoadOptions {
  readonly url: string;
  readonly streams: number;
  /** Requests of each stream, one after the other. */
  readonly requests: number;
  readonly maxTokens: number;
  /** Lengths of prompts in tokens, in turn. */
  readonly promptTokens: readonly number[];
  /** Tokens of a prompt that comes while the streams write; then only gaps while it is read count, and the same without it. */
  readonly longPrompt?: number | undefined;
}

/** What a load met; times in milliseconds. */
export interface LoadResult {
  readonly tokens: number;
  readonly seconds: number;
  readonly failed: number;
  readonly firstMs: readonly number[];
  readonly gapsMs: readonly number[];
  /** Those while a long prompt was read. */
  readonly gapsBesideMs: readonly number[];
}

/** Runs a load and returns its figures. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { streams, requests, promptTokens, longPrompt } = options;
  const all: Notes = { tokens: 0, failed: 0, firstMs: [], gapsMs: [], gapsBesideMs: [], isBeside: false };
  const startMs = performance.now();
  await Promise.all([
    ...(longPrompt === undefined ? [] : [besides(options, longPrompt, all)]),
    ...Array.from({ length: streams }, async (_, stream) => {
      for (let i = 0; i < requests; i++) {
        const length = promptTokens[(stream + i) % promptTokens.length]!;
        try {
          await oneRequest(options, length, 1000 * stream + i, all);
        } catch (error) {
          if (all.failed++ === 0) console.error(String(error));
        }
      }
    }),
  ]);
  return { ...all, seconds: (performance.now() - startMs) / 1000 };
}

interface Notes extends Omit<LoadResult, "seconds" | "firstMs" | "gapsMs" | "gapsBesideMs"> {
  tokens: number;
  failed: number;
  readonly firstMs: number[];
  readonly gapsMs: number[];
  readonly gapsBesideMs: number[];
  isBeside: boolean;
}

/** A long prompt, once the streams write. */
async function besides(options: LoadOptions, length: number, all: Notes): Promise<void> {
  while (all.gapsMs.length < 20 * options.streams) await new Promise((resolve) => setTimeout(resolve, 20));
  all.isBeside = true;
  const own: Notes = { tokens: 0, failed: 0, firstMs: [], gapsMs: [], gapsBesideMs: [], isBeside: false };
  await oneRequest({ ...options, maxTokens: 1 }, length, 999_983, own);
  all.isBeside = false;
}

/** Ids that no other request has: a server's memory of prompts shall not help. */
const idsOf = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 300 + ((seed * 7919 + i * 104_729) % 9000));

async function oneRequest({ url, maxTokens }: LoadOptions, length: number, seed: number, all: Notes): Promise<void> {
  const startMs = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      prompt: idsOf(length, seed),
      max_tokens: maxTokens,
      temperature: 1,
      seed,
      stream: true,
      ignore_eos: true,
    }),
  });
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  let lastMs: number | undefined;
  let held = "";
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    held += decoder.decode(piece as Uint8Array, { stream: true });
    const lines = held.split("\n\n");
    held = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const { choices } = JSON.parse(line.slice(6)) as { choices: { text: string; finish_reason: string | null }[] };
      if (choices[0]?.finish_reason !== null) continue;
      const nowMs = performance.now();
      if (lastMs === undefined) all.firstMs.push(nowMs - startMs);
      else (all.isBeside ? all.gapsBesideMs : all.gapsMs).push(nowMs - lastMs);
      lastMs = nowMs;
      all.tokens++;
    }
  }
}

/** The value below which so great a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
