/** Activation functions by the names that Hugging Face's configs give them. Knows no weights. */
import { apply } from "../graph/build.ts";
import { gelu, mul, sigmoid, silu, tanh } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";

/** A function of each element. */
export type Activation = (x: Value) => Value;

const relu: Activation = (x) => apply("Relu", [x], {})[0];
const exactGelu: Activation = (x) => gelu(x, "none");
/** GELU by its tanh approximation. */
export const tanhGelu: Activation = (x) => gelu(x, "tanh");

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: exactGelu,
  gelu_python: exactGelu,
  gelu_new: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  quick_gelu: (x) => apply("QuickGelu", [x], { alpha: 1.702 })[0],
  silu,
  swish: silu,
  relu,
  /** The square of relu (So et al. 2021). */
  relu2: (x) => mul(relu(x), relu(x)),
  sigmoid,
  tanh,
  linear: (x) => x,
};

/** Every name that {@link activation} knows. */
export const ACTIVATION_NAMES: readonly string[] = Object.keys(ACTIVATIONS);

/** The function of a name, or undefined for one that is not known. */
export function activation(name: string): Activation | undefined {
  return Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
}
