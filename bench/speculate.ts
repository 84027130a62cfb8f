/**
 * Greedy text with and without speculation, in turns, over drafts that a model has learned to edit; and how often the two
 * differ: `node dist/bench/speculate.js MODEL [--json] [--texts 20] [--quantize 4|8] [--draft MODEL] [--rounds 3]`. The model
 * is one that `ownlm train` made of `node dist/bench/edit-texts.js`'s texts; docs/bench.md says how.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { fail } from "../src/base/errors.ts";
import { rng } from "../src/base/rng.ts";
import { finish } from "../src/generate/library.ts";
import { type OpenModel, openModel, openRuntimeFor } from "../src/generate/load.ts";
import { promptIdsOf, streamAfter } from "../src/generate/text.ts";
import { host } from "../src/host/node.ts";
import { editText } from "./edit-texts.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    texts: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    quantize: { type: "string" },
    cacheType: { type: "string", default: "f32" },
    draft: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});

interface Made {
  readonly ids: readonly number[];
  readonly ms: number;
  /** Of the processor, all threads together: on a busy machine the better measure. */
  readonly cpuMs: number;
}

/** What is made of a prompt, and how long its new tokens took: the prompt is read before. */
async function timed(model: OpenModel, promptIds: readonly number[], options: object, most: number): Promise<Made> {
  const settings = { temperature: 0, maxNewTokens: most, ...options };
  await finish(streamAfter(model, promptIds, { ...settings, maxNewTokens: 1 }, 0));
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const { ids } = await finish(streamAfter(model, promptIds, settings, 0));
  const { user, system } = process.cpuUsage(cpu);
  return { ids, ms: performance.now() - start, cpuMs: (user + system) / 1000 };
}

const folder = positionals[0] ?? fail("USAGE", "speculate: got no model");
const runtime = await openRuntimeFor(host);
const threads = Number(values.threads);
const quantize = values.quantize === undefined ? undefined : (Number(values.quantize) as 4 | 8);
const cacheType = values.cacheType as "f32" | "q8";
using model = await openModel(host, runtime, folder, { threads, quantize, cacheType });
using draft = values.draft === undefined ? undefined : await openModel(host, runtime, values.draft, { threads });

/** Drafts that were not trained on. */
const random = rng(2, "held out");
const texts = Array.from({ length: Number(values.texts) }, () => editText(random));
const sides = { plain: { speculate: "off" }, speculating: { speculate: "auto", draft } } as const;
const times = { plain: [] as number[], speculating: [] as number[] };
const cpuTimes = { plain: 0, speculating: 0 };
let [tokens, differing, copied] = [0, 0, 0];
for (let round = 0; round < Number(values.rounds); round++) {
  const sums = { plain: 0, speculating: 0 };
  for (const { prompt, edited } of texts) {
    const promptIds = promptIdsOf(model, prompt);
    const most = model.tokenizer!.encode(edited).length;
    const made = { plain: [] as readonly number[], speculating: [] as readonly number[] };
    for (const side of ["plain", "speculating"] as const) {
      const { ids, ms, cpuMs } = await timed(model, promptIds, sides[side], most);
      made[side] = ids;
      sums[side] += ms;
      cpuTimes[side] += cpuMs;
    }
    if (made.plain.join() !== made.speculating.join()) differing++;
    if (round > 0) continue;
    tokens += made.plain.length;
    const wanted = model.tokenizer!.encode(edited);
    copied += made.plain.filter((id, i) => id === wanted[i]).length / made.plain.length;
  }
  for (const side of ["plain", "speculating"] as const) times[side].push(sums[side]);
}
const best = { plain: Math.min(...times.plain), speculating: Math.min(...times.speculating) };
const result = {
  model: folder,
  texts: texts.length,
  tokens,
  asEdited: copied / texts.length,
  plainTokensPerSecond: (1000 * tokens) / best.plain,
  speculatingTokensPerSecond: (1000 * tokens) / best.speculating,
  ratios: times.plain.map((ms, i) => ms / times.speculating[i]!),
  cpuRatio: cpuTimes.plain / cpuTimes.speculating,
  differing,
};
process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, undefined, 2)}\n`);
