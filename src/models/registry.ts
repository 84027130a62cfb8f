/** Finds the family of a config. A new family is one file and one line here. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { GPT2 } from "./gpt2.ts";
import { LLAMA } from "./llama.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

/** Every family, by `model_type`. */
export const FAMILIES: ReadonlyMap<string, ModelFamily> = new Map([GPT2, LLAMA].map((f) => [f.modelType, f]));

/** The family of a `model_type`; UNSUPPORTED lists those there are. */
export function familyOf(modelType: string, where: string): ModelFamily {
  const known = [...FAMILIES.keys()].join(", ");
  return (
    FAMILIES.get(modelType) ??
    fail("UNSUPPORTED", `${where}: model_type: got ${JSON.stringify(modelType)}, expected one of ${known}`)
  );
}

/** The model a parsed config.json describes. Throws BAD_CONFIG or UNSUPPORTED naming file and key. */
export function modelFromConfig(config: unknown, where: string): CausalLm {
  if (!isJsonObject(config)) return fail("BAD_CONFIG", `${where}: got no JSON object, expected a model's config`);
  const modelType = config.model_type;
  if (typeof modelType !== "string") return fail("BAD_CONFIG", `${where}: model_type is missing, expected a string`);
  return familyOf(modelType, where).fromConfig(config, where);
}
