/** A causal model with transformers.js's names: tensors of ids in and out. Opens no files. */
import { fail } from "../base/errors.ts";
import type { PretrainedModel } from "../generate/library.ts";
import type { GenerateOptions } from "../generate/request.ts";
import { type GenerationParameters, generationOf } from "./names.ts";
import { isStopped } from "./stopping.ts";
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
      const made: number[][] = [];
      for (const [i, row] of rows.entries()) {
        const ids = row.filter((_, t) => (masks[i]?.[t] ?? 1) !== 0);
        for (const more of await continued(model, ids, given, rows.length)) made.push([...row, ...more]);
      }
      const longest = Math.max(...made.map((row) => row.length));
      const fill = given.pad_token_id ?? padId ?? model.defaults.eosTokenIds[0] ?? 0;
      return tensorOf(made.map((row) => [...row, ...new Array<number>(longest - row.length).fill(fill)]));
    },
    dispose: async () => model.dispose(),
  };
}

/** New ids after a prompt, for each sequence that is asked for. */
async function continued(
  model: PretrainedModel,
  ids: number[],
  given: GenerationParameters,
  rows: number,
): Promise<number[][]> {
  const { options, maxLength } = model.defaults;
  const isSaid = given.max_new_tokens != null || given.max_length != null;
  const isOpen = !isSaid && options.maxNewTokens === undefined && maxLength === undefined;
  const length = isOpen ? { max_length: DEFAULT_LENGTH } : {};
  const settings = generationOf({ ...length, ...given }, ids.length);
  const numReturnSequences = settings.numReturnSequences ?? options.numReturnSequences ?? 1;
  if (given.streamer && rows * numReturnSequences > 1)
    fail("UNSUPPORTED", `streamer: got it with ${rows * numReturnSequences} texts at once, expected one`);
  const made: number[][] = [];
  for (let i = 0; i < numReturnSequences; i++) {
    const seed = settings.seed === undefined ? {} : { seed: settings.seed + i };
    made.push(await oneContinued(model, ids, { ...settings, numReturnSequences: 1, ...seed }, given));
  }
  return made;
}

async function oneContinued(
  model: PretrainedModel,
  ids: number[],
  settings: GenerateOptions,
  { streamer, stopping_criteria }: GenerationParameters,
): Promise<number[]> {
  const made: number[] = [];
  streamer?.put([ids.map(BigInt)]);
  const stream = model.stream(ids, settings);
  for (;;) {
    const { value, done } = await stream.next();
    if (done) {
      if (value.finishReason === "stop" && value.ids.length === made.length) made.push(...endOf(model, streamer));
      break;
    }
    if (value.id === undefined) continue;
    made.push(value.id);
    streamer?.put([[BigInt(value.id)]]);
    if (isStopped(stopping_criteria, [...ids, ...made])) {
      await stream.return(undefined as never);
      break;
    }
  }
  streamer?.end();
  return made;
}

/** The end token, which transformers counts as part of a text. */
function endOf(model: PretrainedModel, streamer: GenerationParameters["streamer"]): number[] {
  const { eosTokenIds } = model.defaults;
  const end = eosTokenIds.find((id) => id === model.tokenizer?.eosId) ?? eosTokenIds[0];
  if (end === undefined) return [];
  streamer?.put([[BigInt(end)]]);
  return [end];
}
