/** The verb `train`: text in, a model of your own out. */

import { fail } from "../base/errors.ts";
import { formatCount, formatDuration, shellPath } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntime } from "../runtime/open.ts";
import type { DoneEvent } from "../train/events.ts";
import { TRAIN_OPTIONS, type TrainOptions } from "../train/options.ts";
import { train } from "../train/train.ts";
import { sampleInTraining } from "./train-sample.ts";
import { trainView } from "./train-view.ts";
import { type Io, verb } from "./verb.ts";

export const TRAIN = verb({
  name: "train",
  summary: "Train a tokenizer and a model on files and folders of text",
  operands: "TEXT...",
  arity: [0, 100_000],
  options: TRAIN_OPTIONS,
  examples: [
    ["ownlm train book.txt --out mymodel", 'trains for ten minutes; then: ownlm generate mymodel "Once"'],
    ["ownlm train notes/ --out mymodel --preset small --epochs 3", "every .txt, .md and .jsonl file of a folder"],
    ["ownlm train --resume --out mymodel", "continues after Ctrl-C or a crash"],
  ],
  async run(io, { operands, given, options }) {
    if (operands.length === 0 && !options.resume)
      fail("USAGE", "train: got no text, expected files or folders of text. Try ownlm train --help");
    const done = await runTraining(io, operands, given);
    if (!io.machine) for (const line of doneLines(done)) io.print(line);
  },
});

/** Trains while showing it on the terminal, or as JSON lines for machines. */
export async function runTraining(io: Io, texts: readonly string[], given: TrainOptions): Promise<DoneEvent> {
  const runtime = await openRuntime();
  const view = io.machine ? undefined : trainView(io);
  try {
    return await train(io.host, runtime, texts, given, {
      onEvent: view?.onEvent ?? io.json,
      signal: io.signal,
      sample: sampleInTraining(runtime),
      showName: flagName,
    });
  } finally {
    view?.end();
  }
}

function doneLines({ out, parameters, step, seconds, valLoss, bitsPerByte }: DoneEvent): string[] {
  const loss =
    valLoss === undefined ? "" : `, validation loss ${valLoss.toFixed(4)} (${bitsPerByte!.toFixed(3)} bits/byte)`;
  return [
    `${formatCount(parameters)} parameters after ${formatCount(step)} steps in ${formatDuration(1000 * seconds)}${loss}`,
    `Your model is in ${out}. Try: ownlm generate ${shellPath(out)} "Once upon a time"`,
  ];
}
