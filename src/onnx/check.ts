/** What must hold of a model before it is written or run: ONNX Runtime reads past what these rules exclude. */
import { bytesOf, isDType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./model.ts";

/** Protobuf lengths are signed 32-bit numbers. */
const MAX_INLINE_BYTES = 2 ** 31 - 2 ** 20;

/** A tensor's dtype, axis lengths and number of bytes agree; throws BAD_DTYPE or BAD_GRAPH. */
export function checkTensorSize({ name, dtype, shape, data }: OnnxTensor): void {
  if (dtype !== "uint4" && !isDType(String(dtype))) fail("BAD_DTYPE", `tensor ${name}: got dtype ${String(dtype)}`);
  if (!shape.every(isLength)) fail("BAD_GRAPH", `tensor ${name}: got the shape [${shape}], expected whole numbers`);
  const elementBytes = dtype === "uint4" ? 0.5 : bytesOf(dtype);
  const bytes = shape.includes(0) ? 0 : Math.ceil(shape.reduce((n, dim) => n * dim, elementBytes));
  if (bytes !== data.length)
    fail("BAD_GRAPH", `tensor ${name}: got ${data.length} bytes for ${dtype} [${shape}], expected ${bytes}`);
  if (!(data instanceof Uint8Array) && !(isLength(data.offset) && isText(data.file)))
    fail("BAD_GRAPH", `tensor ${name}: got bytes from ${data.offset} of ${JSON.stringify(data.file)}`);
}

const isLength = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

/** C strings end at a NUL, and UTF-8 has no lone surrogates: such names would change on the way. */
const isText = (value: unknown): value is string => typeof value === "string" && !/\0|\p{Surrogate}/u.test(value);

/** Throws BAD_GRAPH, BAD_DTYPE or UNSUPPORTED where a model cannot be written as it is meant. */
export function checkModelData(model: OnnxModel): void {
  for (const tensor of model.initializers) checkTensorSize(tensor);
  for (const value of [...model.inputs, ...model.outputs]) checkValue(value);
  const inline = model.initializers.reduce((n, { data }) => n + (data instanceof Uint8Array ? data.length : 0), 0);
  if (inline > MAX_INLINE_BYTES)
    fail(
      "UNSUPPORTED",
      `${model.name}: got ${inline} bytes of constants, expected less than 2 GiB. Leave them in a file.`,
    );
  const names = [
    model.name,
    ...Object.keys(model.opsets),
    ...model.initializers.map(({ name }) => name),
    ...model.nodes.flatMap(namesOf),
  ];
  for (const name of names) checkText(model.name, name);
}

/** Every text that a node holds beside its attributes' strings. Throws for branches' values that no model can have. */
function namesOf({ name, domain, opType, inputs, outputs, attributes }: OnnxNode): string[] {
  const branches = Object.values(attributes).flatMap((attribute) =>
    attribute.kind === "graph" ? [attribute.value] : [],
  );
  for (const branch of branches) for (const value of branch.outputs) checkValue(value);
  const inner = branches.flatMap((branch) => [branch.name, ...branch.nodes.flatMap(namesOf)]);
  return [name, domain, opType, ...inputs, ...outputs, ...Object.keys(attributes), ...inner];
}

function checkValue({ name, dtype, shape }: OnnxValueInfo): void {
  checkText("value", name);
  if (!isDType(String(dtype))) fail("BAD_DTYPE", `value ${name}: got dtype ${String(dtype)}`);
  for (const dim of shape)
    if (!isLength(dim) && !(isText(dim) && dim !== ""))
      fail("BAD_GRAPH", `value ${name}: got the axis ${JSON.stringify(dim)}, expected a length or a name`);
}

function checkText(where: string, value: unknown): void {
  if (!isText(value)) fail("BAD_GRAPH", `${where}: got the name ${JSON.stringify(value)}, expected text without NUL`);
}
