/** What peft computes for adapters on tiny models (tests/golden/tune/lora.py), and the same run here. */
import { readdirSync } from "node:fs";
import { host } from "../../src/host/node.ts";
import { adapterBase } from "../../src/models/adapted.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { addLora, type LoraOptions, trainedWith } from "../../src/nn/lora.ts";
import { causalLmObjective, changedObjective, type Objective } from "../../src/train/objective.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { golden as goldenPath } from "./paths.ts";
import { type NdArray, ndArray } from "./reference-array.ts";
import { goldenFamily, pattern, patternWeights } from "./reference-families.ts";
import { goldenModel, readArrays } from "./reference-models.ts";

/** The cases of tests/golden/tune/lora.py. */
export const LORA_CASES: readonly string[] = readdirSync(goldenPath("tune"))
  .flatMap((file) => /^lora-(.*)\.safetensors$/.exec(file)?.[1] ?? [])
  .sort();

/** A model with adapters, and what peft made of it. */
export interface LoraCase {
  readonly model: CausalLm;
  /** Of the base model, by name. */
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly lora: LoraOptions;
  readonly golden: ReadonlyMap<string, NdArray>;
}

/** Reads a case. */
export function loraCase(name: string): LoraCase {
  const file = goldenPath("tune", `lora-${name}.safetensors`);
  const { metadata } = readSafetensors(host, file);
  const [kind, base] = metadata.get("base")!.split("/") as [string, string];
  const peft = JSON.parse(metadata.get("options")!);
  const lora: LoraOptions = {
    rank: peft.r,
    alpha: peft.lora_alpha,
    rsLora: peft.use_rslora,
    dora: peft.use_dora,
    dropout: peft.lora_dropout,
    targets: peft.target_modules,
    modulesToSave: peft.modules_to_save,
  };
  const known = kind === "models" ? goldenModel(base as "llama-tiny") : familyOf(base);
  return { model: known.model, weights: known.weights, lora, golden: readArrays(file) };
}

function familyOf(name: string) {
  const { model } = goldenFamily(name);
  return { model, weights: patternWeights(model) };
}

/** A model's loss with adapters as an objective. */
export function loraObjective(model: CausalLm, lora: LoraOptions, batch: number, tokens: number): Objective {
  const { tied } = adapterBase(model);
  return changedObjective(causalLmObjective(model, batch, tokens), trainedWith(lora, tied), (graph) =>
    addLora(graph, lora, model.vocabSize, tied),
  );
}

/** What a trained parameter begins from: the base's weight, or for A and B a pattern; undefined for magnitudes. */
export function loraStart({ weights }: LoraCase, name: string, shape: readonly number[]): NdArray | undefined {
  if (!/\.lora_[AB]\.weight$/.test(name)) return weights.get(name);
  const size = shape.reduce((n, dim) => n * dim, 1);
  return ndArray(
    shape,
    pattern(name, size).map((x) => 0.2 * x),
  );
}
