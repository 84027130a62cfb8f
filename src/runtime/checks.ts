/** Everything that is checked before a call into a runtime: sizes, names, types, shapes, sharing. Knows no runtime. */
import { bytesOf, type DType, isDType, type TensorData } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { evaluateDim, showShape } from "../base/shapes.ts";
import type { OnnxModel, OnnxValueInfo } from "../onnx/model.ts";
import type { SessionOptions, Tensor } from "./types.ts";

/** Elements of a tensor; throws BAD_DTYPE, BAD_SHAPE or OUT_OF_MEMORY for one that cannot be. */
export function checkedSize(dtype: DType, shape: readonly number[], data: ArrayLike<unknown> | undefined): number {
  if (typeof dtype !== "string" || !isDType(dtype)) fail("BAD_DTYPE", `tensor: got dtype ${String(dtype)}`);
  if (!Array.isArray(shape)) fail("BAD_SHAPE", `tensor: got ${typeof shape}, expected an array of axis lengths`);
  for (const dim of shape)
    if (!Number.isSafeInteger(dim) || dim < 0)
      fail("BAD_SHAPE", `tensor: got the axis length ${String(dim)} in ${showShape(shape)}, expected 0 or more`);
  const size = shape.reduce((n, dim) => n * dim, 1);
  if (size * bytesOf(dtype) > 2 ** 43)
    fail("OUT_OF_MEMORY", `tensor: ${dtype} ${showShape(shape)} would take ${size * bytesOf(dtype)} bytes`);
  if (data !== undefined && data.length !== size)
    fail("BAD_SHAPE", `tensor: got ${data.length} elements for ${showShape(shape)}, expected ${size}`);
  return size;
}

/** Fills `target` with `data`; throws BAD_DTYPE where one holds big integers and the other does not. */
export function copyInto(target: TensorData, data: TensorData): void {
  const big = (x: TensorData) => x instanceof BigInt64Array;
  if (big(target) !== big(data))
    fail("BAD_DTYPE", `tensor: got ${data.constructor.name}, expected ${target.constructor.name}`);
  (target as Float32Array).set(data as Float32Array);
}

/** Throws BAD_OPTION for session options outside their ranges. */
export function checkSessionOptions({ threads }: SessionOptions): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 256))
    fail("BAD_OPTION", `threads: got ${threads}, expected 1 to 256`);
}

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * Throws unless there is exactly one fitting tensor for each input and output, all named axes agree, and a tensor is
 * bound twice only as an alias that the model lists.
 */
export function checkBinding(model: OnnxModel, inputs: Tensors, outputs: Tensors, isOwn: (t: Tensor) => boolean): void {
  const axes = new Map<string, number>();
  checkNames(model, "input", model.inputs, inputs);
  checkNames(model, "output", model.outputs, outputs);
  const all = [
    ...model.inputs.map((info) => ({ info, tensor: inputs[info.name]!, side: "input" })),
    ...model.outputs.map((info) => ({ info, tensor: outputs[info.name]!, side: "output" })),
  ];
  for (const { info, tensor, side } of all) {
    const where = `${model.name}: ${side} ${info.name}`;
    if (!isOwn(tensor)) fail("BAD_DTYPE", `${where}: got no tensor of this runtime. Make it with runtime.tensor().`);
    if (tensor.disposed) fail("DISPOSED", `${where}: the tensor was disposed`);
    if (tensor.dtype !== info.dtype) fail("BAD_DTYPE", `${where}: got ${tensor.dtype}, expected ${info.dtype}`);
    if (tensor.shape.length !== info.shape.length) badShape(where, tensor, info);
    for (const [i, dim] of info.shape.entries())
      if (typeof dim === "string" && /^[A-Za-z_]\w*$/.test(dim) && !axes.has(dim)) axes.set(dim, tensor.shape[i]!);
  }
  for (const { info, tensor, side } of all)
    for (const [i, dim] of info.shape.entries()) {
      const expected = evaluateDim(dim, axes);
      if (expected !== undefined && expected !== tensor.shape[i])
        badShape(`${model.name}: ${side} ${info.name}`, tensor, info, axes);
    }
  checkSharing(model, inputs, outputs);
}

function badShape(where: string, tensor: Tensor, info: OnnxValueInfo, axes?: ReadonlyMap<string, number>): never {
  const named = axes?.size ? ` with ${[...axes].map(([name, n]) => `${name} = ${n}`).join(", ")}` : "";
  return fail("BAD_SHAPE", `${where}: got ${showShape(tensor.shape)}, expected ${showShape(info.shape)}${named}`);
}

function checkNames(model: OnnxModel, side: string, infos: readonly OnnxValueInfo[], tensors: Tensors): void {
  if (typeof tensors !== "object" || tensors === null) fail("BAD_DATA", `${model.name}: got no ${side}s`);
  const known = new Set(infos.map((info) => info.name));
  for (const name of Object.keys(tensors))
    if (!known.has(name))
      fail("BAD_GRAPH", `${model.name}: there is no ${side} ${name}, expected ${listNames([...known])}`);
  const missing = infos.filter(({ name }) => !Object.hasOwn(tensors, name) || !tensors[name]).map(({ name }) => name);
  if (missing.length) fail("BAD_GRAPH", `${model.name}: got no tensor for the ${side}s ${listNames(missing)}`);
}

function listNames(names: readonly string[]): string {
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}

function checkSharing(model: OnnxModel, inputs: Tensors, outputs: Tensors): void {
  const aliases = new Set((model.aliases ?? []).map(([input, output]) => `${input}\n${output}`));
  const owners = new Map<Tensor, string>();
  for (const { name } of model.outputs) {
    const other = owners.get(outputs[name]!);
    if (other !== undefined)
      fail("BAD_GRAPH", `${model.name}: one tensor is bound to the outputs ${other} and ${name}`);
    owners.set(outputs[name]!, name);
  }
  for (const { name } of model.inputs) {
    const output = owners.get(inputs[name]!);
    if (output !== undefined && !aliases.has(`${name}\n${output}`))
      fail(
        "BAD_GRAPH",
        `${model.name}: one tensor is bound to input ${name} and output ${output}, which may not share`,
      );
  }
}
