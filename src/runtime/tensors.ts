/** Tensors over JavaScript memory, and what runtimes keep about them. Knows no runtime. */
import { type ArrayOf, bytesOf, type DType, type TensorData, viewAs } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { showShape } from "../base/shapes.ts";
import { checkedSize, copyInto } from "./checks.ts";
import type { Tensor } from "./types.ts";

/** What a runtime knows of its tensor. `length` tells a live array from one whose buffer was transferred away. */
export interface Handle {
  readonly elements: TensorData;
  readonly length: number;
  disposed: boolean;
}

/** Vector registers and cache lines are 64 bytes. */
const ALIGNMENT = 64;

/**
 * Zeros, or a copy of `data`, in an ArrayBuffer of their own: typed arrays made by length may live on V8's heap, and
 * move. `addressOf` gives the address of a buffer's first byte, for elements that start at a multiple of 64 bytes.
 * Throws BAD_DTYPE, BAD_SHAPE or OUT_OF_MEMORY.
 */
export function allocate<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: TensorData | undefined,
  addressOf?: (buffer: ArrayBuffer) => bigint,
): ArrayOf<D> {
  const size = checkedSize(dtype, shape, data);
  const byteLength = size * bytesOf(dtype);
  let elements: ArrayOf<D>;
  try {
    const buffer = new ArrayBuffer(byteLength + (addressOf ? 2 * ALIGNMENT : 0));
    const past = addressOf ? Number(addressOf(buffer) % BigInt(ALIGNMENT)) : 0;
    elements = viewAs(dtype, buffer, past === 0 ? 0 : ALIGNMENT - past, size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail("OUT_OF_MEMORY", `tensor: ${dtype} ${showShape(shape)}: could not get ${byteLength} bytes`, error);
  }
  if (data) copyInto(elements, data);
  return elements;
}

/** A tensor over `elements`, and its handle; `release` is called once, on dispose. */
export function makeTensor<D extends DType, H extends Handle>(
  dtype: D,
  shape: readonly number[],
  handle: H & { readonly elements: ArrayOf<D> },
  release: (handle: H) => void,
): Tensor<D> {
  const dispose = () => {
    if (handle.disposed) return;
    handle.disposed = true;
    release(handle);
  };
  return Object.freeze({
    dtype,
    shape: Object.freeze([...shape]),
    byteLength: handle.elements.byteLength,
    get disposed() {
      return handle.disposed;
    },
    get data() {
      if (handle.disposed) fail("DISPOSED", `tensor ${dtype} ${showShape(shape)}: used after dispose`);
      return handle.elements;
    },
    dispose,
    [Symbol.dispose]: dispose,
  });
}

/** Throws DISPOSED for a tensor that was disposed, or whose buffer was transferred to another thread. */
export function checkLive(handle: Handle, model: string, name: string): void {
  if (handle.disposed) fail("DISPOSED", `${model}: ${name}: the tensor was disposed`);
  if (handle.elements.length !== handle.length)
    fail("DISPOSED", `${model}: ${name}: the tensor's buffer was transferred away`);
}
