/** Answers of a run's model to its prompts, before and after. Knows the engine, not the loop. */
import { openEngine } from "../generate/engine.ts";
import { readGenerationDefaults } from "../generate/generation-config.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { liveWeights } from "./adapters.ts";
import { sequencesOf, type TuneData } from "./data.ts";
import type { SamplesEvent } from "./events.ts";
import { loraOf } from "./options.ts";
import type { PreparedTune, TuneContext } from "./prepare.ts";
import { answers, exactMatchOf } from "./samples.ts";

/** A function that answers the run's prompts with the weights as they stand; undefined where there are none, or it was stopped. */
export function sampler(
  { host, runtime, tell }: TuneContext,
  { settings, base, data, prompts, stepper }: PreparedTune,
  goOn: () => Promise<boolean>,
): (when: SamplesEvent["when"], step: number) => Promise<SamplesEvent | undefined> {
  const { options } = settings;
  const { model, tokenizer } = base;
  const { eosTokenIds } = readGenerationDefaults(host, base.folder, model.config, model.vocabSize, tokenizer);
  const ends = [...new Set([...eosTokenIds, ...endIdsOf(data, tokenizer)])];
  return async (when, step) => {
    if (prompts.length === 0) return undefined;
    tell({ event: "stage", stage: "samples", message: `answering ${prompts.length} prompts` });
    const open = (capacity: number) =>
      openEngine(runtime, model, liveWeights(base, stepper, loraOf(options)), {
        capacity,
        session: { threads: options.threads },
      });
    const given = { maxNewTokens: options.sampleTokens, eosTokenIds: ends, goOn };
    const samples = await answers(open, prompts, tokenizer, model.maxPositions, given);
    if (!samples) return undefined;
    const exactMatch = exactMatchOf(samples);
    return { event: "samples", step, when, samples, ...(exactMatch !== undefined && { exactMatch }) };
  };
}

/** The special token with which every answer of the data ends, where there is one. */
export function endIdsOf({ train }: TuneData, tokenizer: Tokenizer): number[] {
  const special = new Set(tokenizer.specialTokens.values());
  const ends = new Set<number | undefined>();
  for (const each of train.tokens)
    for (const { ids, mask, cut } of sequencesOf(each)) {
      if (cut > 0) continue;
      const last = [ids.length - 1, ids.length - 2].find((i) => i >= 0 && mask[i] === 1 && special.has(ids[i]!));
      ends.add(last === undefined ? undefined : ids[last]);
    }
  const [only] = ends;
  return ends.size === 1 && only !== undefined ? [only] : [];
}
