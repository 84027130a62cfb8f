/** What a server counts. */
import type { ServedModel } from "./context.ts";
import type { TextMeters } from "./metered.ts";
import { createRegistry } from "./metrics.ts";

/** The server's metrics. */
export interface Meters {
  answered(path: string, status: number, ms: number): void;
  /** Told of a model's texts. */
  textsOf(model: string): TextMeters;
  text(): Promise<string>;
}

/** Paths that are counted under their own name; any other could fill the memory. */
const PATHS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/embeddings",
  "/v1/models",
  "/tokenize",
  "/detokenize",
  "/health",
  "/metrics",
];

const SECONDS = [0.01, 0.05, 0.25, 1, 5, 25, 120];
const SHORT_SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1];

/** Metrics of a server of these models. */
export function createMeters(models: readonly ServedModel[]): Meters {
  const registry = createRegistry("ownlm_");
  const requests = registry.counter("requests_total", "Requests by path and status.");
  const seconds = registry.histogram("response_seconds", "Seconds until an answer began.", SECONDS);
  const loads = () =>
    Promise.all(models.map(async ({ name, backend }) => [{ model: name }, await backend.load()] as const));
  registry.gauge("running", "Texts that are being made.", async () =>
    (await loads()).map(([m, { running }]) => [m, running]),
  );
  registry.gauge("waiting", "Texts that wait.", async () => (await loads()).map(([m, { waiting }]) => [m, waiting]));
  registry.gauge("slots", "Texts that can be made at once.", async () =>
    (await loads()).map(([m, { slots }]) => [m, slots]),
  );
  const promptTokens = registry.counter("prompt_tokens_total", "Tokens of prompts.");
  const cachedTokens = registry.counter("cached_prompt_tokens_total", "Tokens of prompts that were known.");
  const madeTokens = registry.counter("completion_tokens_total", "Tokens made.");
  const texts = registry.counter("texts_total", "Texts by how they ended.");
  const first = registry.histogram("first_token_seconds", "Seconds to a text's first token.", SECONDS);
  const between = registry.histogram("between_tokens_seconds", "Seconds between two tokens of a text.", SHORT_SECONDS);
  return {
    textsOf: (model) => ({
      began: (ms) => first.observe(ms / 1000),
      wentOn: (ms) => between.observe(ms / 1000),
      ended(text) {
        promptTokens.add({ model }, text.promptTokens);
        cachedTokens.add({ model }, text.cachedTokens);
        madeTokens.add({ model }, text.completionTokens);
        texts.add({ model, finish: text.finishReason });
      },
    }),
    answered(path, status, ms) {
      requests.add({ path: PATHS.includes(path) ? path : "other", status });
      seconds.observe(ms / 1000);
    },
    text: registry.text,
  };
}
