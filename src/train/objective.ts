/** What training minimises, as a graph. Holds no data and no optimiser. */
import { output } from "../graph/build.ts";
import { type PackedGroup, packGraph } from "../graph/pack.ts";
import type { Graph, Value } from "../graph/types.ts";
import { lossGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Tensor } from "../runtime/types.ts";

/** A graph with its loss, not yet differentiated. */
export interface WrittenObjective {
  readonly graph: Graph;
  /** A float32 scalar. */
  readonly loss: Value;
  /** Further float32 scalars by name, which are added up over a step's micro-batches as the loss is. */
  readonly metrics?: Readonly<Record<string, Value>> | undefined;
  /** Results of any shape by name, which an evaluation gives and a step does not compute. */
  readonly results?: Readonly<Record<string, Value>> | undefined;
}

/** What a step minimises: a graph with its loss, and which of its parameters move. */
export interface Objective {
  /** Writes the graph anew, the same one every time. Its inputs have fixed shapes. */
  readonly write: () => WrittenObjective;
  /** True for the parameters that move; the others have no gradient and no optimiser state. */
  readonly isTrained: (name: string) => boolean;
  /** The same for evaluations, where training drops something at random. */
  readonly withoutDropout?: Objective | undefined;
}

/** The mean negative log-likelihood of every next token of (batch, context), all parameters trained. */
export function causalLmObjective(model: CausalLm, batch: number, context: number): Objective {
  return { write: () => lossGraph(model, batch, context), isTrained: () => true };
}

/** An objective whose graph is rewritten in place by `change` once it is written: adapters put in, weights packed. */
export function changedObjective(
  objective: Objective,
  isTrained: Objective["isTrained"],
  change: (graph: Graph) => unknown,
): Objective {
  return {
    isTrained,
    write() {
      const { graph, loss, metrics = {}, results = {} } = objective.write();
      const before = graph.outputs.splice(0);
      const values = [loss, ...Object.values(metrics), ...Object.values(results)];
      // What is no output would be dropped, and what a value became is known of outputs alone.
      for (const [i, value] of values.entries()) output(graph, `${i}`, value);
      change(graph);
      const after = graph.outputs.splice(0).map(({ value }) => value);
      graph.outputs.push(...before);
      const take = (named: Readonly<Record<string, Value>>) =>
        Object.fromEntries(Object.keys(named).map((name) => [name, after.shift()!]));
      return { graph, loss: after.shift()!, metrics: take(metrics), results: take(results) };
    },
  };
}

/**
 * An objective over weights that are stored in blocks. Products with them keep float32 activations, so that gradients are
 * those of the float model with the blocks' numbers; `rounded` takes the products of inference, which round activations to
 * 8 bits and are faster, and passes gradients straight through. The places of the blocks are a stepper's `frozen`. What is
 * trained whole is left as it is. Adapters come before: they are beside the products that this changes.
 */
export function packedObjective(
  objective: Objective,
  groups: readonly PackedGroup[],
  { rounded = false }: { readonly rounded?: boolean | undefined } = {},
): Objective {
  const { isTrained, withoutDropout } = objective;
  // Each weight alone: what joins products also joins what is widened in the backward pass.
  const single = groups.flatMap((group) => group.filter(({ name }) => !isTrained(name)).map((weight) => [weight]));
  if (single.length === 0) return objective;
  const packed = changedObjective(objective, isTrained, (graph) => packGraph(graph, single, { exact: !rounded }));
  return withoutDropout ? { ...packed, withoutDropout: packedObjective(withoutDropout, groups, { rounded }) } : packed;
}

/** The inputs of {@link causalLmObjective} that change from batch to batch, each (B, T). */
export interface CausalLmBatch {
  readonly inputIds: Tensor<"int64">;
  readonly targets: Tensor<"int64">;
  /** What each target counts for; all weights of a step add up to 1. */
  readonly weights: Tensor<"float32">;
}

/** {@link CausalLmBatch} among an objective's inputs, whose positions are set to 0 to T-1 in every row. */
export function causalLmBatch(inputs: Readonly<Record<string, Tensor>>): CausalLmBatch {
  const positions = inputs.position_ids as Tensor<"int64">;
  const tokens = positions.shape[1]!;
  for (let i = 0; i < positions.data.length; i++) positions.data[i] = BigInt(i % tokens);
  return {
    inputIds: inputs.input_ids as Tensor<"int64">,
    targets: inputs.targets as Tensor<"int64">,
    weights: inputs.weights as Tensor<"float32">,
  };
}
