/** Opens the native runtime for tests, or says why not; runs graphs on it. */
import { bytesOf, type DType, type TensorData, viewAs } from "../../src/base/dtypes.ts";
import { OwnlmError } from "../../src/base/errors.ts";
import { createOwner } from "../../src/base/owner.ts";
import type { Shape } from "../../src/base/shapes.ts";
import { lowerGraph } from "../../src/graph/lower.ts";
import type { Graph } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { openNativeRuntime } from "../../src/runtime/ort-native.ts";
import type { Runtime, Tensor } from "../../src/runtime/types.ts";
import { type Feeds, fedParameter } from "./reference.ts";
import { type NdArray, ndArray, resolveShape } from "./reference-array.ts";

/** The runtime, or undefined where there is no library for this platform. */
export const runtime: Runtime | undefined = openOrNothing();

/** Why tests that need the runtime are skipped, or false. */
export const skipWithoutRuntime = runtime ? false : "ONNX Runtime has no library for this platform";

function openOrNothing(): Runtime | undefined {
  try {
    return openNativeRuntime();
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "RUNTIME_MISSING") return undefined;
    throw error;
  }
}

/** Elements of a dtype over memory of their own. */
export function elements(dtype: DType, { data }: NdArray): TensorData {
  const array = viewAs(dtype, new ArrayBuffer(data.length * bytesOf(dtype)));
  for (const [i, x] of data.entries()) array[i] = dtype === "int64" ? BigInt(x) : x;
  return array;
}

/** A graph bound to tensors that hold its feeds. */
export interface BoundGraph extends Disposable {
  readonly outputs: Readonly<Record<string, Tensor>>;
  run(): Promise<void>;
  /** All outputs, copied. */
  results(): Map<string, NdArray>;
}

/** Lengths of named axes, as the inputs fed have them. */
function axesOf(graph: Graph, feeds: Feeds): (shape: Shape) => number[] {
  const axes = new Map<string, number>();
  for (const { name, shape } of graph.inputs)
    for (const [i, dim] of shape.entries()) if (typeof dim === "string") axes.set(dim, feeds.get(name)!.shape[i]!);
  return (shape) => resolveShape(shape, axes);
}

/** Binds a graph, its parameters fed as inputs; aliased outputs are written over their inputs. */
export async function bindGraph(graph: Graph, feeds: Feeds, threads: number): Promise<BoundGraph> {
  const owner = createOwner();
  const placed = new Map(
    graph.parameters
      .filter(({ value }) => value.dtype === "uint8")
      .map((each) => [each.value.name, elements("uint8", fedParameter(feeds, each)!) as Uint8Array] as const),
  );
  const model = lowerGraph(verifyGraph(graph), (name) =>
    placed.has(name) ? { kind: "memory", data: placed.get(name)! } : { kind: "input" },
  );
  const session = owner.own(await runtime!.session(model, { threads }));
  const arrays = [
    ...graph.inputs.map((value) => [value, feeds.get(value.name)!] as const),
    ...graph.parameters
      .filter(({ value }) => !placed.has(value.name))
      .map((each) => [each.value, fedParameter(feeds, each)!] as const),
  ];
  const fed = arrays.map(([{ name, dtype }, array]) => {
    return [name, owner.own(runtime!.tensor(dtype, array.shape, elements(dtype, array)))] as const;
  });
  const inputs: Record<string, Tensor> = Object.fromEntries(fed);
  const shapeOf = axesOf(graph, feeds);
  const sources = new Map(graph.aliases.map(([from, to]) => [to, from]));
  const made = graph.outputs.map(({ name, value }) => {
    const shared = inputs[sources.get(name) ?? ""];
    return [name, shared ?? owner.own(runtime!.tensor(value.dtype, shapeOf(value.shape)))] as const;
  });
  const outputs = Object.fromEntries(made);
  const binding = owner.own(session.bind(inputs, outputs));
  return {
    outputs,
    run: async () => binding.run(),
    results: () => new Map(Object.entries(outputs).map(([name, { shape, data }]) => [name, ndArray(shape, data)])),
    [Symbol.dispose]: owner.dispose,
  };
}
