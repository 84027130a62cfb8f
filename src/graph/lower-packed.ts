/** Gives ONNX's DequantizeLinear its operands: a parameter's bytes under the type that they are of, and their zero. */
import { fail } from "../base/errors.ts";
import type { OnnxNode, OnnxTensor, StoredType } from "../onnx/model.ts";
import type { Graph, Node, OpAttributes, Placement, Value } from "./types.ts";

const isUnpacking = ({ op }: Node): boolean => op === "DequantizeLinear";

/** The parameters whose bytes are read as numbers by DequantizeLinear and by nothing else. */
export function unpackedOnly(graph: Graph): ReadonlySet<Value> {
  const found = new Set(graph.nodes.filter(isUnpacking).map(({ inputs }) => inputs[0]!));
  for (const node of graph.nodes)
    if (!isUnpacking(node)) for (const value of node.inputs) if (value) found.delete(value);
  return found;
}

/**
 * The node with the rows that it reads as an initializer of their own, and zeros in the middle of the quants' range. Throws
 * UNSUPPORTED where the weight is fed at each run: uint8 is what a tensor can be, and not what the operator takes.
 */
export function lowerUnpacking(
  node: Node,
  lowered: OnnxNode,
  place: (parameter: string) => Placement,
  initializers: OnnxTensor[],
): OnnxNode {
  const { bits, blockSize, start } = node.attributes as OpAttributes["DequantizeLinear"];
  const [quants, scales] = node.inputs as [Value, Value];
  const [total] = quants.shape as [number];
  const [rows, blocks] = scales.shape as [number, number];
  const placement = quants.kind === "parameter" ? place(quants.name) : undefined;
  if (!placement || placement.kind === "input")
    return fail("UNSUPPORTED", `${node.name}: ${quants.name} is fed at each run, expected a weight that has its place`);
  const dtype = bits === 4 ? "uint4" : "uint8";
  const made = (name: string, shape: readonly number[], data: OnnxTensor["data"]) => {
    if (!initializers.some((each) => each.name === name)) initializers.push({ name, dtype, shape, data });
    return name;
  };
  const [first, length] = [start, rows].map((count) => (count * blocks * blockSize * bits) / 8) as [number, number];
  checkBytes(quants, placement, (total * blocks * blockSize * bits) / 8);
  const table = made(
    `${quants.name}:${dtype}:${start}+${rows}`,
    [rows, blocks * blockSize],
    part(placement, first, length),
  );
  const zero = made(`zero:${dtype}:${rows}x${blocks}`, [rows, blocks], middle(dtype, rows * blocks));
  return { ...lowered, inputs: [table, lowered.inputs[1]!, zero] };
}

function checkBytes({ name }: Value, placement: Exclude<Placement, { kind: "input" }>, expected: number): void {
  const got = placement.kind === "file" ? placement.at.length : placement.data.byteLength;
  if (got !== expected) fail("BAD_WEIGHTS", `${name}: got ${got} bytes, expected ${expected}`);
}

function part(placement: Exclude<Placement, { kind: "input" }>, first: number, length: number): OnnxTensor["data"] {
  if (placement.kind === "file") return { ...placement.at, offset: placement.at.offset + first, length };
  const { buffer, byteOffset } = placement.data;
  return new Uint8Array(buffer, byteOffset + first, length);
}

/** Zero points: 8 of 4 bits, two to a byte, or 128. */
function middle(dtype: StoredType, count: number): Uint8Array {
  return dtype === "uint4" ? new Uint8Array(Math.ceil(count / 2)).fill(0x88) : new Uint8Array(count).fill(0x80);
}
