/** Losses without training: of text that only validates, or of any objective. Reads weights where the stepper keeps them. */

import { createOwner, type Owner } from "../base/owner.ts";
import { knownShape } from "../base/shapes.ts";
import { validationWindows } from "../data/batches.ts";
import type { Tokens } from "../data/pack.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { Graph } from "../graph/types.ts";
import type { CausalLm } from "../models/types.ts";
import type { Binding, Runtime, SessionOptions, Tensor } from "../runtime/types.ts";
import { evaluationGraph, LOSS, metricName, namesOf, resultName } from "./graphs.ts";
import { causalLmBatch, causalLmObjective, type Objective } from "./objective.ts";
import { inputTensors, placesOf, readSums, type Stepper, type SumsOf } from "./stepper.ts";

/** Where an evaluation finds weights: a stepper, or `tensors` of one's own beside `frozen` ones. */
export type WeightSource = Pick<Stepper, "tensors" | "frozen">;

/** An objective's forward pass. */
export interface Evaluation extends Disposable {
  /** The objective's inputs by name: what a `fill` writes. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The objective's `results` by name, as the last run left them. */
  readonly results: Readonly<Record<string, Tensor>>;
  /** The loss and the metrics of what `fill` writes, with the weights as they stand. */
  run(fill: () => void): Promise<SumsOf>;
}

/** Opens an objective's forward pass over the weights of `source`. */
export async function createEvaluation(
  runtime: Runtime,
  objective: Objective,
  source: WeightSource,
  options: SessionOptions = {},
): Promise<Evaluation> {
  const owner = createOwner();
  try {
    return await openEvaluation(runtime, evaluationGraph(objective), source, options, owner);
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

async function openEvaluation(
  runtime: Runtime,
  graph: Graph,
  source: WeightSource,
  options: SessionOptions,
  { own, dispose }: Owner,
): Promise<Evaluation> {
  const kept = source.tensors();
  const place = placesOf((name) => kept.has(name), source.frozen);
  const session = own(await runtime.session(lowerGraph(graph, place), { memoryPattern: false, ...options }));
  const inputs = inputTensors(graph.inputs, runtime, own);
  const sums = [LOSS, ...namesOf(graph, metricName).map(metricName)].map(
    (name) => [name, own(runtime.tensor("float32", []))] as const,
  );
  const results = namesOf(graph, resultName).map((name) => {
    const { value } = graph.outputs.find((each) => each.name === resultName(name))!;
    return [name, own(runtime.tensor(value.dtype, knownShape(value.shape, name)))] as const;
  });
  const outputs = Object.fromEntries([
    ...sums,
    ...results.map(([name, tensor]) => [resultName(name), tensor] as const),
  ]);
  const fed = graph.parameters.map(({ value }) => value.name).filter((name) => place(name).kind === "input");
  const bound = bindingsByHalf(source, fed, (weights) => own(session.bind({ ...inputs, ...weights }, outputs)));
  return {
    inputs,
    results: Object.fromEntries(results),
    async run(fill) {
      const binding = bound();
      fill();
      await binding.run();
      return readSums(Object.fromEntries(sums));
    },
    [Symbol.dispose]: dispose,
  };
}

/** The binding of the half of the stepper's state that the weights are in by now, made where it is the first time. */
function bindingsByHalf(
  source: WeightSource,
  names: readonly string[],
  bind: (weights: Readonly<Record<string, Tensor>>) => Binding,
): () => Binding {
  const bindings = new Map<ReadonlyMap<string, Tensor>, Binding>();
  return () => {
    const half = source.tensors();
    const known = bindings.get(half);
    if (known) return known;
    const made = bind(Object.fromEntries(names.map((name) => [name, half.get(name)!])));
    bindings.set(half, made);
    return made;
  };
}

/** The mean loss of a validation. */
export interface Validation {
  /** In nats a token. */
  readonly loss: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** Validates a model in training. */
export interface Evaluator extends Disposable {
  /**
   * The mean loss over windows side by side, about `maxTokens` tokens of them. `goOn` is asked between batches;
   * when it says no there is no result.
   */
  validate(maxTokens: number, goOn: () => Promise<boolean>): Promise<Validation | undefined>;
}

/** What an evaluator is made from. */
export interface EvaluatorOptions {
  readonly batch: number;
  readonly context: number;
  readonly session?: SessionOptions;
}

/** An evaluator of a stepper's weights as they stand when it is asked. */
export async function createEvaluator(
  runtime: Runtime,
  model: CausalLm,
  stepper: Stepper,
  tokens: Tokens,
  { batch, context, session }: EvaluatorOptions,
): Promise<Evaluator> {
  const evaluation = await createEvaluation(runtime, causalLmObjective(model, batch, context), stepper, session);
  const { inputIds, targets, weights } = causalLmBatch(evaluation.inputs);
  const data = { inputIds: inputIds.data, targets: targets.data, weights: weights.data };
  return {
    async validate(maxTokens, goOn) {
      const maxBatches = Math.ceil(maxTokens / (batch * context));
      const windows = validationWindows(tokens, { batch, context, maxBatches });
      let sum = 0;
      for (let i = 0; i < windows.batches; i++) {
        if (!(await goOn())) return undefined;
        sum += (await evaluation.run(() => windows.fill(i, data))).loss;
      }
      return { loss: sum, tokens: windows.targets };
    },
    [Symbol.dispose]: () => evaluation[Symbol.dispose](),
  };
}
