/** The verb `doctor`: what this machine can run, train and tune. */
import { fail } from "../base/errors.ts";
import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntimeFor } from "../generate/load.ts";
import { type Diagnosis, DOCTOR_OPTIONS, type DoctorOptions, examine } from "../inspect/doctor.ts";
import { examineTuning, TUNING_OPTIONS, type TuningOptions } from "../inspect/tuning.ts";
import { tuningLines } from "./doctor-tuning.ts";
import { locateForVerb } from "./model-operand.ts";
import { daysText, figure } from "./plan.ts";
import { steadinessText } from "./steadiness.ts";
import { tableLines } from "./table.ts";
import { liveArea } from "./terminal.ts";
import { visibleText } from "./text.ts";
import { type Io, verb } from "./verb.ts";

export const DOCTOR = verb({
  name: "doctor",
  summary: "Measure this machine for some ten seconds, and show what it can run, train and tune",
  operands: "[folder]",
  arity: [0, 1],
  options: { ...DOCTOR_OPTIONS, ...TUNING_OPTIONS },
  examples: [
    ["ownlm doctor", "cores, memory, speeds, and two tables of what fits"],
    ["ownlm doctor . --json", "with the speed of the disk that holds this folder, for a program"],
    [
      "ownlm doctor mymodel --data chats.jsonl",
      "what tuning this model on these data takes here: memory, time, what fits",
    ],
  ],
  async run(io, { operands, options, given }) {
    if (options.data.length > 0) return runTuning(io, operands[0], given);
    const stray = Object.keys(TUNING_OPTIONS).find((name) => name !== "threads" && name in given);
    if (stray) fail("USAGE", `doctor: ${flagName(stray)} goes with --data. Try: ownlm doctor MODEL --data chats.jsonl`);
    const { threads, context } = given;
    const found = await watched(io, (onProgress) =>
      examine(
        io.host,
        operands[0],
        { threads, context },
        { runtime: () => openRuntimeFor(io.host), onProgress, showName: flagName },
      ),
    );
    if (io.machine) io.json(found);
    else for (const line of diagnosisLines(found)) io.print(line);
  },
});

async function runTuning(io: Io, model: string | undefined, { context, ...given }: TuningGiven): Promise<void> {
  if (model === undefined)
    fail("USAGE", "doctor: got --data and no model, expected one. Try: ownlm doctor MODEL --data chats.jsonl");
  if (context !== undefined) fail("USAGE", "doctor: --context is of the tables without --data. Try --max-length");
  await locateForVerb(io, model, "config");
  const folder = await locateForVerb(io, model, "tokenizer");
  const settings = { folder, runtime: () => openRuntimeFor(io.host), showName: flagName };
  const found = await watched(io, (onProgress) => examineTuning(io.host, model, given, { ...settings, onProgress }));
  if (io.machine) io.json(found);
  else for (const line of tuningLines(found)) io.print(line);
}

type TuningGiven = TuningOptions & DoctorOptions;

async function watched<R>(io: Io, run: (onProgress: (what: string) => void) => Promise<R>): Promise<R> {
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
  try {
    return await run((what) => area?.draw([what]));
  } finally {
    area?.finish([]);
  }
}

/** A diagnosis for a person. */
export function diagnosisLines(found: Diagnosis): string[] {
  return [
    ...measuredLines(found),
    "",
    `Running, with a cache of ${formatCount(found.context)} tokens. Estimated: memory from sizes, tokens/s from the shares above.`,
    ...runTable(found),
    "",
    "Training from nothing (ownlm train --preset). Memory as train plans it; tokens/s estimated; time until 20 tokens a parameter.",
    ...tableLines(
      ["preset", "parameters", "memory", "fits", "tokens/s", "20 a parameter"],
      found.train.map(({ preset, parameters, bytes, fits, tokensPerSecond, hours }) => [
        preset,
        formatCount(parameters),
        formatBytes(bytes),
        fits ? "yes" : "no",
        figure(tokensPerSecond),
        daysText(hours / 24),
      ]),
    ),
    "",
    "Tuning on 512 tokens at once, in float32. All estimated.",
    ...tuneTable(found),
    "",
    `Examined in ${formatDuration(found.tookMs)}. ${steadinessText(found.steadiness)}`,
  ];
}

function measuredLines(found: Diagnosis): string[] {
  const { processor, cores, threads, availableBytes, readBandwidth, gflopsPerSecond, disk, shares } = found;
  const percent = (share: number) => `${(100 * share).toFixed(0)}%`;
  const rows: [string, string][] = [
    [
      "processor",
      `${visibleText(processor.name ?? "unknown")}, ${cores} threads${threads === cores ? "" : `, ${threads} used`}`,
    ],
    ["knows", processor.instructions.length > 0 ? processor.instructions.join(" ") : "instruction sets not known"],
    ["memory", `${formatBytes(availableBytes)} free, read at ${(readBandwidth / 1e9).toFixed(1)} GB/s`],
    ["products", `${gflopsPerSecond.toFixed(0)} GFLOP/s in float32 at the best`],
    [
      "reached",
      `decoding ${percent(shares.decode[32])} of the read bandwidth in float32, ${percent(shares.decode[8])} at 8 bits, ${percent(shares.decode[4])} at 4; training ${percent(shares.train)} of the products' peak`,
    ],
    ["runtime", found.runtime],
  ];
  if (disk)
    rows.push([
      "disk",
      `${formatBytes(disk.freeBytes)} free; writes ${(disk.write / 1e9).toFixed(2)} GB/s durably, reads ${(disk.readCached / 1e9).toFixed(1)} GB/s of what is still in memory`,
    ]);
  return ["Measured now:", ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`)];
}

function runTable({ models }: Diagnosis): string[] {
  const headings = ["model", "parameters", "float32", "tokens/s", "8 bits", "tokens/s", "4 bits", "tokens/s"];
  const rows = models.map(({ model, parameters, run }) => [
    model,
    formatCount(parameters),
    ...run.flatMap(({ bytes, fits, tokensPerSecond }) => [
      formatBytes(bytes),
      fits ? figure(tokensPerSecond) : "too big",
    ]),
  ]);
  return tableLines(headings, rows);
}

function tuneTable({ models }: Diagnosis): string[] {
  const rows = models.map(({ model, tune }) => [
    model,
    ...tune.flatMap(({ bytes, fits, tokensPerSecond }) => [
      formatBytes(bytes),
      fits ? figure(tokensPerSecond) : "too big",
    ]),
  ]);
  return tableLines(["model", "all weights", "tokens/s", "LoRA, rank 16", "tokens/s"], rows);
}
