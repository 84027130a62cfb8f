/** Reads a model in ONNX's protobuf wire format, as far as ownlm writes it. Knows the format, and nothing of operators. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { DType } from "../base/dtypes.ts";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { checkTensorSize } from "./check.ts";
import { ATTRIBUTE_TYPES, DATA_TYPES, STORED_TYPES } from "./encode.ts";
import type { OnnxAttribute, OnnxBranch, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo, StoredType } from "./model.ts";

const byCode = <T extends string>(types: Readonly<Record<T, number>>): ReadonlyMap<number, T> =>
  new Map((Object.entries(types) as [T, number][]).map(([dtype, code]) => [code, dtype]));

const DTYPES: ReadonlyMap<number, DType> = byCode(DATA_TYPES);
const STORED: ReadonlyMap<number, StoredType> = byCode(STORED_TYPES);

/** Reads one field's value. */
type Read = (reader: BinaryReader, wire: WireType) => void;

/** Fields by number; "skip" is for remarks that change nothing, such as documentation. Others are refused. */
type Fields = Readonly<Record<number, Read | "skip">>;

/**
 * A model of the kind that {@link encodeModel} writes; data are views of `bytes`. Throws BAD_GRAPH for bytes that are cut
 * short or corrupt, and UNSUPPORTED for parts of ONNX that ownlm never writes, such as subgraphs and functions.
 * `aliases` are not in the format.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  try {
    return modelProto(bytes);
  } catch (error) {
    if (error instanceof OwnlmError) throw error;
    return fail("BAD_GRAPH", `model: corrupt: ${messageOf(error)}`, error);
  }
}

function readFields(bytes: Uint8Array, where: string, fields: Fields): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const read = Object.hasOwn(fields, field) ? fields[field]! : undefined;
    if (read === undefined) fail("UNSUPPORTED", `${where}: got field ${field}, which ownlm does not read`);
    if (read === "skip") reader.skip(wire, field);
    else read(reader, wire);
  }
}

/** Fields of the given kinds, each with its wire type checked. */
const expect = (wire: WireType, read: (reader: BinaryReader) => void): Read => {
  return (reader, got) => {
    if (got !== wire) fail("BAD_GRAPH", `model: got wire type ${got}, expected ${wire}`);
    read(reader);
  };
};
const message = (use: (bytes: Uint8Array) => void) => expect(WireType.LengthDelimited, (r) => use(r.bytes()));
const text = (use: (value: string) => void) => expect(WireType.LengthDelimited, (r) => use(r.string(true)));
const int = (use: (value: number) => void) => expect(WireType.Varint, (r) => use(safeInt(r)));
const float = (use: (value: number) => void) => expect(WireType.Bit32, (r) => use(r.float()));

function safeInt(reader: BinaryReader): number {
  const value = Number(reader.int64());
  return Number.isSafeInteger(value) ? value : fail("BAD_GRAPH", `model: got the integer ${value}, which is too large`);
}

/** A repeated number: one by one, or packed into one field. */
function repeated(wire: WireType, read: (reader: BinaryReader) => number, use: (value: number) => void): Read {
  return (reader, got) => {
    if (got !== WireType.LengthDelimited) return expect(wire, (r) => use(read(r)))(reader, got);
    const packed = new BinaryReader(reader.bytes());
    while (packed.pos < packed.len) use(read(packed));
  };
}

function modelProto(bytes: Uint8Array): OnnxModel {
  let graph: Omit<OnnxModel, "opsets"> | undefined;
  const opsets: Record<string, number> = Object.create(null);
  readFields(bytes, "model", {
    1: "skip",
    2: "skip",
    3: "skip",
    4: "skip",
    5: "skip",
    6: "skip",
    14: "skip",
    7: message((b) => {
      if (graph) fail("BAD_GRAPH", "model: got two graphs, expected one");
      graph = graphProto(b);
    }),
    8: message((b) => {
      let [domain, version] = ["", 0];
      readFields(b, "opset", { 1: text((value) => (domain = value)), 2: int((value) => (version = value)) });
      opsets[domain] = version;
    }),
  });
  return graph ? { ...graph, opsets } : fail("BAD_GRAPH", "model: got no graph");
}

function graphProto(bytes: Uint8Array): Omit<OnnxModel, "opsets"> {
  let name = "";
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  readFields(bytes, "graph", {
    1: message((b) => nodes.push(nodeProto(b))),
    2: text((value) => (name = value)),
    5: message((b) => initializers.push(tensorProto(b))),
    10: "skip",
    11: message((b) => inputs.push(valueInfo(b))),
    12: message((b) => outputs.push(valueInfo(b))),
    13: "skip",
    16: "skip",
  });
  return { name, nodes, inputs, outputs, initializers };
}

function nodeProto(bytes: Uint8Array, depth = 0): OnnxNode {
  let [name, opType, domain] = ["", "", ""];
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Record<string, OnnxAttribute> = Object.create(null);
  readFields(bytes, "node", {
    1: text((value) => inputs.push(value)),
    2: text((value) => outputs.push(value)),
    3: text((value) => (name = value)),
    4: text((value) => (opType = value)),
    5: message((b) => {
      const [key, attribute] = attributeProto(b, depth);
      attributes[key] = attribute;
    }),
    6: "skip",
    7: text((value) => (domain = value)),
    9: "skip",
  });
  return { name, domain, opType, inputs, outputs, attributes };
}

/** Branches in branches: more of them would be an attack on the stack. */
const DEEPEST_BRANCH = 8;

function branchProto(bytes: Uint8Array, depth: number): OnnxBranch {
  if (depth > DEEPEST_BRANCH) fail("UNSUPPORTED", `graph: got branches nested more than ${DEEPEST_BRANCH} deep`);
  let name = "";
  const nodes: OnnxNode[] = [];
  const outputs: OnnxValueInfo[] = [];
  readFields(bytes, "branch", {
    1: message((b) => nodes.push(nodeProto(b, depth))),
    2: text((value) => (name = value)),
    10: "skip",
    12: message((b) => outputs.push(valueInfo(b))),
    13: "skip",
  });
  return { name, nodes, outputs };
}

function attributeProto(bytes: Uint8Array, depth: number): [name: string, attribute: OnnxAttribute] {
  let [name, type, s, i, f] = ["", 0, "", 0, 0];
  const floats: number[] = [];
  const ints: number[] = [];
  let g: OnnxBranch = { name: "", nodes: [], outputs: [] };
  readFields(bytes, "attribute", {
    1: text((value) => (name = value)),
    2: float((value) => (f = value)),
    3: int((value) => (i = value)),
    4: text((value) => (s = value)),
    6: message((b) => (g = branchProto(b, depth + 1))),
    7: repeated(
      WireType.Bit32,
      (r) => r.float(),
      (value) => floats.push(value),
    ),
    8: repeated(WireType.Varint, safeInt, (value) => ints.push(value)),
    13: "skip",
    20: int((value) => (type = value)),
  });
  switch (type) {
    case ATTRIBUTE_TYPES.float:
      return [name, { kind: "float", value: f }];
    case ATTRIBUTE_TYPES.int:
      return [name, { kind: "int", value: i }];
    case ATTRIBUTE_TYPES.string:
      return [name, { kind: "string", value: s }];
    case ATTRIBUTE_TYPES.graph:
      return [name, { kind: "graph", value: g }];
    case ATTRIBUTE_TYPES.floats:
      return [name, { kind: "floats", value: floats }];
    case ATTRIBUTE_TYPES.ints:
      return [name, { kind: "ints", value: ints }];
    default:
      return fail("UNSUPPORTED", `attribute ${name}: got type ${type}, which ownlm does not read`);
  }
}

function tensorProto(bytes: Uint8Array): OnnxTensor {
  let [name, type, location] = ["", 0, 0];
  let raw = new Uint8Array(0);
  const shape: number[] = [];
  const entries = new Map<string, string>();
  readFields(bytes, "tensor", {
    1: repeated(WireType.Varint, safeInt, (value) => shape.push(value)),
    2: int((value) => (type = value)),
    8: text((value) => (name = value)),
    9: message((b) => (raw = b as Uint8Array<ArrayBuffer>)),
    12: "skip",
    13: message((b) => {
      let [key, value] = ["", ""];
      readFields(b, "external data", { 1: text((t) => (key = t)), 2: text((t) => (value = t)) });
      entries.set(key, value);
    }),
    14: int((value) => (location = value)),
    16: "skip",
  });
  const data = location === 1 ? externalData(name, entries) : raw;
  const tensor = { name, dtype: typeOf(STORED, type, name), shape, data };
  checkTensorSize(tensor);
  return tensor;
}

function externalData(name: string, entries: ReadonlyMap<string, string>) {
  const whole = (key: string) => {
    const written = entries.get(key) ?? "";
    const value = /^\d{1,16}$/.test(written) ? Number(written) : Number.NaN;
    return Number.isSafeInteger(value) ? value : fail("BAD_GRAPH", `tensor ${name}: ${key}: got "${written}"`);
  };
  return { file: entries.get("location") ?? "", offset: whole("offset"), length: whole("length") };
}

function typeOf<T>(types: ReadonlyMap<number, T>, type: number, name: string): T {
  return types.get(type) ?? fail("BAD_DTYPE", `${name}: got the element type ${type}, which ownlm does not read`);
}

function valueInfo(bytes: Uint8Array): OnnxValueInfo {
  let [name, type] = ["", 0];
  const shape: (number | string)[] = [];
  const dim = (b: Uint8Array) => {
    let length: number | string = "";
    readFields(b, "axis", { 1: int((n) => (length = n)), 2: text((t) => (length = t)), 3: "skip" });
    shape.push(length);
  };
  const tensorType = (b: Uint8Array) =>
    readFields(b, "tensor type", {
      1: int((value) => (type = value)),
      2: message((s) => readFields(s, "shape", { 1: message(dim) })),
    });
  readFields(bytes, "value", {
    1: text((value) => (name = value)),
    2: message((b) => readFields(b, "type", { 1: message(tensorType), 6: "skip" })),
    3: "skip",
    4: "skip",
  });
  return { name, dtype: typeOf(DTYPES, type, name), shape };
}
