/** The names that programs written for transformers.js import from "ownlm/transformers". */
import { host } from "../host/open.ts";
import { createTransformers } from "./create.ts";

export const { AutoTokenizer, AutoModelForCausalLM, pipeline } = createTransformers(host);

export type { PretrainedOptions } from "./create.ts";
export type { GenerateInputs, PreTrainedModel } from "./model.ts";
export type { GenerationParameters } from "./names.ts";
export type { Chat, GeneratedText, TextGenerationOptions, TextGenerationPipeline } from "./pipeline.ts";
export {
  InterruptableStoppingCriteria,
  type Stopping,
  StoppingCriteria,
  StoppingCriteriaList,
} from "./stopping.ts";
export { BaseStreamer, TextStreamer, type TextStreamerOptions } from "./streamer.ts";
export { type Ids, type Slice, Tensor } from "./tensor.ts";
export type { BatchEncoding, PreTrainedTokenizer, TokenizerCallOptions } from "./tokenizer.ts";
