/** Where adapters are in a run: put into objectives, and into weights for answers. Knows no files. */
import type { Weights } from "../generate/engine.ts";
import { output } from "../graph/build.ts";
import type { Graph, Value } from "../graph/types.ts";
import { adapterBase } from "../models/adapted.ts";
import type { CausalLm } from "../models/types.ts";
import { addLora, isLoraParameter, type LoraOptions, loraScale } from "../nn/lora.ts";
import type { Objective, WrittenObjective } from "../train/objective.ts";
import type { Stepper } from "../train/stepper.ts";
import type { BaseModel } from "./base.ts";

/** Puts adapters into an objective: they alone are trained. */
export const adapted =
  (model: CausalLm, lora: LoraOptions | undefined) =>
  (objective: Objective): Objective => {
    if (!lora) return objective;
    return {
      isTrained: isLoraParameter,
      write: () => following(objective.write(), (graph) => void addLora(graph, lora, model.vocabSize)),
    };
  };

/** What was written, with its values as they are after `change` has put others in their place. */
function following(
  { graph, loss, metrics = {}, results = {} }: WrittenObjective,
  change: (graph: Graph) => void,
): WrittenObjective {
  const kept = graph.outputs.length;
  const all = [loss, ...Object.values(metrics), ...Object.values(results)];
  for (const [i, value] of all.entries()) output(graph, `followed.${i}`, value);
  change(graph);
  const now = new Map(graph.outputs.splice(kept).map(({ value }, i) => [all[i]!, value]));
  const renewed = (values: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, now.get(value)!]));
  return { graph, loss: now.get(loss)!, metrics: renewed(metrics), results: renewed(results) };
}

/** The weights of a run as they stand, for an engine. With adapters those of their modules are computed anew. */
export function liveWeights(base: BaseModel, stepper: Stepper, lora: LoraOptions | undefined): Weights {
  const tensors = stepper.tensors();
  if (!lora) {
    const all = Object.fromEntries(stepper.parameters.map((name) => [name, tensors.get(name)!]));
    return { place: () => ({ kind: "input" }), tensors: all };
  }
  const { linears } = adapterBase(base.model);
  return {
    place(parameter) {
      const module = parameter.slice(0, -".weight".length);
      const [a, b] = ["A", "B"].map((part) => tensors.get(`${module}.lora_${part}.weight`));
      const linear = linears.get(module);
      if (!a || !b || !linear) return base.place(parameter);
      const data = base.read(parameter);
      addProduct(data, a.data, b.data, { ...linear, rank: lora.rank, scale: loraScale(lora) });
      return { kind: "memory", data };
    },
  };
}

/** W (out, in) gains s B A, with A (r, in) and B (out, r); a W that lies (in, out) its transpose. */
function addProduct(
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  { inner, outer, rank, scale, layout }: { inner: number; outer: number; rank: number; scale: number; layout: string },
): void {
  const row = new Float32Array(inner);
  for (let out = 0; out < outer; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[out * rank + r]!;
      for (let i = 0; i < inner; i++) row[i]! += factor * a[r * inner + i]!;
    }
    if (layout === "out-in") for (let i = 0; i < inner; i++) weight[out * inner + i]! += row[i]!;
    else for (let i = 0; i < inner; i++) weight[i * outer + out]! += row[i]!;
  }
}
