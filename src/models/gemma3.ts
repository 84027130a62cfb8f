/** Gemma 3 (Gemma Team 2025) with eyes: its text model alone. Of the parts that see images it knows that it leaves them out. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { configReader } from "./config.ts";
import { textModel } from "./gemma3_text.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const text = r.object("text_config") ?? fail("BAD_CONFIG", `${where}: text_config is missing, expected an object`);
  text.expect("model_type", "gemma3_text");
  // Here the head is outside of the text model: tied whatever that says, and nothing caps the logits.
  for (const reader of [r, text]) reader.expect("tie_word_embeddings", true);
  text.expect("final_logit_softcapping");
  return textModel(text, config, { modelType: "gemma3", names: { root: "language_model.model" } });
}

/** As transformers' Gemma3ForConditionalGeneration without images. */
export const GEMMA3: ModelFamily = {
  modelType: "gemma3",
  architecture: "Gemma3ForConditionalGeneration",
  fromConfig,
};
