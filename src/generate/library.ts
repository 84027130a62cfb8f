/** The library's functions over one host: models by Hugging Face's nouns, and the verbs of the command line. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { ObjectSchema, OutputOf } from "../grammar/typed-schema.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { PullHooks } from "../hub/pull.ts";
import type { Runtime } from "../runtime/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type BenchResult, benchModel } from "./bench.ts";
import { openChatTokenizer } from "./chat.ts";
import { continueEach } from "./continuations.ts";
import { exportPath } from "./export.ts";
import type { EXPORT_OPTIONS, ExportResult } from "./export-gguf.ts";
import { findBase } from "./find-base.ts";
import type { GeneratedToken } from "./generate.ts";
import { type OpenModel, type OpenModelOptions, openModel, openRuntimeFor, openTokenizer } from "./load.ts";
import { type MergeHooks, type MergeResult, merge } from "./merge.ts";
import type { MERGE_OPTIONS } from "./merge-options.ts";
import { type NextOptions, type NextResult, nextTokens, type TextBranch } from "./next.ts";
import { type ObjectOptions, objectAfter } from "./object.ts";
import { BATCH_OPTIONS, type BENCH_OPTIONS, type MODEL_OPTIONS, TOKENIZE_OPTIONS } from "./options.ts";
import { VERB_TEMPERATURE } from "./resolve.ts";
import type { WindowOptions } from "./score.ts";
import { type IdsScore, readWholeText, type Score, type ScoreOptions, scoreIds, scoreText } from "./score-text.ts";
import {
  type Continuation,
  finish,
  type GenerateOptions,
  type GenerationResult,
  generationResult,
  promptIdsOf,
  streamAfter,
  type TextCandidate,
  type Tokenized,
  tokenizeText,
} from "./text.ts";

export { finish };

/** A causal language model in memory. Ids in, ids out; several calls may run at once. */
export interface PretrainedModel extends OpenModel {
  /**
   * New ids after `ids`. As in transformers the most probable token is taken each time, unless generation_config.json
   * or the options ask for sampling.
   */
  generate(ids: ArrayLike<number>, options?: GenerateManyOptions): Promise<Continuation>;
  /** New ids after each of several prompts, up to `batch` (8) at once: what each is does not depend on the others. */
  generate(prompts: readonly ArrayLike<number>[], options?: GenerateManyOptions): Promise<Continuation[]>;
  /** {@link PretrainedModel.generate}, a token at a time. */
  stream(ids: ArrayLike<number>, options?: GenerateManyOptions): AsyncGenerator<GeneratedToken, Continuation>;
  /**
   * A value that a schema allows, typed as it: JSON Schema, or a schema of zod 4.2 or another library of the same standard. Throws INCOMPLETE
   * where the new tokens do not suffice for it, UNSUPPORTED for keywords that cannot be honoured.
   */
  generateObject<const S extends ObjectSchema>(
    schema: S,
    prompt: string | ArrayLike<number>,
    options?: ObjectOptions,
  ): Promise<OutputOf<S>>;
  /** log P of each id but the first, and of them all, in nats. */
  score(ids: ArrayLike<number>, options?: WindowOptions): Promise<IdsScore>;
  /** The most probable next tokens. */
  next(ids: ArrayLike<number>, options?: Pick<NextOptions, "top" | "signal">): Promise<readonly TextCandidate[]>;
  /** The most probable continuations as a tree, with their joint probabilities. */
  tree(ids: ArrayLike<number>, options?: Pick<NextOptions, "top" | "depth" | "signal">): Promise<readonly TextBranch[]>;
}

/** {@link GenerateOptions}, and how many texts are computed at once. */
export type GenerateManyOptions = GenerateOptions & GivenOptions<typeof BATCH_OPTIONS>;

/** Who hears of a model that is fetched from the hub, and who may stop it. */
export type FetchHooks = PullHooks;

/** {@link MODEL_OPTIONS}, warnings, hooks for fetching, and a runtime other than the platform's best. */
export interface FromPretrainedOptions extends OpenModelOptions, FetchHooks {
  readonly runtime?: Runtime;
}

/** A folder or a hub's id, which is opened for the call, or a model that is open. */
export type ModelOperand = string | OpenModel;

/** {@link MERGE_OPTIONS}, and who watches the work and may stop it. */
export type MergeOptions = GivenOptions<typeof MERGE_OPTIONS> & Pick<MergeHooks, "signal" | "onProgress">;

type ModelGiven = GivenOptions<typeof MODEL_OPTIONS>;

/** What {@link createLibrary} gives. */
export interface Library {
  readonly AutoModelForCausalLM: {
    /**
     * Opens a model folder in Hugging Face's layout, a GGUF file, or a model of the hub by its id: `gpt2`,
     * `org/name@revision`, `org/name:Q4_0`. What is here comes before the hub's cache, and that before the hub.
     * Dispose the model after use, or let `using` do it.
     */
    fromPretrained(folder: string, options?: FromPretrainedOptions): Promise<PretrainedModel>;
  };
  readonly AutoTokenizer: {
    /** The tokenizer of a folder, of a path to a tokenizer.json, or of a model of the hub. */
    fromPretrained(path: string, hooks?: FetchHooks): Promise<ChatTokenizer>;
  };
  /** Continues a prompt. Samples at temperature 0.8 unless the options or the model's files say otherwise. */
  generate(model: ModelOperand, prompt: string, options?: GenerateManyOptions & ModelGiven): Promise<GenerationResult>;
  /** Continues several prompts, up to `batch` (8) at once. */
  generate(
    model: ModelOperand,
    prompts: readonly string[],
    options?: GenerateManyOptions & ModelGiven,
  ): Promise<GenerationResult[]>;
  /** A value that a schema allows, as {@link PretrainedModel.generateObject} makes it. */
  generateObject<const S extends ObjectSchema>(
    model: ModelOperand,
    schema: S,
    prompt: string,
    options?: ObjectOptions & ModelGiven,
  ): Promise<OutputOf<S>>;
  /** log P of a text, or of a whole file, and of each of its tokens. */
  score(
    model: ModelOperand,
    text: string | { readonly file: string },
    options?: ScoreOptions & ModelGiven,
  ): Promise<Score>;
  /** The distribution of the next token; with `tree` the most probable continuations and their joint probabilities. */
  next(model: ModelOperand, prompt: string, options?: NextOptions & ModelGiven): Promise<NextResult>;
  /** A text's ids and the spelling of each. `model` may be a path to a tokenizer.json. */
  tokenize(
    model: string | Tokenizer,
    text: string,
    options?: GivenOptions<typeof TOKENIZE_OPTIONS>,
  ): Promise<Tokenized>;
  /** Writes a model folder as one GGUF file, tokenizer and chat template inside, for llama.cpp and what is built on it. */
  exportModel(folder: string, options: GivenOptions<typeof EXPORT_OPTIONS>): Promise<ExportResult>;
  /**
   * Works adapters into their base's weights and writes a model folder in the base's layout. Without `base` it is the one
   * that the first adapter names.
   */
  merge(base: string | undefined, adapters: readonly string[], options: MergeOptions): Promise<MergeResult>;
  /** Measures prompt reading and generation against the memory's read bandwidth. */
  bench(folder: string, options?: GivenOptions<typeof BENCH_OPTIONS> & { signal?: AbortSignal }): Promise<BenchResult>;
}

/** The library over a host's files and the best runtime there is, which is opened when it is first needed. */
export function createLibrary(host: Host): Library {
  let shared: Promise<Runtime> | undefined;
  const runtimeOf = () => {
    shared ??= openRuntimeFor(host);
    return shared;
  };
  const open = async (given: string, { runtime, onProgress, signal, ...options }: FromPretrainedOptions = {}) => {
    const hooks = hooksOf(options.onWarning, onProgress, signal);
    return openModel(host, runtime ?? (await runtimeOf()), await locateModel(host, given, "model", hooks), options);
  };
  /** Opens what is a folder for the time of `use`, and gives it the options that are not about opening. */
  const withModel = async <O extends ModelGiven, R>(
    operand: ModelOperand,
    options: O,
    use: (opened: OpenModel, rest: Omit<O, keyof ModelGiven>) => Promise<R>,
  ): Promise<R> => {
    const { context, threads, quantize, cacheType, adapter, ...rest } = options;
    if (typeof operand !== "string") {
      if ([context, threads, quantize, cacheType, adapter].some((option) => option !== undefined))
        fail(
          "BAD_OPTION",
          "context, threads, quantize, cacheType, adapter: got them with an open model, expected them where it is opened",
        );
      return use(operand, rest);
    }
    using opened = await open(operand, { context, threads, quantize, cacheType, adapter });
    return await use(opened, rest);
  };
  return {
    AutoModelForCausalLM: {
      fromPretrained: async (folder, options) => pretrained(await open(folder, options)),
    },
    AutoTokenizer: {
      fromPretrained: async (given, { onWarning, onProgress, signal } = {}) =>
        openChatTokenizer(host, await locateModel(host, given, "tokenizer", hooksOf(onWarning, onProgress, signal))),
    },
    generate: ((
      operand: ModelOperand,
      prompt: string | readonly string[],
      options: GenerateManyOptions & ModelGiven = {},
    ) =>
      withModel(operand, options, async (opened, rest) => {
        if (typeof prompt === "string") {
          const ids = promptIdsOf(opened, prompt);
          return generationResult(ids, await finish(streamMany(opened, ids, rest, VERB_TEMPERATURE)));
        }
        const prompts = prompt.map((each) => promptIdsOf(opened, each));
        const made = await generateMany(opened, prompts, rest, VERB_TEMPERATURE);
        return made.map((each, i) => generationResult(prompts[i]!, each));
      })) as Library["generate"],
    generateObject: (operand, schema, prompt, options = {}) =>
      withModel(operand, options, (opened, rest) => objectAfter(opened, schema, prompt, rest)),
    score: (operand, text, options = {}) =>
      withModel(operand, options, (opened, rest) =>
        scoreText(opened, typeof text === "string" ? text : readWholeText(host, text.file), rest),
      ),
    next: (operand, prompt, options = {}) =>
      withModel(operand, options, (opened, rest) => nextTokens(opened, promptIdsOf(opened, prompt), rest)),
    tokenize: async (operand, text, options = {}) => {
      const { noSpecial } = readOptions(TOKENIZE_OPTIONS, options);
      const path = typeof operand === "string" ? await locateModel(host, operand, "tokenizer") : undefined;
      const tokenizer = path === undefined ? (operand as Tokenizer) : openTokenizer(host, path);
      return tokenizeText(tokenizer, text, !noSpecial);
    },
    exportModel: async (given, options) => exportPath(host, await locateModel(host, given, "model"), options),
    merge: async (base, adapters, { signal, onProgress, ...options }) => {
      const first = adapters[0] ?? fail("BAD_OPTION", "merge: got no adapter, expected one or more folders");
      const path = base === undefined ? await findBase(host, first) : await locateModel(host, base, "model");
      return merge(host, path, adapters, options, { signal, ...(onProgress && { onProgress }) });
    },
    bench: async (given, { signal, ...options } = {}) => {
      const folder = await locateModel(host, given, "model", hooksOf(undefined, undefined, signal));
      return benchModel(host, await runtimeOf(), folder, options, { signal });
    },
  };
}

/** Only the hooks that there are. */
function hooksOf(
  onWarning: PullHooks["onWarning"],
  onProgress: PullHooks["onProgress"],
  signal: AbortSignal | undefined,
): PullHooks {
  return { ...(onWarning && { onWarning }), ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

/** Hugging Face's methods on an open model. */
export function pretrained(opened: OpenModel): PretrainedModel {
  const stream = (ids: ArrayLike<number>, options?: GenerateManyOptions) =>
    streamMany(opened, Array.from(ids), options, 0);
  const generate = (ids: ArrayLike<number> | readonly ArrayLike<number>[], options?: GenerateManyOptions) =>
    isNested(ids)
      ? generateMany(
          opened,
          ids.map((each) => Array.from(each)),
          options,
          0,
        )
      : finish(stream(ids, options));
  return {
    ...opened,
    stream,
    generate: generate as PretrainedModel["generate"],
    generateObject: (schema, prompt, options) => objectAfter(opened, schema, prompt, options),
    score: (ids, options) => scoreIds(opened, Array.from(ids), options),
    next: async (ids, options) => (await nextTokens(opened, Array.from(ids), options)).candidates,
    tree: async (ids, options) => (await nextTokens(opened, Array.from(ids), { ...options, tree: true })).tree!,
  };
}

/** True for several prompts. */
function isNested(ids: ArrayLike<number> | readonly ArrayLike<number>[]): ids is readonly ArrayLike<number>[] {
  return Array.isArray(ids) && ids.length > 0 && typeof ids[0] !== "number";
}

/** {@link streamAfter}, and how many of its continuations are computed at once. */
function streamMany(
  opened: OpenModel,
  ids: readonly number[],
  { batch, ...options }: GenerateManyOptions = {},
  fallbackTemperature: number,
) {
  return streamAfter(opened, ids, options, fallbackTemperature, readOptions(BATCH_OPTIONS, { batch }).batch);
}

async function generateMany(
  opened: OpenModel,
  prompts: readonly (readonly number[])[],
  { batch, ...options }: GenerateManyOptions = {},
  fallbackTemperature: number,
): Promise<Continuation[]> {
  const read = readOptions(BATCH_OPTIONS, { batch });
  const made: Continuation[] = [];
  for await (const each of continueEach(opened, prompts, options, fallbackTemperature, read.batch)) made.push(each);
  return made;
}
