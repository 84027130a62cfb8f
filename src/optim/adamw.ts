/** AdamW as a graph (Loshchilov and Hutter 2019): new weights and moments from old ones and gradients. */

import { knownDim } from "../base/shapes.ts";
import { input, output } from "../graph/build.ts";
import { add, concat, div, mul, split, sqrt, sub } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";

/** Hyperparameters that stay the same for a whole run. */
export interface AdamwOptions {
  /** Decay of the mean of gradients, in [0, 1). */
  readonly beta1: number;
  /** Decay of the mean of squared gradients, in [0, 1). */
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay per unit of learning rate, for the parameters that {@link decays} names. */
  readonly weightDecay: number;
}

/** What changes every step: scalars of the graph. */
export interface StepScalars {
  readonly learningRate: Value;
  /** 1 / (1 - beta1^t): the mean's missing mass at step t, from 1. */
  readonly correction1: Value;
  /** 1 / sqrt(1 - beta2^t). */
  readonly correction2: Value;
}

/** Matrices decay; biases, norm scales and other vectors do not. */
export function decays(parameter: Value): boolean {
  return parameter.shape.length >= 2;
}

/** Names of the inputs that {@link stepScalars} declares. */
export const STEP_SCALARS = ["learning_rate", "correction1", "correction2"] as const;

/** Declares the scalars as inputs, {@link STEP_SCALARS}. */
export function stepScalars(graph: Graph): StepScalars {
  const [learningRate, correction1, correction2] = STEP_SCALARS.map((name) => input(graph, name, "float32", []));
  return { learningRate: learningRate!, correction1: correction1!, correction2: correction2! };
}

/** The values of the two corrections at step t, counted from 1. */
export function corrections(
  step: number,
  { beta1, beta2 }: AdamwOptions,
): { correction1: number; correction2: number } {
  return { correction1: 1 / (1 - beta1 ** step), correction2: 1 / Math.sqrt(1 - beta2 ** step) };
}

/** Names of a parameter's state: inputs `adam.m.NAME`, `adam.v.NAME`; outputs `new.NAME`, `new.adam.m.NAME`, ... */
export const stateNames = (parameter: string) => [`adam.m.${parameter}`, `adam.v.${parameter}`] as const;
/** The output that holds the next value of a parameter or state. */
export const nextName = (name: string) => `new.${name}`;

/**
 * Writes the update of one parameter: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, and
 * p = p (1 - lr decay) - lr c1 m / (sqrt(v) c2 + eps), which is PyTorch's order of operations.
 */
export function adamwUpdate(parameter: Value, grad: Value, scalars: StepScalars, options: AdamwOptions): void {
  const { graph, name, shape } = parameter;
  const names = [name, ...stateNames(name)];
  const [m, v] = names.slice(1).map((each) => input(graph, each, "float32", shape)) as [Value, Value];
  const next = adamwStep({ parameter, m, v, grad, isDecayed: decays(parameter) }, scalars, options);
  for (const [i, value] of next.entries()) output(graph, nextName(names[i]!), value);
}

/**
 * {@link adamwUpdate} of several parameters whose rows are equal, one below the other as `grad` is: the same numbers in a
 * fraction of the operator calls, where parameters are many and small.
 */
export function adamwUpdateTogether(
  parameters: readonly Value[],
  grad: Value,
  scalars: StepScalars,
  options: AdamwOptions,
): void {
  const { graph } = grad;
  const namesOf = (name: string) => [name, ...stateNames(name)];
  const states = parameters.map(({ name, shape }) =>
    stateNames(name).map((each) => input(graph, each, "float32", shape)),
  );
  const [parameter, m, v] = [parameters, states.map(([each]) => each!), states.map(([, each]) => each!)].map((values) =>
    concat(values, 0),
  ) as [Value, Value, Value];
  const next = adamwStep({ parameter, m, v, grad, isDecayed: decays(parameter) }, scalars, options);
  const rows = parameters.map(({ shape, name }) => knownDim(shape[0], name));
  const parts = next.map((value) => split(value, 0, rows));
  for (const [i, { name }] of parameters.entries())
    for (const [part, each] of namesOf(name).entries()) output(graph, nextName(each), parts[part]![i]!);
}

/** The next parameter, m and v. */
function adamwStep(
  {
    parameter,
    m: oldM,
    v: oldV,
    grad,
    isDecayed,
  }: Record<"parameter" | "m" | "v" | "grad", Value> & { isDecayed: boolean },
  { learningRate, correction1, correction2 }: StepScalars,
  { beta1, beta2, epsilon, weightDecay }: AdamwOptions,
): readonly [Value, Value, Value] {
  const m = add(mul(oldM, beta1), mul(grad, 1 - beta1));
  const v = add(mul(oldV, beta2), mul(mul(grad, grad), 1 - beta2));
  const change = div(m, add(mul(sqrt(v), correction2), epsilon));
  const rate = mul(learningRate, correction1);
  const kept = isDecayed ? mul(parameter, sub(1, mul(learningRate, weightDecay))) : parameter;
  return [sub(kept, mul(change, rate)), m, v];
}
