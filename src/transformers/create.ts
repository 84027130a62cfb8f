/** Opens models under transformers.js's names over one host. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import { createLibrary } from "../generate/library.ts";
import type { Host } from "../host/types.ts";
import { readJson } from "../weights/folder.ts";
import { type PreTrainedModel, preTrainedModel } from "./model.ts";
import { bitsOf } from "./names.ts";
import { type TextGenerationPipeline, textGeneration } from "./pipeline.ts";
import { type PreTrainedTokenizer, preTrainedTokenizer } from "./tokenizer.ts";

/** How a model is opened. */
export interface PretrainedOptions {
  /** `q4`, `q4f16`, `bnb4`: 4 bits; `q8`, `int8`, `uint8`: 8; else as the model's files have them. */
  readonly dtype?: string | null;
  /** Any; this version computes on the processor. */
  readonly device?: string | null;
  /** Is told when the model is ready: models are read where they are. */
  readonly progress_callback?: ((progress: { status: "ready"; task?: string; model: string }) => void) | null;
  /** Tokens of prompt and text together. */
  readonly context?: number;
  readonly threads?: number;
}

/** What {@link createTransformers} gives. */
export interface Transformers {
  readonly AutoTokenizer: { from_pretrained(model: string): Promise<PreTrainedTokenizer> };
  readonly AutoModelForCausalLM: {
    from_pretrained(model: string, options?: PretrainedOptions): Promise<PreTrainedModel>;
  };
  /** Throws UNSUPPORTED for any other task. */
  pipeline(task: "text-generation", model: string, options?: PretrainedOptions): Promise<TextGenerationPipeline>;
}

/** transformers.js's functions over a host's files. */
export function createTransformers(host: Host): Transformers {
  const library = createLibrary(host);
  const configOf = (path: string): JsonObject => {
    const file = host.kindOf(path) === "folder" ? host.join(path, "tokenizer_config.json") : undefined;
    const config = file && host.kindOf(file) === "file" ? readJson(host, file) : undefined;
    return isJsonObject(config) ? config : {};
  };
  const openTokenizer = async (path: string) => {
    const config = configOf(path);
    const { pad_token, model_max_length } = config;
    const padToken = isJsonObject(pad_token) ? pad_token.content : pad_token;
    return preTrainedTokenizer(await library.AutoTokenizer.fromPretrained(path), {
      ...(typeof padToken === "string" && { padToken }),
      // Larger numbers stand for no limit.
      ...(typeof model_max_length === "number" && model_max_length < 1e9 && { modelMaxLength: model_max_length }),
    });
  };
  const openModel = async (path: string, { dtype, context, threads }: PretrainedOptions = {}) => {
    const quantize = bitsOf(dtype);
    const model = await library.AutoModelForCausalLM.fromPretrained(path, { quantize, context, threads });
    return preTrainedModel(model);
  };
  return {
    AutoTokenizer: { from_pretrained: openTokenizer },
    AutoModelForCausalLM: {
      async from_pretrained(path, options = {}) {
        const model = await openModel(path, options);
        options.progress_callback?.({ status: "ready", model: path });
        return model;
      },
    },
    async pipeline(task, path, options = {}) {
      if (task !== "text-generation")
        fail("UNSUPPORTED", `pipeline: got the task ${showJson(task)}, expected "text-generation"`);
      const tokenizer = await openTokenizer(path);
      const model = await openModel(path, options);
      options.progress_callback?.({ status: "ready", task, model: path });
      const { add_bos_token, add_eos_token } = configOf(path);
      return textGeneration(model, tokenizer, Boolean(add_bos_token || add_eos_token));
    },
  };
}
