/** Where adapters are in a run: put into objectives, and into weights for answers. Knows no files. */
import type { Weights } from "../generate/engine.ts";
import { adapterBase } from "../models/adapted.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import { addLora, type LoraOptions, loraScale, trainedWith } from "../nn/lora.ts";
import { changedObjective, type Objective, packedObjective } from "../train/objective.ts";
import type { Stepper } from "../train/stepper.ts";
import type { BaseModel } from "./base.ts";

/**
 * Puts adapters into an objective: they alone are trained, and the modules that are to be trained whole. Frozen weights of
 * the base that are in blocks are read as such.
 */
export const adapted =
  ({ model, groups, rounded }: Pick<BaseModel, "model" | "groups" | "rounded">, lora: LoraOptions | undefined) =>
  (objective: Objective): Objective => {
    if (!lora) return objective;
    const { tied } = adapterBase(model);
    const withLora = (options: LoraOptions) =>
      changedObjective(objective, trainedWith(options, tied), (graph) =>
        addLora(graph, options, model.vocabSize, tied),
      );
    const made = withLora(lora);
    const whole = lora.dropout ? { ...made, withoutDropout: withLora({ ...lora, dropout: 0 }) } : made;
    return packedObjective(whole, groups, { rounded });
  };

/** The weights of a run as they stand, for an engine. With adapters those of their modules are computed anew. */
export function liveWeights(base: BaseModel, stepper: Stepper, lora: LoraOptions | undefined): Weights {
  const tensors = stepper.tensors();
  if (lora && base.groups.length > 0) return besideBlocks(base, stepper, lora);
  const split = splitWeights(base.model);
  const whole = stepper.parameters.filter((name) => base.shapes.has(name) && !split.has(name));
  const { linears } = adapterBase(base.model);
  return {
    tensors: Object.fromEntries(whole.map((name) => [name, tensors.get(name)!])),
    place(parameter) {
      const trained = tensors.get(parameter);
      if (trained) return split.has(parameter) ? { kind: "memory", data: trained.data } : { kind: "input" };
      if (!lora) return base.place(parameter);
      const module = parameter.slice(0, -".weight".length);
      const of = (part: string) => tensors.get(`${module}.lora_${part}.weight`)?.data;
      const [a, b, magnitude, linear] = [of("A"), of("B"), of("magnitude_vector"), linears.get(module)];
      if (!a || !b || !linear) return base.place(parameter);
      const data = base.read(parameter);
      addProduct(data, { a, b, magnitude, ...linear, rank: lora.rank, scale: loraScale(lora) });
      return { kind: "memory", data };
    },
  };
}

/** The weights that inference reads in parts, each expert's: they are no single input of its graph. */
function splitWeights(model: CausalLm): ReadonlySet<string> {
  return new Set(cachedGraph(model, 1, 1).parameters.flatMap(({ part }) => (part ? [part.whole] : [])));
}

/** Adapters as products of their own: blocks cannot take them up. */
function besideBlocks(
  { model, groups, place }: BaseModel,
  stepper: Pick<Stepper, "tensors" | "parameters">,
  lora: LoraOptions,
): Weights {
  const tensors = stepper.tensors();
  const { tied } = adapterBase(model);
  const options = { ...lora, dropout: 0 };
  const isTrained = trainedWith(options, tied);
  return {
    adapt: (graph) => addLora(graph, options, model.vocabSize, tied),
    tensors: Object.fromEntries(stepper.parameters.map((name) => [name, tensors.get(name)!])),
    groups: groups.map((group) => group.filter(({ name }) => !isTrained(name))).filter((group) => group.length > 0),
    place: (parameter) => (isTrained(parameter) ? { kind: "input" } : place(parameter)),
  };
}

interface Product {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly magnitude: Float32Array | undefined;
  readonly inner: number;
  readonly outer: number;
  readonly rank: number;
  readonly scale: number;
  readonly layout: "out-in" | "in-out";
}

/**
 * W (out, in) gains s B A, with A (r, in) and B (out, r); a W that lies (in, out) its transpose. With DoRA's magnitudes (out) each row is
 * then made as long as its magnitude.
 */
function addProduct(weight: Float32Array, { a, b, magnitude, inner, outer, rank, scale, layout }: Product): void {
  const [rowStep, step] = layout === "out-in" ? [inner, 1] : [1, outer];
  const row = new Float32Array(inner);
  for (let out = 0; out < outer; out++) {
    for (let i = 0; i < inner; i++) row[i] = weight[out * rowStep + i * step]!;
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[out * rank + r]!;
      for (let i = 0; i < inner; i++) row[i]! += factor * a[r * inner + i]!;
    }
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    const factor = magnitude ? magnitude[out]! / length : 1;
    for (let i = 0; i < inner; i++) weight[out * rowStep + i * step] = factor * row[i]!;
  }
}
