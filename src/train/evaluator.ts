/** The loss on text that is not trained on. Reads weights where the stepper keeps them. */

import { createOwner } from "../base/owner.ts";
import { validationWindows } from "../data/batches.ts";
import type { Tokens } from "../data/pack.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { CausalLm } from "../models/types.ts";
import type { Binding, Runtime, SessionOptions, Tensor } from "../runtime/types.ts";
import { evaluationGraph, LOSS } from "./graphs.ts";
import { batchTensors, positionTensor, type Stepper } from "./stepper.ts";

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
  options: EvaluatorOptions,
): Promise<Evaluator> {
  const owner = createOwner();
  const { batch, context } = options;
  try {
    const graph = evaluationGraph(model, batch, context);
    const session = owner.own(
      await runtime.session(
        lowerGraph(graph, () => ({ kind: "input" })),
        { memoryPattern: false, ...options.session },
      ),
    );
    const arrays = batchTensors(runtime, options, owner);
    const positions = owner.own(positionTensor(runtime, options));
    const loss = owner.own(runtime.tensor("float32", []));
    const feeds = {
      input_ids: arrays.inputIds,
      targets: arrays.targets,
      weights: arrays.weights,
      position_ids: positions,
    };
    const bound = bindingsByHalf(stepper, (weights) =>
      owner.own(session.bind({ ...feeds, ...weights }, { [LOSS]: loss })),
    );
    const data = { inputIds: arrays.inputIds.data, targets: arrays.targets.data, weights: arrays.weights.data };
    return {
      async validate(maxTokens, goOn) {
        const maxBatches = Math.ceil(maxTokens / (batch * context));
        const windows = validationWindows(tokens, { batch, context, maxBatches });
        const binding = bound();
        let sum = 0;
        for (let i = 0; i < windows.batches; i++) {
          if (!(await goOn())) return undefined;
          windows.fill(i, data);
          await binding.run();
          sum += loss.data[0]!;
        }
        return { loss: sum, tokens: windows.targets };
      },
      [Symbol.dispose]: owner.dispose,
    };
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

/** The binding of the half of the stepper's state that the weights are in by now, made where it is the first time. */
function bindingsByHalf(stepper: Stepper, bind: (weights: Readonly<Record<string, Tensor>>) => Binding): () => Binding {
  const bindings = new Map<ReadonlyMap<string, Tensor>, Binding>();
  return () => {
    const half = stepper.tensors();
    const known = bindings.get(half);
    if (known) return known;
    const made = bind(Object.fromEntries(stepper.parameters.map((name) => [name, half.get(name)!])));
    bindings.set(half, made);
    return made;
  };
}
