/** Writes a model in ONNX's protobuf wire format. Field numbers are those of onnx.proto3 (IR version 10). */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { checkModelData } from "./check.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo, StoredType } from "./model.ts";

/** TensorProto.DataType numbers. */
export const DATA_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

/** Those of constants. */
export const STORED_TYPES: Readonly<Record<StoredType, number>> = { ...DATA_TYPES, uint4: 21 };

/** AttributeProto.AttributeType numbers. */
export const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, graph: 5, floats: 6, ints: 7 } as const;

/** The IR version that opset 21 came with. */
const IR_VERSION = 10;

type Write = (w: BinaryWriter) => void;

const message = (w: BinaryWriter, field: number, write: Write): void => {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
};
const string = (w: BinaryWriter, field: number, value: string) => w.tag(field, WireType.LengthDelimited).string(value);
const int64 = (w: BinaryWriter, field: number, value: number) => w.tag(field, WireType.Varint).int64(whole(value));
const float = (w: BinaryWriter, field: number, value: number) => w.tag(field, WireType.Bit32).float(single(value));

const whole = (value: number) =>
  Number.isSafeInteger(value) ? value : fail("BAD_GRAPH", `model: got ${String(value)}, expected a whole number`);

const single = (value: number) =>
  typeof value === "number" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value))
    ? value
    : fail("BAD_GRAPH", `model: got ${String(value)}, expected a float32 number`);

/**
 * The bytes of a model. `locate` gives the location that external data is written with: a path relative to the folder
 * that the reader resolves it against. Default: the file's own path. Throws BAD_GRAPH, BAD_DTYPE or UNSUPPORTED for a
 * model that the format cannot hold.
 */
export function encodeModel(model: OnnxModel, locate: (file: string) => string = (file) => file): Uint8Array {
  checkModelData(model);
  const w = new BinaryWriter();
  int64(w, 1, IR_VERSION);
  string(w, 2, "ownlm");
  message(w, 7, (g) => graph(g, model, locate));
  for (const [domain, version] of Object.entries(model.opsets))
    message(w, 8, (o) => {
      string(o, 1, domain);
      int64(o, 2, version);
    });
  return w.finish();
}

function graph(w: BinaryWriter, model: OnnxModel, locate: (file: string) => string): void {
  for (const node of model.nodes) message(w, 1, (n) => nodeProto(n, node));
  string(w, 2, model.name);
  for (const tensor of model.initializers) message(w, 5, (t) => tensorProto(t, tensor, locate));
  for (const value of model.inputs) message(w, 11, (v) => valueInfo(v, value));
  for (const value of model.outputs) message(w, 12, (v) => valueInfo(v, value));
}

function nodeProto(w: BinaryWriter, node: OnnxNode): void {
  for (const name of node.inputs) string(w, 1, name);
  for (const name of node.outputs) string(w, 2, name);
  string(w, 3, node.name);
  string(w, 4, node.opType);
  for (const [name, attribute] of Object.entries(node.attributes))
    message(w, 5, (a) => attributeProto(a, name, attribute));
  if (node.domain) string(w, 7, node.domain);
}

function attributeProto(w: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  string(w, 1, name);
  switch (attribute.kind) {
    case "float":
      float(w, 2, attribute.value);
      break;
    case "int":
      int64(w, 3, attribute.value);
      break;
    case "string":
      string(w, 4, attribute.value);
      break;
    case "graph":
      message(w, 6, (g) => {
        for (const node of attribute.value.nodes) message(g, 1, (n) => nodeProto(n, node));
        string(g, 2, attribute.value.name);
        for (const value of attribute.value.outputs) message(g, 12, (v) => valueInfo(v, value));
      });
      break;
    case "floats":
      for (const value of attribute.value) float(w, 7, value);
      break;
    case "ints":
      for (const value of attribute.value) int64(w, 8, value);
      break;
  }
  w.tag(20, WireType.Varint).int32(ATTRIBUTE_TYPES[attribute.kind]);
}

function tensorProto(w: BinaryWriter, tensor: OnnxTensor, locate: (file: string) => string): void {
  for (const dim of tensor.shape) int64(w, 1, dim);
  w.tag(2, WireType.Varint).int32(STORED_TYPES[tensor.dtype]);
  string(w, 8, tensor.name);
  const { data } = tensor;
  if (data instanceof Uint8Array) {
    w.tag(9, WireType.LengthDelimited).bytes(data);
    return;
  }
  const entries = { location: locate(data.file), offset: String(data.offset), length: String(data.length) };
  for (const [key, value] of Object.entries(entries))
    message(w, 13, (e) => {
      string(e, 1, key);
      string(e, 2, value);
    });
  w.tag(14, WireType.Varint).int32(1);
}

function valueInfo(w: BinaryWriter, value: OnnxValueInfo): void {
  string(w, 1, value.name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(DATA_TYPES[value.dtype]);
      message(tensor, 2, (shape) => {
        for (const dim of value.shape)
          message(shape, 1, (d) => {
            if (typeof dim === "number") int64(d, 1, dim);
            else string(d, 2, dim);
          });
      });
    }),
  );
}
