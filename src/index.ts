/// <reference lib="esnext.disposable" preserve="true" />
/** The names that programs import from "ownlm". */
import { createLibrary } from "./generate/library.ts";
import { host } from "./host/open.ts";
import { serverHost } from "./host/open-server.ts";
import { createHub } from "./hub/library.ts";
import { createInspect } from "./inspect/library.ts";
import { createQuantize } from "./quantize/library.ts";
import { createServe } from "./serve/library.ts";
import { createTrain } from "./train/library.ts";
import { createTune } from "./tune/library.ts";

export const {
  AutoModelForCausalLM,
  AutoTokenizer,
  generate,
  score,
  next,
  tokenize,
  generateObject,
  exportModel,
  merge,
  bench,
} = createLibrary(host);
export const { pull, list, rm, search, push } = createHub(host);
export const train = createTrain(host);
export const tune = createTune(host);
export const quantize = createQuantize(host);
export const serve = createServe(host, serverHost);
export const { show, plan, doctor, forecast } = createInspect(host);

export { type ErrorCode, OwnlmError } from "./base/errors.ts";
export type { BenchResult, Speed } from "./generate/bench.ts";
export type { Sequence, TextLogprob } from "./generate/continuations.ts";
export type { ExportResult } from "./generate/export-gguf.ts";
export type { FinishReason, GeneratedToken, StopRule } from "./generate/generate.ts";
export type {
  FromPretrainedOptions,
  GenerateManyOptions,
  MergeOptions,
  ModelOperand,
  PretrainedModel,
} from "./generate/library.ts";
export type { OpenModel } from "./generate/load.ts";
export type { MergeResult } from "./generate/merge.ts";
export type { NextOptions, NextResult, TextBranch } from "./generate/next.ts";
export type { ObjectOptions } from "./generate/object.ts";
export type { WindowOptions } from "./generate/score.ts";
export { type IdsScore, type Score, type ScoredToken, type ScoreOptions, scoreCsv } from "./generate/score-text.ts";
export type { ResponseFormat } from "./generate/structured.ts";
export type {
  Continuation,
  GenerateOptions,
  GenerationResult,
  TextCandidate,
  Tokenized,
} from "./generate/text.ts";
export type { LogitsProcessor } from "./generate/warpers.ts";
export type { ObjectSchema, OutputOf } from "./grammar/typed-schema.ts";
export type { Found } from "./hub/client.ts";
export type { CachedRepo, CachedRevision, Removed } from "./hub/contents.ts";
export type { Pulled, PullHooks, PullProgress } from "./hub/pull.ts";
export type { Pushed, PushHooks, PushProgress } from "./hub/push.ts";
export type { Diagnosis } from "./inspect/doctor.ts";
export type { ShownModel } from "./inspect/show.ts";
export type { TuningDiagnosis } from "./inspect/tuning.ts";
export type { ModelPlan } from "./plan/plan.ts";
export type { Comparison } from "./quantize/compare.ts";
export type { QuantizeSettings } from "./quantize/library.ts";
export type { QuantizeOptions } from "./quantize/options.ts";
export type { QuantizeProgress, QuantizeResult } from "./quantize/quantize.ts";
export type { LogEntry } from "./serve/app.ts";
export type { Server, ServeSettings } from "./serve/server.ts";
export type { ChatOptions, ChatTokenizer } from "./tokenizer/chat.ts";
export type { ChatMessage } from "./tokenizer/chat-messages.ts";
export { type ChatTemplate, chatTemplate, type MaskedChat } from "./tokenizer/chat-template.ts";
export { tokenizerFromJson } from "./tokenizer/json.ts";
export { type TrainBpeOptions, trainBpe } from "./tokenizer/train-bpe.ts";
export { type TrainCharOptions, trainChar } from "./tokenizer/train-char.ts";
export type {
  Batch,
  BatchOptions,
  DecodeOptions,
  DecodeStream,
  EncodeOptions,
  Encoding,
  PaddingOptions,
  TextPair,
  Tokenizer,
  TruncationOptions,
} from "./tokenizer/types.ts";
export { tokenizerConfig } from "./tokenizer/write-json.ts";
export type { DoneEvent, TrainEvent } from "./train/events.ts";
export type { TrainSettings } from "./train/library.ts";
export type { TrainOptions } from "./train/options.ts";
export type { TuneDoneEvent, TuneEvent } from "./tune/events.ts";
export type { TuneLibrarySettings } from "./tune/library.ts";
export type { RewardFunction, Rewards } from "./tune/objectives/rewards.ts";
export type { TuneOptions } from "./tune/options.ts";
export type { TuneRecord } from "./tune/record.ts";
