/** What a Parquet file says of itself at its end, checked: schema, row groups, where columns are. Knows no pages. */
import type { SchemaElement } from "hyparquet";
import { CompressionCodecs, ConvertedTypes, FieldRepetitionTypes, ParquetTypes } from "hyparquet/src/constants.js";
import { fail } from "../base/errors.ts";
import { type Cursor, readStruct, type ThriftStruct, type ThriftValue } from "./parquet-thrift.ts";

/** A column without columns below it. */
export interface Leaf {
  readonly path: readonly string[];
  readonly element: SchemaElement;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}
/** One column of one row group, as bytes of the file from `start`. */
export interface ColumnChunk {
  readonly leaf: Leaf;
  readonly codec: string;
  readonly start: number;
  readonly bytes: number;
  /** With those that are null, and those of lists. */
  readonly values: number;
}
/** Rows whose columns lie together. */
export interface RowGroup {
  readonly rows: number;
  readonly columns: readonly ColumnChunk[];
}
/** The whole description. */
export interface Footer {
  readonly schema: SchemaElement[];
  readonly groups: readonly RowGroup[];
  readonly rows: number;
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 10_000;
/** Values of a row group that are held at once: what a few hundred bytes may claim. */
const MAX_VALUES = 2 ** 26;
const decoder = new TextDecoder();

/** Reads the description. Throws UNSUPPORTED, and an Error or BAD_DATA where it contradicts itself. `fileBytes`: where it begins. */
export function readFooter(bytes: Uint8Array, fileBytes: number): Footer {
  const cursor: Cursor = { bytes, offset: 0 };
  const fields = readStruct(cursor);
  if (fields.has(8)) fail("UNSUPPORTED", "is encrypted, expected a plain Parquet table");
  const schema = structs(fields, 2, "schema").map(schemaElement);
  const leaves = leavesOf(schema);
  const groups = structs(fields, 4, "row_groups").map((group) => rowGroup(group, leaves, fileBytes));
  const rows = whole(fields, 3, "num_rows");
  const together = groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== together) throw new Error(`says ${rows} rows, its row groups ${together}`);
  return { schema, groups, rows };
}

function schemaElement(fields: ThriftStruct): SchemaElement {
  const type = optional(fields, 1);
  const repetition = optional(fields, 3);
  const element: SchemaElement = { name: text(fields.get(4), "name"), ...annotation(fields) };
  if (type !== undefined) element.type = named(ParquetTypes, type, "type");
  if (repetition !== undefined) element.repetition_type = named(FieldRepetitionTypes, repetition, "repetition_type");
  for (const [id, key] of [
    [2, "type_length"],
    [5, "num_children"],
    [7, "scale"],
    [8, "precision"],
  ] as const)
    if (fields.has(id)) element[key] = whole(fields, id, key);
  return element;
}

/** What the values mean: the old name, or the newer one in its place where hyparquet goes by the old. */
function annotation(fields: ThriftStruct): Partial<SchemaElement> {
  const logical = fields.get(10);
  const [kind, inner] = logical instanceof Map ? ([...logical][0] ?? []) : [];
  const details: ThriftStruct = inner instanceof Map ? inner : new Map();
  const old = optional(fields, 6);
  const older = ({ 2: "MAP", 3: "LIST", 5: "DECIMAL", 6: "DATE" } as const)[kind as 2];
  const converted = old === undefined ? older : named(ConvertedTypes, old, "converted_type");
  if (kind === 16) fail("UNSUPPORTED", `column ${text(fields.get(4), "name")}: got the type VARIANT. Try to cast it`);
  return { ...(converted ? { converted_type: converted } : {}), ...logicalType(kind, details) };
}

function logicalType(kind: unknown, details: ThriftStruct): Partial<SchemaElement> {
  if (kind === 1) return { logical_type: { type: "STRING" } };
  if (kind === 14) return { logical_type: { type: "UUID" } };
  if (kind === 15) return { logical_type: { type: "FLOAT16" } };
  if (kind === 10) {
    const bitWidth = whole(details, 1, "bitWidth");
    return { logical_type: { type: "INTEGER", bitWidth, isSigned: details.get(2) === true } };
  }
  if (kind !== 8) return {};
  const unit = details.get(2);
  const [found] = unit instanceof Map ? unit.keys() : [];
  const name = ({ 1: "MILLIS", 2: "MICROS", 3: "NANOS" } as const)[found as 1];
  if (!name) throw new Error("has a time without a unit");
  return { logical_type: { type: "TIMESTAMP", isAdjustedToUTC: details.get(1) === true, unit: name } };
}

/** Walks the tree that the list of elements spells. */
function leavesOf(schema: readonly SchemaElement[]): Leaf[] {
  if (schema.length > MAX_ELEMENTS)
    fail("UNSUPPORTED", `has ${schema.length} columns, expected at most ${MAX_ELEMENTS}`);
  const leaves: Leaf[] = [];
  let next = 0;
  const walk = (path: readonly string[], definition: number, repetition: number): void => {
    const element = schema[next++];
    if (!element) throw new Error("has a schema that ends too early");
    if (path.length > MAX_DEPTH) fail("UNSUPPORTED", `has columns more than ${MAX_DEPTH} deep`);
    const root = next === 1;
    const inner = root ? path : [...path, element.name];
    const maxDefinition = definition + (root || element.repetition_type === "REQUIRED" ? 0 : 1);
    const maxRepetition = repetition + (element.repetition_type === "REPEATED" ? 1 : 0);
    if (!root && !element.repetition_type) throw new Error(`column ${inner.join(".")}: says not how often it is there`);
    const children = element.num_children ?? 0;
    if (children > 0) for (let i = 0; i < children; i++) walk(inner, maxDefinition, maxRepetition);
    else leaves.push({ path: inner, element: checkedLeaf(element, inner), maxDefinition, maxRepetition });
  };
  walk([], 0, 0);
  if (next !== schema.length) throw new Error(`has ${schema.length} schema elements, of which ${next} are used`);
  const names = new Set(leaves.map(({ path }) => JSON.stringify(path)));
  if (names.size !== leaves.length) throw new Error("has two columns of one name");
  return leaves;
}

function checkedLeaf(element: SchemaElement, path: readonly string[]): SchemaElement {
  if (!element.type) throw new Error(`column ${path.join(".")}: has no type`);
  const { type, type_length: length = 0 } = element;
  if (type === "FIXED_LEN_BYTE_ARRAY" && !(length >= 1 && length <= 2 ** 20))
    throw new Error(`column ${path.join(".")}: has values of ${length} bytes`);
  return element;
}

function rowGroup(fields: ThriftStruct, leaves: readonly Leaf[], fileBytes: number): RowGroup {
  const rows = whole(fields, 3, "num_rows");
  const chunks = structs(fields, 1, "columns");
  // hyparquet would leave other columns behind, and what goes wrong in them unhandled.
  if (chunks.length !== leaves.length)
    throw new Error(`has a row group of ${chunks.length} columns, expected the ${leaves.length} of the schema`);
  const columns = chunks.map((chunk, i) => columnChunk(chunk, leaves[i]!, fileBytes));
  const values = Math.max(
    rows,
    columns.reduce((sum, column) => sum + column.values, 0),
  );
  if (values > MAX_VALUES)
    fail(
      "UNSUPPORTED",
      `has a row group of ${values} values, expected at most ${MAX_VALUES}. Try to write it with smaller row groups`,
    );
  for (const { leaf, values } of columns)
    if (leaf.maxRepetition === 0 && values !== rows)
      throw new Error(`column ${leaf.path.join(".")}: has ${values} values, its row group ${rows} rows`);
  return { rows, columns };
}

function columnChunk(fields: ThriftStruct, leaf: Leaf, fileBytes: number): ColumnChunk {
  const where = `column ${leaf.path.join(".")}`;
  if (fields.has(1)) fail("UNSUPPORTED", `${where}: is in another file`);
  if (fields.has(8) || fields.has(9)) fail("UNSUPPORTED", `${where}: is encrypted`);
  const meta = fields.get(3);
  if (!(meta instanceof Map)) throw new Error(`${where}: has no description`);
  const path = list(meta, 3, "path_in_schema").map((part) => text(part, "path_in_schema"));
  if (JSON.stringify(path) !== JSON.stringify(leaf.path) || ParquetTypes[whole(meta, 1, "type")] !== leaf.element.type)
    throw new Error(`${where}: is another column than the schema's`);
  const start = optional(meta, 11) || whole(meta, 9, "data_page_offset");
  const bytes = whole(meta, 7, "total_compressed_size");
  if (!(start >= 4 && start + bytes <= fileBytes))
    throw new Error(`${where}: points at bytes ${start} to ${start + bytes} of ${fileBytes}`);
  const codec = named(CompressionCodecs, whole(meta, 4, "codec"), "codec");
  return { leaf, codec, start, bytes, values: whole(meta, 5, "num_values") };
}

/** A number that is none or more. */
export function whole(fields: ThriftStruct, id: number, name: string): number {
  const value = fields.get(id);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new Error(`got ${name} ${typeof value === "object" ? "of another type" : value}, expected a whole number`);
  return value;
}

function optional(fields: ThriftStruct, id: number): number | undefined {
  return fields.has(id) ? whole(fields, id, `field ${id}`) : undefined;
}

function named<T>(names: readonly T[], index: number, what: string): T {
  return names[index] ?? fail("UNSUPPORTED", `got ${what} ${index}, expected 0 to ${names.length - 1}`);
}

function text(value: ThriftValue | undefined, what: string): string {
  if (!(value instanceof Uint8Array)) throw new Error(`has no ${what}`);
  return decoder.decode(value);
}

function list(fields: ThriftStruct, id: number, name: string): readonly ThriftValue[] {
  const value = fields.get(id);
  if (!Array.isArray(value)) throw new Error(`has no ${name}`);
  return value;
}

function structs(fields: ThriftStruct, id: number, name: string): ThriftStruct[] {
  return list(fields, id, name).map((item) => {
    if (!(item instanceof Map)) throw new Error(`has ${name} of another type`);
    return item;
  });
}
