/** Lets a model in training continue a prompt, with its weights where they are. */
import { openEngine } from "../generate/engine.ts";
import { generateText } from "../generate/generate.ts";
import type { Runtime } from "../runtime/types.ts";
import type { TrainHooks } from "../train/train.ts";

/** Tokens of a sample. */
const SAMPLE_TOKENS = 48;

/** What `train` calls for `--prompt`. A seed of its own makes samples of different steps comparable. */
export function sampleInTraining(runtime: Runtime): NonNullable<TrainHooks["sample"]> {
  return async (model, tokenizer, weights, prompt) => {
    const ids = tokenizer.encode(prompt, { addSpecialTokens: false });
    const capacity = Math.min(model.maxPositions, ids.length + SAMPLE_TOKENS);
    const place = () => ({ kind: "input" }) as const;
    using engine = await openEngine(runtime, model, { place, tensors: weights }, { capacity });
    const eosTokenIds = tokenizer.eosId === undefined ? [] : [tokenizer.eosId];
    const { text } = await generateText(engine, tokenizer, ids, { temperature: 0.8, topK: 40, seed: 1, eosTokenIds });
    return prompt + text;
  };
}
