/** The task of a run, from its options, its data and what the base is. Knows no weights. */
import type { Example } from "../data/example.ts";
import { evaluationRows } from "../train/plan.ts";
import { adapted } from "./adapters.ts";
import type { TuneData } from "./data.ts";
import { KINDS, type KindWorld } from "./kinds.ts";
import { loraOf, type RunTune } from "./options.ts";
import type { PlannedBase } from "./plan.ts";
import type { TuneTask } from "./task.ts";

/** The task of a run over data, whatever its weights are. */
export function taskFor(
  base: Pick<PlannedBase, "model" | "groups" | "rounded">,
  data: Pick<TuneData, "train" | "validation">,
  options: RunTune,
  world: KindWorld<Example>,
): TuneTask {
  const { objective, rowTokens, batch, seed } = options;
  const kind = KINDS[objective];
  const parts = {
    model: base.model,
    adapted: adapted(base, loraOf(options)),
    train: data.train.tokens,
    validation: data.validation.tokens,
    rowTokens,
    batch,
    valBatch: evaluationRows({ batch, context: rowTokens * kind.rowsOfExample(options) }),
    seed,
  };
  return kind.task(parts, options, world);
}
