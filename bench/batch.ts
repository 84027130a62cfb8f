/**
 * Greedy texts side by side beside one after the other, in turns, over the same prompts:
 * `node dist/bench/batch.js MODEL [--slots 8] [--tokens 64] [--rounds 5] [--threads 2]`. Without speculation.
 */
import { parseArgs } from "node:util";
import { fail } from "../src/base/errors.ts";
import { createBatcher } from "../src/generate/batcher.ts";
import { generateIds } from "../src/generate/generate.ts";
import { finish } from "../src/generate/library.ts";
import { openModel, openRuntimeFor } from "../src/generate/load.ts";
import { host } from "../src/host/node.ts";
import { median } from "./measure.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    slots: { type: "string", default: "8" },
    tokens: { type: "string", default: "64" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
  },
});
const folder = positionals[0] ?? fail("USAGE", "expected a model");
const [slots, tokens] = [Number(values.slots), Number(values.tokens)];
const prompts = Array.from({ length: slots }, (_, i) =>
  Array.from({ length: 8 }, (_, t) => 10 + ((i * 31 + t * 7) % 200)),
);
const settings = { maxNewTokens: tokens };
using opened = await openModel(host, await openRuntimeFor(host), folder, {
  threads: Number(values.threads),
  context: 8 + tokens,
});

/** Wall and processor seconds of a function. */
async function timed(run: () => Promise<unknown>): Promise<{ wall: number; processor: number }> {
  const [start, usage] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(usage);
  return { wall: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

const alone = () =>
  timed(async () => {
    for (const prompt of prompts) {
      using loan = opened.borrow();
      for await (const _ of generateIds(loan.engine, prompt, settings));
    }
  });

const together = () =>
  timed(async () => {
    using engine = opened.openBatch!(slots);
    const batcher = createBatcher(engine, undefined);
    await Promise.all(prompts.map((promptIds) => finish(batcher.submit({ promptIds, settings }))));
    await batcher.close();
  });

await together();
type Spent = Awaited<ReturnType<typeof timed>>;
const pairs: { readonly one: Spent; readonly all: Spent }[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const first = round % 2 ? await alone() : await together();
  const second = round % 2 ? await together() : await alone();
  pairs.push(round % 2 ? { one: first, all: second } : { one: second, all: first });
}
const of = (ratio: (pair: (typeof pairs)[number]) => number) => Number(median(pairs.map(ratio)).toFixed(2));
console.log(
  JSON.stringify({
    folder,
    slots,
    tokens,
    rounds: pairs.length,
    tokensPerSecondAlone: of(({ one }) => (slots * tokens) / one.wall),
    tokensPerSecondTogether: of(({ all }) => (slots * tokens) / all.wall),
    timesTheThroughput: of(({ one, all }) => one.wall / all.wall),
    timesByProcessorTime: of(({ one, all }) => one.processor / all.processor),
  }),
);
