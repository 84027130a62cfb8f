/** Both runtimes by name, and small models written by hand. */
import assert from "node:assert/strict";
import type { DType, TensorData } from "../../src/base/dtypes.ts";
import { type ErrorCode, OwnlmError } from "../../src/base/errors.ts";
import { host } from "../../src/host/node.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "../../src/onnx/model.ts";
import { openWebRuntime } from "../../src/runtime/ort-web.ts";
import type { Binding, Runtime } from "../../src/runtime/types.ts";
import { runtime as native, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** The WebAssembly runtime, which reads weights through the host. */
export const web: Runtime = openWebRuntime({
  threads: 2,
  readBytes: async ({ file, offset, length }) => host.readBytes(file, offset, length),
});

/** Every runtime, and why it is skipped. */
export const RUNTIMES: readonly { name: Runtime["name"]; runtime: Runtime; skip: string | false }[] = [
  { name: "ort-native", runtime: native!, skip: skipWithoutRuntime },
  { name: "ort-web", runtime: web, skip: false },
];

/** An input or output. */
export const value = (name: string, dtype: DType, ...shape: (number | string)[]): OnnxValueInfo => ({
  name,
  dtype,
  shape,
});

/** A node of ONNX's own domain, unless another is given, named by its first output. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  domain = "",
): OnnxNode {
  return { name: `${opType}:${outputs[0] ?? ""}`, domain, opType, inputs, outputs, attributes };
}

/** An integer attribute. */
export const int = (n: number): OnnxAttribute => ({ kind: "int", value: n });

/** A constant in memory. */
export function initializer(name: string, dtype: DType, shape: readonly number[], data: ArrayBufferView): OnnxTensor {
  return { name, dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** A model by its parts. */
export function model(
  nodes: readonly OnnxNode[],
  inputs: readonly OnnxValueInfo[],
  outputs: readonly OnnxValueInfo[],
  more: Partial<OnnxModel> = {},
): OnnxModel {
  const opsets = { "": 21, "com.microsoft": 1 };
  return { name: "sample", opsets, nodes, inputs, outputs, initializers: [], ...more };
}

/** y = a + b, over a named axis. */
export const adder = model(
  [node("Add", ["a", "b"], ["y"])],
  [value("a", "float32", "N", 2), value("b", "float32", "N", 2)],
  [value("y", "float32", "N", 2)],
);

/** y = x unchanged. */
export const identity = (dtype: DType, ...shape: number[]): OnnxModel =>
  model([node("Identity", ["x"], ["y"])], [value("x", dtype, ...shape)], [value("y", dtype, ...shape)]);

const nameOf = ({ name }: OnnxValueInfo) => name;

/** Attention over a cache of `positions`: two heads of 8 over one key-value head, one new token. */
export function cached(positions: number): OnnxModel {
  const inputs = [
    value("query", "float32", 1, 1, 16),
    ...["key", "value"].map((name) => value(name, "float32", 1, 1, 8)),
    ...["past_key", "past_value"].map((name) => value(name, "float32", 1, 1, positions, 8)),
    value("seqlens_k", "int32", 1),
    value("total_sequence_length", "int32"),
  ];
  const outputs = ["present_key", "present_value"].map((name) => value(name, "float32", 1, 1, positions, 8));
  const made = ["y", "present_key", "present_value"];
  const heads = { num_heads: int(2), kv_num_heads: int(1) };
  const attention = node("GroupQueryAttention", inputs.map(nameOf), made, heads, "com.microsoft");
  const aliases: OnnxModel["aliases"] = [
    ["past_key", "present_key"],
    ["past_value", "present_value"],
  ];
  return model([attention], inputs, [value("y", "float32", 1, 1, 16), ...outputs], { aliases });
}

/** The error's code and its message, which has to match; the action has to fail. */
export async function refuses(action: () => unknown, code: ErrorCode, says: RegExp): Promise<void> {
  await assert.rejects(
    async () => action(),
    (error) => {
      assert.ok(error instanceof OwnlmError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      return true;
    },
  );
}

/** Runs a model once on the given data and returns its first output's elements. */
export async function outputOf(runtime: Runtime, made: OnnxModel, feeds: Readonly<Record<string, TensorData>>) {
  using session = await runtime.session(made, { threads: 2 });
  const tensors = (side: readonly OnnxValueInfo[]) =>
    Object.fromEntries(
      side.map(({ name, dtype, shape }) => [name, runtime.tensor(dtype, shape as number[], feeds[name])]),
    );
  const outputs = tensors(made.outputs);
  using binding: Binding = session.bind(tensors(made.inputs), outputs);
  await binding.run();
  return outputs[made.outputs[0]!.name]!.data;
}
