/** What a runtime can do: tensors, sessions and bindings. Two implementations, one contract, no ONNX Runtime names. */
import type { ArrayOf, DType, TensorData } from "../base/dtypes.ts";
import type { OnnxModel, OnnxValueInfo } from "../onnx/model.ts";

/** Elements in memory that sessions read and write. Freed by `using` or `dispose`; any use after that throws `DISPOSED`. */
export interface Tensor<D extends DType = DType> extends Disposable {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly disposed: boolean;
  /** The live elements, row-major; a run writes into them. */
  readonly data: ArrayOf<D>;
  dispose(): void;
}

/** How a session computes. */
export interface SessionOptions {
  /** Threads inside one operator, 1 to 256. Default: the runtime's own. */
  readonly threads?: number;
  /** Spin instead of sleeping between operators: faster alone, worse beside other work. Default true. */
  readonly spinning?: boolean;
  /** Names of ONNX Runtime's graph passes to switch off, e.g. "CommonSubexpressionElimination". */
  readonly disabledPasses?: readonly string[];
  /** Reuse freed memory between operators in an arena. Default true. */
  readonly arena?: boolean;
  /**
   * Plan all of a run's memory from the run before it. Default true. Runs are some 5 % faster, and take the activations'
   * memory twice: the plan's one block comes on top of what the arena has handed out before.
   */
  readonly memoryPattern?: boolean;
  /** Write a Chrome-trace profile with this path prefix. */
  readonly profile?: string;
}

/** A model ready to run. */
export interface Session extends Disposable {
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /**
   * Ties a tensor to every input and every output, checking names, dtypes and shapes (named axes must agree across all
   * tensors). A tensor bound to an input and an output at once must be listed in the model's `aliases`.
   */
  bind(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>): Binding;
  dispose(): void;
}

/** Tensors tied to a session; running allocates nothing. Tensors must outlive it. */
export interface Binding extends Disposable {
  /** One run: reads the input tensors, fills the output tensors. The native runtime returns when done; the web one, a promise. */
  run(): void | Promise<void>;
  dispose(): void;
}

/** An engine that runs ONNX models. */
export interface Runtime {
  readonly name: "ort-native" | "ort-web";
  readonly version: string;
  /** A tensor of zeros, or holding a copy of `data` (its length must fit the shape). */
  tensor<D extends DType>(dtype: D, shape: readonly number[], data?: ArrayOf<D> | TensorData): Tensor<D>;
  /**
   * `count` rows of a tensor's first axis from row `from` on as a tensor of their own, over the same memory. Throws
   * BAD_SHAPE where there are no such rows, and DISPOSED.
   */
  rows<D extends DType>(tensor: Tensor<D>, from: number, count: number): Tensor<D>;
  session(model: OnnxModel, options?: SessionOptions): Promise<Session>;
}
