/** ownlm as a process that is measured: `node ownlm-side.js MODEL THREADS CONTEXT`. Started by packed.js. */
import process from "node:process";
import { openModel, openRuntimeFor } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { FIRST_PROMPT, serve, someIds, WARM_STEPS } from "./side.ts";

const [model, threads, context] = process.argv.slice(2);
const runtime = await openRuntimeFor(host);
using opened = await openModel(host, runtime, model!, { threads: Number(threads), context: Number(context) });
using loan = opened.borrow();
const { engine } = loan;
const ids = (count: number) => someIds(count, opened.model.vocabSize);

async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

async function steps(depth: number, tokens: number): Promise<void> {
  engine.truncate(depth);
  for (const id of ids(tokens)) await engine.append([id]);
}

await engine.append(ids(FIRST_PROMPT));
await serve({
  async decode(depth, tokens) {
    engine.truncate(0);
    await engine.append(ids(depth));
    await steps(depth, WARM_STEPS);
    return secondsOf(() => steps(depth, tokens));
  },
  prefill(tokens) {
    engine.truncate(0);
    return secondsOf(() => engine.append(ids(tokens)));
  },
});
