/** Gradient clipping by global norm (Pascanu et al. 2013) as graph functions. */
import { add, div, min, mul, sqrt, sumSquare } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";

/**
 * The Euclidean norm of all gradients together, a scalar. The last gradient is added first: the runtime works depth first,
 * and with the first weight's gradient at the bottom it would walk the whole backward pass, keeping every activation,
 * before it took any other weight's.
 */
export function globalNorm(grads: readonly Value[]): Value {
  return sqrt(
    grads
      .toReversed()
      .map(sumSquare)
      .reduce((sum, part) => add(sum, part)),
  );
}

/** Scales gradients so that their global norm is at most `limit`: by min(1, limit / (norm + 1e-6)), as PyTorch does. */
export function clipByGlobalNorm(grads: readonly Value[], norm: Value, limit: number): Value[] {
  const factor = min(div(limit, add(norm, 1e-6)), 1);
  return grads.map((grad) => mul(grad, factor));
}
