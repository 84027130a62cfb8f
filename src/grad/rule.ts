/** What a gradient rule is given and gives. Knows no operator. */
import { type Shape, sameShape } from "../base/shapes.ts";
import { reduceSum, reshape } from "../graph/functions.ts";
import type { Node, OpName, Value } from "../graph/types.ts";

/** The node as the rule sees it (its outputs may be recomputed twins), and what its first outputs' gradients are. */
export interface RuleArguments<K extends OpName> {
  readonly node: Node<K>;
  readonly inputs: readonly Value[];
  readonly output: Value;
  /** The gradient of the first output; secondary outputs (means, deviations) take none. */
  readonly grad: Value;
  /** All outputs' gradients, for operators with several equal outputs (Split). */
  readonly grads: readonly (Value | undefined)[];
}

/** Gradients of the inputs, in order; undefined for indices and the like. */
export type GradientRule<K extends OpName> = (args: RuleArguments<K>) => readonly (Value | undefined)[];

/** An operator that has no gradient, and why. */
export interface Refusal {
  readonly refused: string;
}

/** Sums a gradient down to the shape its operand had before broadcasting. */
export function sumTo(grad: Value, shape: Shape): Value {
  if (sameShape(grad.shape, shape)) return grad;
  const offset = grad.shape.length - shape.length;
  const axes = [...grad.shape.keys()].filter((i) => i < offset || (shape[i - offset] === 1 && grad.shape[i] !== 1));
  return reshape(axes.length ? reduceSum(grad, axes) : grad, shape);
}
