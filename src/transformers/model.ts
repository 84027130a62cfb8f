/** A causal model with transformers.js's names: tensors of ids in and out. Opens no files. */
import { fail } from "../base/errors.ts";
import type { Continuation, Sequence } from "../generate/continuations.ts";
import type { PretrainedModel } from "../generate/library.ts";
import type { GenerateOptions } from "../generate/request.ts";
import { type GenerationParameters, generationOf } from "./names.ts";
import { isStopped } from "./stopping.ts";
import type { BaseStreamer } from "./streamer.ts";
import { type Ids, rowsOf, type Tensor, tensorOf } from "./tensor.ts";

/** What `generate` is given: the tokenizer's output, and how to continue it. */
export interface GenerateInputs extends GenerationParameters {
  readonly input_ids?: Tensor | readonly Ids[];
  readonly inputs?: Tensor | readonly Ids[];
  readonly attention_mask?: Tensor | readonly Ids[] | null;
}

/** What `AutoModelForCausalLM.from_pretrained` gives. */
export interface PreTrainedModel {
  /** The content of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The model with ownlm's names. */
  readonly model: PretrainedModel;
  /** Prompts and what comes after them (B, T), rows filled up at the end. End tokens are among them. */
  generate(inputs: GenerateInputs): Promise<Tensor>;
  dispose(): Promise<void>;
}

/** As in transformers where nothing says how long a text may be: tokens of prompt and text. */
const DEFAULT_LENGTH = 20;

/** A model under transformers.js's names. `padId` fills rows up where `pad_token_id` is not given. */
export function preTrainedModel(model: PretrainedModel, padId?: number): PreTrainedModel {
  return {
    config: model.model.config,
    model,
    async generate({ input_ids, inputs, attention_mask, token_type_ids: _, ...given }) {
      const batch = input_ids ?? inputs ?? fail("BAD_OPTION", "generate: got no input_ids, expected the tokenizer's");
      const rows = rowsOf(batch);
      const masks = attention_mask ? rowsOf(attention_mask) : [];
      const prompts = rows.map((row, i) => row.filter((_, t) => (masks[i]?.[t] ?? 1) !== 0));
      const made = await continued(model, prompts, given, Math.max(0, ...rows.map(({ length }) => length)));
      const texts = made.flatMap((each, i) => each.map((more) => [...rows[i]!, ...more]));
      const longest = Math.max(...texts.map((row) => row.length));
      const fill = given.pad_token_id ?? padId ?? model.defaults.eosTokenIds[0] ?? 0;
      return tensorOf(texts.map((row) => [...row, ...new Array<number>(longest - row.length).fill(fill)]));
    },
    dispose: async () => model.dispose(),
  };
}

/** New ids after each prompt, one or more lists of them. `promptTokens` is what a `max_length` counts of the longest prompt. */
export async function continued(
  model: PretrainedModel,
  prompts: readonly (readonly number[])[],
  given: GenerationParameters,
  promptTokens: number,
): Promise<number[][][]> {
  const settings = settingsOf(model, given, promptTokens);
  const made = given.streamer
    ? [await streamed(model, prompts, settings, given.streamer)]
    : await model.generate(prompts, settings);
  return made.map((each) => (each.sequences ?? [each]).map(withEnd));
}

/** What is asked for with the model's own ways: options that need sampling count where somebody asks for sampling. */
function settingsOf(model: PretrainedModel, given: GenerationParameters, promptTokens: number): GenerateOptions {
  const { options, maxLength, doSample = false } = model.defaults;
  const isSaid = given.max_new_tokens != null || given.max_length != null;
  const isOpen = !isSaid && options.maxNewTokens === undefined && maxLength === undefined;
  const asked = {
    ...(isOpen && { max_length: DEFAULT_LENGTH }),
    ...(options.temperature !== undefined && { temperature: options.temperature }),
    ...given,
    do_sample: given.do_sample ?? doSample,
  };
  const { stopping_criteria } = given;
  const stopWhen = stopping_criteria ? [(ids: readonly number[]) => isStopped(stopping_criteria, [...ids])] : [];
  return { ...generationOf(asked, promptTokens), stopWhen };
}

/** The only continuation of the only prompt, shown as it comes. */
async function streamed(
  model: PretrainedModel,
  prompts: readonly (readonly number[])[],
  settings: GenerateOptions,
  streamer: BaseStreamer,
): Promise<Continuation> {
  const { numReturnSequences = model.defaults.options.numReturnSequences ?? 1 } = settings;
  if (prompts.length * numReturnSequences > 1)
    fail("UNSUPPORTED", `streamer: got it with ${prompts.length * numReturnSequences} texts at once, expected one`);
  const [ids] = prompts as [readonly number[]];
  streamer.put([ids.map(BigInt)]);
  const stream = model.stream(ids, { ...settings, numReturnSequences });
  for (;;) {
    const { value, done } = await stream.next();
    if (done) {
      if (value.endId !== undefined) streamer.put([[BigInt(value.endId)]]);
      streamer.end();
      return value;
    }
    if (value.id !== undefined) streamer.put([[BigInt(value.id)]]);
  }
}

/** New ids and the end token, which transformers counts as part of a text. */
const withEnd = ({ ids, endId }: Sequence) => (endId === undefined ? ids : [...ids, endId]);
