/** The verb `serve`: answers OpenAI's clients until it is told to stop. */
import type { GivenOptions } from "../base/options.ts";
import { MODEL_OPTIONS } from "../generate/options.ts";
import { serverHost } from "../host/open-server.ts";
import type { LogEntry } from "../serve/app.ts";
import { SERVE_OPTIONS } from "../serve/options.ts";
import { createServer } from "../serve/server.ts";
import { noModel } from "./model-operand.ts";
import { visibleText } from "./text.ts";
import { transferView } from "./transfer-view.ts";
import { type Io, verb } from "./verb.ts";

const OPTIONS = { ...SERVE_OPTIONS, ...MODEL_OPTIONS };

/** Milliseconds that running answers are given when the server is told to stop. */
const GRACE_MS = 30_000;

export const SERVE = verb({
  name: "serve",
  summary: "Answer OpenAI's clients over HTTP",
  operands: "[model...]",
  arity: [0, 64],
  options: OPTIONS,
  examples: [
    ["ownlm serve mymodel", "answers on http://127.0.0.1:8080/v1; Ctrl-C ends it when running answers are done"],
    ["ownlm serve mymodel other.gguf --alias small --alias large --port 9000", "two models under names of their own"],
    ["ownlm serve mymodel --adapter tone=a --jobs jobs", "an adapter under its own name; more are tuned on request"],
    ["OWNLM_API_KEYS=secret ownlm serve mymodel --host 0.0.0.0 --json", "for other machines, with a key and a log"],
  ],
  async run(io, { operands, given }) {
    if (operands.length === 0) noModel("serve");
    using view = transferView(io, { lines: false });
    const settings = { ...(given as GivenOptions<typeof OPTIONS>), onLog: (entry: LogEntry) => logged(io, entry) };
    const server = await createServer(io.host, serverHost, operands, { ...settings, ...view });
    view[Symbol.dispose]();
    try {
      const { url } = await server.listen();
      if (io.machine) io.json({ event: "listening", url, models: server.models });
      else io.print(`${visibleText(server.models.join(", "))}: ${url}/v1`);
      await new Promise<void>((resolve) => {
        if (io.signal.aborted) resolve();
        io.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      if (!io.machine) io.warn("Ending; running answers have 30 s. Ctrl-C again ends at once.");
    } finally {
      await server.close(GRACE_MS);
    }
  },
});

/** A line of JSON for machines; people hear of faults alone. */
function logged(io: Io, entry: LogEntry): void {
  if (io.machine) io.json({ time: new Date().toISOString(), ...entry });
  else if (entry.event !== "request")
    io.warn(`ownlm: ${entry.event}: ${visibleText(String(entry.message ?? entry.why ?? ""))}`);
}
