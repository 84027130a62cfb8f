/** Makes small model folders with random weights, for tests of what reads them. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { createOwner } from "../../src/base/owner.ts";
import { parameterShapes } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { familyOf, newConfig } from "../../src/models/registry.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { tokenizerConfig } from "../../src/tokenizer/write-json.ts";
import { initialValue } from "../../src/train/init.ts";
import { publishModel } from "../../src/weights/folder.ts";
import type { NamedTensor } from "../../src/weights/safetensors.ts";

export const FAMILIES = ["gpt2", "llama"] as const;

const { own, dispose } = createOwner();
after(dispose);

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-test-"));
  own({ [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) });
  return folder;
}

/** Byte-level BPE with few merges, so that most characters beyond ASCII are several tokens. */
export function smallTokenizer(): Tokenizer {
  return trainBpe(["the cat sat on the mat; the dog sat on the cat. Once upon a time there was a cat."], {
    vocabSize: 290,
  });
}

/** How a test folder differs from the usual one. */
export interface FolderOptions {
  readonly seed?: number;
  readonly context?: number;
  readonly tokenizer?: Tokenizer | undefined;
  /** Rows of the embedding beyond the tokenizer's. */
  readonly padding?: number;
  /** Multiplies the weights: larger ones make surer models. */
  readonly scale?: number;
  readonly generationConfig?: object;
}

/** Random weights of a model, as they are published. */
export function randomTensors(model: CausalLm, seed: number, scale: number): NamedTensor[] {
  const b = trainingBuilder("shapes", 1, 1);
  model.head(b, model.hidden(b));
  const shapes = parameterShapes(model);
  return b.graph.parameters.map((parameter) => {
    const { name } = parameter.value;
    const grown = parameter.init.kind === "normal" ? scale : 1;
    const data = initialValue(parameter, seed).map((x) => grown * x);
    return { name, dtype: "float32", shape: shapes.get(name)!, data };
  });
}

/** A whole model folder; returns its path. */
export function modelFolder(family: (typeof FAMILIES)[number], options: FolderOptions = {}): string {
  const { seed = 1, context = 64, padding = 0, scale = 8, generationConfig } = options;
  const tokenizer = "tokenizer" in options ? options.tokenizer : smallTokenizer();
  const { bosId, eosId } = tokenizer ?? {};
  const kind = familyOf(family, "test");
  const config = newConfig(family, {
    vocabSize: (tokenizer?.vocabSize ?? 290) + padding,
    layers: 2,
    heads: 4,
    kvHeads: family === "llama" ? 2 : 4,
    dim: 32,
    context,
    ...(bosId !== undefined && { bosTokenId: bosId }),
    ...(eosId !== undefined && { eosTokenId: eosId }),
  });
  const model = kind.fromConfig(config, "test");
  const folder = path.join(temporaryFolder(), family);
  const files = {
    "config.json": config,
    ...(tokenizer && {
      "tokenizer.json": tokenizer.toJSON(),
      "tokenizer_config.json": tokenizerConfig(tokenizer, { modelMaxLength: context }),
    }),
    ...(generationConfig && { "generation_config.json": generationConfig }),
  };
  publishModel(host, folder, files, randomTensors(model, seed, scale));
  return folder;
}
