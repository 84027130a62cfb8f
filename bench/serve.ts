/**
 * A server under load: `node dist/bench/serve.js MODEL [--streams 1,4,16] [--slots 16] [--tokens 64] [--prompts 16,64,256] [--long 800] [--url URL]`.
 * Tokens a second, time to the first token, gaps between tokens, and how far the server's loop lags behind meanwhile. Clients run in a process of
 * their own. With --long a prompt of so many tokens comes while the streams write, and the gaps while it is read are told apart. With --url another OpenAI server is measured instead, for one run with both.
 */
import { fork } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { host } from "../src/host/node.ts";
import { serverHost } from "../src/host/node-server.ts";
import { createServer } from "../src/serve/server.ts";
import { type LoadOptions, type LoadResult, quantile, runLoad } from "./serve/client.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    streams: { type: "string", default: "1,4,16" },
    slots: { type: "string", default: "16" },
    tokens: { type: "string", default: "64" },
    requests: { type: "string", default: "2" },
    prompts: { type: "string", default: "16,64,256" },
    context: { type: "string", default: "1024" },
    threads: { type: "string", default: "2" },
    long: { type: "string" },
    url: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const numbers = (text: string) => text.split(",").map(Number);

/** Runs a load in a process of its own. */
function loadFrom(options: LoadOptions): Promise<LoadResult> {
  const child = fork(fileURLToPath(import.meta.url), [], { serialization: "advanced" });
  child.send(options);
  return new Promise((resolve, reject) => {
    child.once("message", (result) => {
      resolve(result as LoadResult);
      child.kill();
    });
    child.once("error", reject);
  });
}

async function measured(url: string): Promise<void> {
  for (const streams of numbers(values.streams)) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const result = await loadFrom({
      url,
      streams,
      requests: Number(values.requests),
      maxTokens: Number(values.tokens),
      promptTokens: numbers(values.prompts),
      longPrompt: values.long === undefined ? undefined : Number(values.long),
    });
    delay.disable();
    const ms = (value: number) => Math.round(10 * value) / 10;
    const row = {
      streams,
      tokensPerSecond: ms(result.tokens / result.seconds),
      failed: result.failed,
      firstMs: { p50: ms(quantile(result.firstMs, 0.5)), p99: ms(quantile(result.firstMs, 0.99)) },
      ...(values.long && {
        besideLongMs: {
          gaps: result.gapsBesideMs.length,
          p50: ms(quantile(result.gapsBesideMs, 0.5)),
          p95: ms(quantile(result.gapsBesideMs, 0.95)),
        },
      }),
      gapMs: { p50: ms(quantile(result.gapsMs, 0.5)), p95: ms(quantile(result.gapsMs, 0.95)) },
      ...(!values.url && {
        loopLagMs: {
          p50: ms(delay.percentile(50) / 1e6),
          p99: ms(delay.percentile(99) / 1e6),
          max: ms(delay.max / 1e6),
        },
      }),
    };
    process.stdout.write(`${values.json ? JSON.stringify(row) : JSON.stringify(row).replaceAll('"', "")}\n`);
  }
}

async function main(): Promise<void> {
  if (values.url) return measured(values.url);
  const server = await createServer(host, serverHost, positionals, {
    port: 0,
    slots: Number(values.slots),
    context: Number(values.context),
    threads: Number(values.threads),
  });
  const { url } = await server.listen();
  await measured(url);
  await server.close(0);
}

if (process.send && positionals.length === 0)
  process.once("message", async (options) => {
    process.send!(await runLoad(options as LoadOptions));
  });
else await main();
