/** Targets of reshapes that make several named axes, put together from the shapes of a graph's inputs at each run. */
import { fail } from "../base/errors.ts";
import type { Dim, Shape } from "../base/shapes.ts";
import type { OnnxNode, OnnxTensor } from "../onnx/model.ts";
import type { Graph } from "./types.ts";

/** The name of the value that holds a target, and the nodes that make it, the first time that it is asked for. */
export type OpenTargets = (to: Shape) => { readonly name: string; readonly nodes: readonly OnnxNode[] };

/** A maker of targets over a graph's inputs. Adds constants to `initializers`. */
export function openTargets(graph: Graph, initializers: OnnxTensor[]): OpenTargets {
  const known = new Set<string>();
  const lengthOf = (dim: Dim, nodes: OnnxNode[]): string => {
    const name = `length:${dim}`;
    if (known.has(name)) return name;
    known.add(name);
    if (typeof dim === "number")
      initializers.push({
        name,
        dtype: "int64",
        shape: [1],
        data: new Uint8Array(BigInt64Array.of(BigInt(dim)).buffer),
      });
    else nodes.push(shapeNode(graph, dim, name));
    return name;
  };
  return (to) => {
    const name = `shape:${to.join()}`;
    if (known.has(name)) return { name, nodes: [] };
    known.add(name);
    const nodes: OnnxNode[] = [];
    const inputs = to.map((dim) => lengthOf(dim, nodes));
    nodes.push({
      name,
      domain: "",
      opType: "Concat",
      inputs,
      outputs: [name],
      attributes: { axis: { kind: "int", value: 0 } },
    });
    return { name, nodes };
  };
}

/** The length of a named axis, off the first input that has it. */
function shapeNode(graph: Graph, dim: string, name: string): OnnxNode {
  const source = graph.inputs.find(({ shape }) => shape.includes(dim));
  if (!source) return fail("UNSUPPORTED", `Reshape: got the axis ${dim}, expected one that an input has`);
  const axis = source.shape.indexOf(dim);
  const attributes = { start: { kind: "int", value: axis }, end: { kind: "int", value: axis + 1 } } as const;
  return { name, domain: "", opType: "Shape", inputs: [source.name], outputs: [name], attributes };
}
