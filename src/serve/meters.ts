/** What a server counts. */
import type { ServedModel } from "./context.ts";
import { createRegistry } from "./metrics.ts";

/** The server's metrics. */
export interface Meters {
  answered(path: string, status: number, ms: number): void;
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

/** Metrics of a server of these models. */
export function createMeters(models: readonly ServedModel[]): Meters {
  const registry = createRegistry("ownlm_");
  const requests = registry.counter("requests_total", "Requests by path and status.");
  const seconds = registry.histogram(
    "response_seconds",
    "Seconds until an answer began.",
    [0.01, 0.05, 0.25, 1, 5, 25, 120],
  );
  const loads = () =>
    Promise.all(models.map(async ({ name, backend }) => [{ model: name }, await backend.load()] as const));
  registry.gauge("running", "Texts that are being made.", async () =>
    (await loads()).map(([m, { running }]) => [m, running]),
  );
  registry.gauge("waiting", "Texts that wait.", async () => (await loads()).map(([m, { waiting }]) => [m, waiting]));
  registry.gauge("slots", "Texts that can be made at once.", async () =>
    (await loads()).map(([m, { slots }]) => [m, slots]),
  );
  return {
    answered(path, status, ms) {
      requests.add({ path: PATHS.includes(path) ? path : "other", status });
      seconds.observe(ms / 1000);
    },
    text: registry.text,
  };
}
