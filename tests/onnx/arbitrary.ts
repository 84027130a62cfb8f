/** Random models for property tests: well-formed as data, without meaning. */
import fc from "fast-check";
import { bytesOf, type DType } from "../../src/base/dtypes.ts";
import { DATA_TYPES } from "../../src/onnx/encode.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "../../src/onnx/model.ts";

const dtype = fc.constantFrom(...(Object.keys(DATA_TYPES) as DType[]));
const name = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0"));
const integer = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 127, 128, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);
const float = fc.float({ noNaN: false });

const plainAttribute: fc.Arbitrary<OnnxAttribute> = fc.oneof(
  fc.record({ kind: fc.constant("int" as const), value: integer }),
  fc.record({ kind: fc.constant("ints" as const), value: fc.array(integer, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("float" as const), value: float }),
  fc.record({ kind: fc.constant("floats" as const), value: fc.array(float, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("string" as const), value: name }),
);

const value: fc.Arbitrary<OnnxValueInfo> = fc.record({
  name,
  dtype,
  shape: fc.array(fc.oneof(fc.nat(), fc.constantFrom("B", "past+T", "2*H")), { maxLength: 4 }),
});

const nodeOf = (attribute: fc.Arbitrary<OnnxAttribute>): fc.Arbitrary<OnnxNode> =>
  fc.record({
    name,
    domain: fc.constantFrom("", "com.microsoft"),
    opType: name,
    inputs: fc.array(name, { maxLength: 4 }),
    outputs: fc.array(name, { maxLength: 3 }),
    attributes: fc.dictionary(fc.oneof(name, fc.constant("__proto__")), attribute, { maxKeys: 4 }),
  });

const branch = fc.record({
  name,
  nodes: fc.array(nodeOf(plainAttribute), { maxLength: 2 }),
  outputs: fc.array(value, { maxLength: 2 }),
});
const attribute = fc.oneof(plainAttribute, fc.record({ kind: fc.constant("graph" as const), value: branch }));
const node = nodeOf(attribute);

const tensor: fc.Arbitrary<OnnxTensor> = fc
  .record({
    name,
    dtype,
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
    file: fc.option(name),
    offset: fc.maxSafeInteger(),
  })
  .map(({ name, dtype, shape, file, offset }) => {
    const length = shape.reduce((n, dim) => n * dim, bytesOf(dtype));
    const data = file === null ? new Uint8Array(length).fill(7) : { file, offset: Math.abs(offset), length };
    return { name, dtype, shape, data };
  });

/** Models with every kind of part. */
export const model: fc.Arbitrary<OnnxModel> = fc.record({
  name,
  opsets: fc.constantFrom({ "": 21 }, { "": 21, "com.microsoft": 1 }),
  nodes: fc.array(node, { maxLength: 5 }),
  inputs: fc.array(value, { maxLength: 3 }),
  outputs: fc.array(value, { maxLength: 3 }),
  initializers: fc.array(tensor, { maxLength: 3 }),
});
