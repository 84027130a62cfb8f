/** Opens model folders as engines and reads logits and greedy continuations off them. */
import { type Engine, openEngine } from "../../src/generate/engine.ts";
import { generateIds } from "../../src/generate/generate.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { findWeight, openWeights, readJson } from "../../src/weights/folder.ts";
import { runtime } from "./reference-runtime.ts";

/** The model of a folder, its weights left in their files, reading prompts in pieces of up to `chunk` tokens. */
export async function openFolder(folder: string, chunk = 512): Promise<Engine> {
  const config = host.join(folder, "config.json");
  const model = modelFromConfig(readJson(host, config), config);
  const weights = openWeights(host, folder);
  const shapes = shapesOf(model);
  const place = (name: string) => {
    const { file, dtype, offset, length } = findWeight(weights, name, shapes.get(name)!, folder);
    return { kind: "file", dtype, at: { file: host.absolute(file), offset, length } } as const;
  };
  return openEngine(runtime!, model, { place }, { chunk, session: { threads: 1 } });
}

/** A model's parameters and their shapes. */
export function shapesOf(model: CausalLm): Map<string, readonly number[]> {
  const b = trainingBuilder("shapes", 1, 1);
  model.head(b, model.hidden(b));
  return new Map(b.graph.parameters.map(({ value }) => [value.name, value.shape as number[]]));
}

/** The logits after each of the ids, read from the beginning of a text. */
export async function logitsOf(engine: Engine, ids: readonly number[]): Promise<number[][]> {
  engine.truncate(0);
  const rows: number[][] = [];
  await engine.appendShowing(ids, (logits) => rows.push([...logits]));
  return rows;
}

/** The most probable ids after a prompt. */
export async function continuationOf(
  engine: Engine,
  prompt: readonly number[],
  maxNewTokens: number,
): Promise<number[]> {
  engine.truncate(0);
  const ids: number[] = [];
  for await (const id of generateIds(engine, prompt, { maxNewTokens })) ids.push(id);
  return ids;
}
