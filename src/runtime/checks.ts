/** Everything that is checked before a call into a runtime: sizes, names, types, shapes, sharing. Knows no runtime. */
import { type ArrayOf, type DType, isDType, type TensorData } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { evaluateDim, showShape } from "../base/shapes.ts";
import type { OnnxModel, OnnxValueInfo } from "../onnx/model.ts";
import type { SessionOptions, Tensor } from "./types.ts";

/** Typed arrays hold no more elements in the oldest supported engines. */
const MAX_ELEMENTS = 2 ** 32;

/** No operator has use for more axes. */
const MAX_RANK = 64;

/** Elements of a tensor; throws BAD_DTYPE, BAD_SHAPE or OUT_OF_MEMORY for one that cannot be. */
export function checkedSize(dtype: DType, shape: readonly number[], data: TensorData | undefined): number {
  if (typeof dtype !== "string" || !isDType(dtype)) fail("BAD_DTYPE", `tensor: got dtype ${String(dtype)}`);
  if (!Array.isArray(shape)) fail("BAD_SHAPE", `tensor: got ${typeof shape}, expected an array of axis lengths`);
  if (shape.length > MAX_RANK) fail("BAD_SHAPE", `tensor: got ${shape.length} axes, expected at most ${MAX_RANK}`);
  for (const dim of shape)
    if (!Number.isSafeInteger(dim) || dim < 0)
      fail("BAD_SHAPE", `tensor: got the axis length ${String(dim)} in ${showShape(shape)}, expected 0 or more`);
  // A product with a zero is zero, however large the others are.
  const size = shape.includes(0) ? 0 : shape.reduce((n, dim) => n * dim, 1);
  if (size > MAX_ELEMENTS)
    fail("OUT_OF_MEMORY", `tensor: ${showShape(shape)} has ${size} elements, expected at most ${MAX_ELEMENTS}`);
  if (data === undefined) return size;
  if (!ArrayBuffer.isView(data) || (data as ArrayBufferView) instanceof DataView)
    fail("BAD_DTYPE", `tensor: got ${describe(data)} as data, expected a typed array`);
  if (data.length !== size)
    fail("BAD_SHAPE", `tensor: got ${data.length} elements for ${showShape(shape)}, expected ${size}`);
  return size;
}

/** The elements of rows of a tensor, and their shape; throws BAD_SHAPE where it has no such rows. */
export function rowsOf<D extends DType>(
  { data, shape }: Tensor<D>,
  from: number,
  count: number,
): { readonly elements: ArrayOf<D>; readonly shape: number[] } {
  const [rows = 0, ...rest] = shape;
  const isWithin = Number.isInteger(from) && Number.isInteger(count) && from >= 0 && count >= 1 && from + count <= rows;
  if (shape.length === 0 || !isWithin)
    fail("BAD_SHAPE", `rows: got ${count} from ${from} on, expected some of those of ${showShape(shape)}`);
  const width = rest.reduce((n, dim) => n * dim, 1);
  const elements = data.subarray(from * width, (from + count) * width) as ArrayOf<D>;
  return { elements, shape: [count, ...rest] };
}

/** Fills `target` with `data`; throws BAD_DTYPE where their element types differ. */
export function copyInto(target: TensorData, data: TensorData): void {
  if (target.constructor.name !== data.constructor.name && !(isBytes(target) && isBytes(data)))
    fail("BAD_DTYPE", `tensor: got ${data.constructor.name} as data, expected ${target.constructor.name}`);
  (target as Float32Array).set(data as Float32Array);
}

/** Node's Buffer and Uint8ClampedArray are bytes like Uint8Array. */
const isBytes = (data: TensorData) => data.BYTES_PER_ELEMENT === 1 && !(data instanceof Int8Array);

const describe = (value: unknown) => (value === null ? "null" : Array.isArray(value) ? "an array" : typeof value);

/** Throws BAD_OPTION for session options outside their ranges. */
export function checkSessionOptions(options: SessionOptions): void {
  const { threads, disabledPasses, profile } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 256))
    fail("BAD_OPTION", `threads: got ${String(threads)}, expected 1 to 256`);
  for (const name of ["spinning", "arena", "memoryPattern"] as const)
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      fail("BAD_OPTION", `${name}: got ${describe(options[name])}, expected true or false`);
  if (disabledPasses !== undefined && !Array.isArray(disabledPasses))
    fail("BAD_OPTION", `disabledPasses: got ${describe(disabledPasses)}, expected names`);
  for (const pass of disabledPasses ?? [])
    if (typeof pass !== "string" || !/^\w+$/.test(pass))
      fail("BAD_OPTION", `disabledPasses: got ${JSON.stringify(pass)}, expected the name of a pass`);
  if (profile !== undefined && (typeof profile !== "string" || profile === "" || profile.includes("\0")))
    fail("BAD_OPTION", `profile: got ${JSON.stringify(profile)}, expected a path`);
}

/** Throws BAD_GRAPH where values share a name or have none, or an alias or a guard is of what it cannot be. */
export function checkModel(model: OnnxModel): void {
  checkDistinct(model.name, "inputs and initializers", [...model.inputs, ...model.initializers]);
  checkDistinct(model.name, "outputs", model.outputs);
  for (const { input } of model.guards ?? []) {
    const dtype = model.inputs.find(({ name }) => name === input)?.dtype;
    if (dtype !== "int32" && dtype !== "int64")
      fail("BAD_GRAPH", `${model.name}: guards: got ${input} (${dtype}), expected an input of int32 or int64`);
  }
  for (const [from, to] of model.aliases ?? []) {
    const input = model.inputs.find(({ name }) => name === from);
    const output = model.outputs.find(({ name }) => name === to);
    if (!input || !output || input.dtype !== output.dtype)
      fail("BAD_GRAPH", `${model.name}: aliases: got ${from} and ${to}, expected an input and an output of one dtype`);
  }
}

function checkDistinct(model: string, side: string, values: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of values) {
    if (name === "") fail("BAD_GRAPH", `${model}: ${side}: got the empty name`);
    if (seen.has(name)) fail("BAD_GRAPH", `${model}: ${side}: got ${name} twice`);
    seen.add(name);
  }
}

/** Throws what an engine reports as RUNTIME, or as OUT_OF_MEMORY when it ran out of it. */
export function engineFailure(where: string, engine: string, message: string, cause?: unknown): never {
  const code = /bad_alloc|failed to allocate|out of memory|allocation failed/i.test(message)
    ? "OUT_OF_MEMORY"
    : "RUNTIME";
  return fail(code, `${where}: ${engine}: ${message.trim()}`, cause);
}

type Tensors = Readonly<Record<string, Tensor>>;

/** One tensor and the place it is tied to. */
export interface Tie {
  readonly side: "input" | "output";
  readonly name: string;
  readonly tensor: Tensor;
}

/** What a binding binds, inputs first, and the lengths of the named axes. */
export interface BoundTensors {
  readonly ties: readonly Tie[];
  readonly axes: ReadonlyMap<string, number>;
}

/**
 * The ties of a binding. Throws unless there is exactly one fitting tensor for each input and output, all named axes agree, and a tensor is
 * bound twice only as an alias that the model lists.
 */
export function checkBinding(
  model: OnnxModel,
  inputs: Tensors,
  outputs: Tensors,
  isOwn: (t: Tensor) => boolean,
): BoundTensors {
  const axes = new Map<string, number>();
  checkNames(model, "input", model.inputs, inputs);
  checkNames(model, "output", model.outputs, outputs);
  const all = [
    ...model.inputs.map((info) => ({ info, name: info.name, tensor: inputs[info.name]!, side: "input" as const })),
    ...model.outputs.map((info) => ({ info, name: info.name, tensor: outputs[info.name]!, side: "output" as const })),
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
  checkSharing(model, all);
  return { ties: all, axes };
}

function badShape(where: string, tensor: Tensor, info: OnnxValueInfo, axes?: ReadonlyMap<string, number>): never {
  const named = axes?.size ? ` with ${[...axes].map(([name, n]) => `${name} = ${n}`).join(", ")}` : "";
  return fail("BAD_SHAPE", `${where}: got ${showShape(tensor.shape)}, expected ${showShape(info.shape)}${named}`);
}

function checkNames(model: OnnxModel, side: string, infos: readonly OnnxValueInfo[], tensors: Tensors): void {
  if (typeof tensors !== "object" || tensors === null)
    fail("BAD_DATA", `${model.name}: got ${describe(tensors)} as ${side}s, expected tensors by name`);
  const known = new Set(infos.map((info) => info.name));
  for (const name of Object.keys(tensors))
    if (!known.has(name)) {
      const meant = nearest(name, [...known]);
      const hint = meant === undefined ? "" : `. Did you mean ${meant}?`;
      fail("BAD_GRAPH", `${model.name}: got the ${side} ${name}, expected ${listNames([...known])}${hint}`);
    }
  const missing = infos.filter(({ name }) => !Object.hasOwn(tensors, name) || !tensors[name]).map(({ name }) => name);
  if (missing.length) fail("BAD_GRAPH", `${model.name}: got no tensor for the ${side}s ${listNames(missing)}`);
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}

function checkSharing(model: OnnxModel, ties: readonly Tie[]): void {
  const aliases = new Set((model.aliases ?? []).map(([input, output]) => JSON.stringify([input, output])));
  const owners = new Map<Tensor, string>();
  for (const { side, name, tensor } of ties) {
    if (side === "input") continue;
    const other = owners.get(tensor);
    if (other !== undefined)
      fail("BAD_GRAPH", `${model.name}: one tensor is bound to the outputs ${other} and ${name}, which may not share`);
    owners.set(tensor, name);
  }
  for (const { side, name, tensor } of ties) {
    const output = owners.get(tensor);
    if (side === "input" && output !== undefined && !aliases.has(JSON.stringify([name, output])))
      fail(
        "BAD_GRAPH",
        `${model.name}: one tensor is bound to input ${name} and output ${output}, which may not share`,
      );
  }
  checkOverlaps(model, ties);
}

/** Throws BAD_GRAPH where an output shares some of its memory with another tensor: rows of one may be bound apart. */
function checkOverlaps(model: OnnxModel, ties: readonly Tie[]): void {
  const byBuffer = new Map<ArrayBufferLike, Tie[]>();
  for (const tie of ties) {
    const { buffer } = tie.tensor.data;
    const group = byBuffer.get(buffer);
    if (group) group.push(tie);
    else byBuffer.set(buffer, [tie]);
  }
  for (const group of byBuffer.values())
    for (const output of group) {
      if (output.side === "input") continue;
      const other = group.find(({ tensor }) => tensor !== output.tensor && overlap(tensor.data, output.tensor.data));
      if (other)
        fail(
          "BAD_GRAPH",
          `${model.name}: ${other.side} ${other.name} and output ${output.name} share some of their memory`,
        );
    }
}

const overlap = (a: TensorData, b: TensorData) =>
  a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
