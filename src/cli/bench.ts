/** The verb `bench`: how fast a model runs, and how near that is to what the memory allows. */

import { formatBytes } from "../base/format.ts";
import { type BenchResult, benchModel, type Speed } from "../generate/bench.ts";
import { openRuntimeFor } from "../generate/load.ts";
import { BENCH_OPTIONS } from "../generate/options.ts";
import { locateForVerb, noModel } from "./model-operand.ts";
import { liveArea } from "./terminal.ts";
import { visibleText } from "./text.ts";
import { verb } from "./verb.ts";

export const BENCH = verb({
  name: "bench",
  summary: "Measure how fast a model reads and writes",
  operands: "[model]",
  arity: [0, 1],
  options: BENCH_OPTIONS,
  examples: [
    ["ownlm bench mymodel", "pp512 and tg128 five times each, as llama-bench does"],
    ["ownlm bench mymodel -p 64 -n 32 -r 3 --threads 1 --json", "less of it, for a program"],
  ],
  async run(io, { operands, options }) {
    const folder = await locateForVerb(io, operands[0] ?? noModel("bench"));
    const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
    const onProgress = (done: number, total: number) => area?.draw([`measuring, ${done} of ${total} times done`]);
    const runtime = await openRuntimeFor(io.host);
    const result = await benchModel(io.host, runtime, folder, options, { signal: io.signal, onProgress });
    area?.finish([]);
    if (io.machine) io.json(result);
    else for (const line of benchLines(result)) io.print(line);
  },
});

function benchLines(result: BenchResult): string[] {
  const { pp, tg, weightBytes, readBandwidth, readBandwidthFraction, threads } = result;
  const at = result.depth > 0 ? ` @ d${result.depth}` : "";
  const rows = [
    ["test", "tokens/s"],
    [`pp${pp.tokens}${at}`, speedText(pp)],
    [`tg${tg.tokens}${at}`, speedText(tg)],
  ] as const;
  const width = Math.max(...rows.map(([name]) => name.length));
  const share = (100 * readBandwidthFraction).toFixed(readBandwidthFraction < 0.1 ? 1 : 0);
  return [
    `${visibleText(result.model)}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
    ...rows.map(([name, speed]) => `${name.padEnd(width)}  ${speed}`),
    `A new token reads ${formatBytes(weightBytes)} of weights: ${share}% of the ${(readBandwidth / 1e9).toFixed(1)} GB/s that these threads read`,
    ...(result.note === undefined ? [] : [`Measured less than asked for: ${result.note}`]),
  ];
}

const speedText = ({ tokensPerSecond, deviation }: Speed) => `${tokensPerSecond.toFixed(2)} ± ${deviation.toFixed(2)}`;
