import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import type { TuneEvent } from "../../src/tune/events.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { file, lines, losses, newOut, PAIRS, stopAt, tuned, weights } from "./tuning.ts";

const worse = (i: number) => PAIRS[(i + 13) % PAIRS.length]!.completion;
const preferences = file(
  "preferences.jsonl",
  lines(PAIRS.map(({ prompt, completion }, i) => ({ prompt, chosen: completion, rejected: worse(i) }))),
);
const labelled = file(
  "labelled.jsonl",
  lines(
    PAIRS.map(({ prompt, completion }, i) => ({ prompt, completion: i % 2 ? completion : worse(i), label: !!(i % 2) })),
  ),
);
/** What a model that knows no answer can tell as well. */
const longer = file(
  "longer.jsonl",
  lines(PAIRS.map(({ prompt, completion }) => ({ prompt, chosen: completion, rejected: ` 7${completion} 99` }))),
);
const DATA = { dpo: preferences, orpo: preferences, simpo: preferences, kto: labelled, reward: longer } as const;
const RUN: TuneOptions = { batch: 4, lr: 3e-3, warmup: 0, method: "full" };

const valuesOf = (events: readonly TuneEvent[], name: string) =>
  events.flatMap((event) => (event.event === "eval" ? [event.metrics![name]!] : []));

describe("runs of pairs and labelled answers", { skip: skipWithoutRuntime }, () => {
  for (const [objective, data] of Object.entries(DATA) as [keyof typeof DATA, string][]) {
    const base = { ...RUN, samples: objective === "reward" ? undefined : 0, objective };

    test(`put the better answer above the worse: ${objective}`, async () => {
      const { events } = await tuned(newOut(), { ...base, steps: 60, evalEvery: 60 }, {}, [data]);
      const margins = valuesOf(events, "rewards/margins");
      assert.ok(margins.at(-1)! > margins[0]! + 0.01, `margins: ${margins}`);
      const all = losses(events);
      assert.ok(all.at(-1)! < all[0]!, `losses: ${all[0]} first, ${all.at(-1)} last`);
    });

    test(`go on to the last bit after they were broken off: ${objective}`, async () => {
      const [whole, broken] = [newOut(), newOut()];
      const options = { ...base, steps: 6, evalEvery: 3, checkpointEvery: 2, accumulation: 2, batch: 2 };
      await tuned(whole, options, {}, [data]);
      await stopAt(broken, (event) => event.event === "step" && event.step === 3, options, {}, [data]);
      await tune(host, runtime!, {}, { out: broken, resume: true });
      assert.deepEqual(weights(broken), weights(whole));
    });
  }
});
