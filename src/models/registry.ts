/** Finds the family of a config. A new family is one file and one line here. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { COHERE } from "./cohere.ts";
import { FALCON } from "./falcon.ts";
import { GEMMA } from "./gemma.ts";
import { GEMMA2 } from "./gemma2.ts";
import { GEMMA3 } from "./gemma3.ts";
import { GEMMA3_TEXT } from "./gemma3_text.ts";
import { GPT_NEOX } from "./gpt_neox.ts";
import { GPT_OSS } from "./gpt_oss.ts";
import { GPT2 } from "./gpt2.ts";
import { GRANITE } from "./granite.ts";
import { LLAMA } from "./llama.ts";
import { MISTRAL } from "./mistral.ts";
import { MIXTRAL } from "./mixtral.ts";
import { OLMO2 } from "./olmo2.ts";
import { PHI } from "./phi.ts";
import { PHI3 } from "./phi3.ts";
import { QWEN2 } from "./qwen2.ts";
import { QWEN3 } from "./qwen3.ts";
import { QWEN3_MOE } from "./qwen3_moe.ts";
import { SMOLLM3 } from "./smollm3.ts";
import { STABLELM } from "./stablelm.ts";
import { STARCODER2 } from "./starcoder2.ts";
import type { CausalLm, ModelFamily, ModelSizes } from "./types.ts";

const ALL: readonly ModelFamily[] = [
  COHERE,
  FALCON,
  GEMMA,
  GEMMA2,
  GEMMA3,
  GEMMA3_TEXT,
  GPT2,
  GPT_NEOX,
  GPT_OSS,
  GRANITE,
  LLAMA,
  MISTRAL,
  MIXTRAL,
  OLMO2,
  PHI,
  PHI3,
  QWEN2,
  QWEN3,
  QWEN3_MOE,
  SMOLLM3,
  STABLELM,
  STARCODER2,
];

/** Every family, by `model_type`. */
export const FAMILIES: ReadonlyMap<string, ModelFamily> = new Map(ALL.map((f) => [f.modelType, f]));

/** The family of a `model_type`; UNSUPPORTED lists those there are. */
export function familyOf(modelType: string, where: string): ModelFamily {
  const known = [...FAMILIES.keys()].join(", ");
  return (
    FAMILIES.get(modelType) ??
    fail("UNSUPPORTED", `${where}: model_type: got ${JSON.stringify(modelType)}, expected one of ${known}`)
  );
}

/** The config.json of a new model. Throws BAD_OPTION naming --arch for a family that is only run. */
export function newConfig(modelType: string, sizes: ModelSizes): JsonObject {
  const family = familyOf(modelType, "--arch");
  if (family.newConfig) return family.newConfig(sizes);
  const able = [...FAMILIES.values()].filter((f) => f.newConfig).map((f) => f.modelType);
  return fail("BAD_OPTION", `--arch: got ${modelType}, expected one of ${able.join(", ")}`);
}

/** The model a parsed config.json describes. Throws BAD_CONFIG or UNSUPPORTED naming file and key. */
export function modelFromConfig(config: unknown, where: string): CausalLm {
  if (!isJsonObject(config)) return fail("BAD_CONFIG", `${where}: got no JSON object, expected a model's config`);
  const modelType = config.model_type;
  if (typeof modelType !== "string") return fail("BAD_CONFIG", `${where}: model_type is missing, expected a string`);
  return familyOf(modelType, where).fromConfig(config, where);
}
