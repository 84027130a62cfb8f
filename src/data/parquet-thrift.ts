/** Thrift's compact protocol, the little of it that Parquet uses. Knows no Parquet; no length may reach beyond the bytes there are. */

/** A value as it was written: numbers of any width are numbers, exact up to 2^53. */
export type ThriftValue = boolean | number | Uint8Array | readonly ThriftValue[] | ThriftStruct;
/** Fields by their ids. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;
/** Bytes and how far they were read. */
export interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
}

const MAX_DEPTH = 16;

/** Reads a struct and moves the cursor behind it. Throws an Error where the bytes cannot be one. */
export function readStruct(cursor: Cursor, depth = 0): ThriftStruct {
  if (depth > MAX_DEPTH) throw new Error(`has structures more than ${MAX_DEPTH} deep`);
  const fields = new Map<number, ThriftValue>();
  for (let id = 0; ; ) {
    const head = readByte(cursor);
    if ((head & 15) === 0) return fields;
    id = head >> 4 ? id + (head >> 4) : readZigzag(cursor);
    fields.set(id, readValue(cursor, head & 15, depth));
  }
}

function readValue(cursor: Cursor, type: number, depth: number): ThriftValue {
  if (type === 1 || type === 2) return type === 1;
  if (type === 3) return (readByte(cursor) << 24) >> 24;
  if (type >= 4 && type <= 6) return readZigzag(cursor);
  if (type === 7) return new DataView(Uint8Array.from(take(cursor, 8)).buffer).getFloat64(0, true);
  if (type === 8) return take(cursor, readVarint(cursor));
  if (type === 9 || type === 10) return readList(cursor, depth);
  if (type === 12) return readStruct(cursor, depth + 1);
  throw new Error(`has a field of type ${type}, which Parquet does not use`);
}

function readList(cursor: Cursor, depth: number): ThriftValue[] {
  if (depth > MAX_DEPTH) throw new Error(`has lists more than ${MAX_DEPTH} deep`);
  const head = readByte(cursor);
  const length = head >> 4 === 15 ? readVarint(cursor) : head >> 4;
  // Every item takes a byte or more.
  if (length > cursor.bytes.length - cursor.offset) throw new Error(`has a list of ${length} items behind its end`);
  const type = head & 15;
  const item = () =>
    type === 1 || type === 2 ? readByte(cursor) === 1 : readValue(cursor, type, type === 9 ? depth + 1 : depth);
  return Array.from({ length }, item);
}

/** An unsigned number of up to 10 bytes of 7 bits, the lowest first. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = readByte(cursor);
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new Error("has a number of more than 10 bytes");
}

/** A signed number: 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
export function readZigzag(cursor: Cursor): number {
  const value = readVarint(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function readByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.offset++];
  if (byte === undefined) throw new Error("ends too early");
  return byte;
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.offset + length;
  if (end > cursor.bytes.length) throw new Error(`has ${length} bytes behind its end`);
  cursor.offset = end;
  return cursor.bytes.subarray(end - length, end);
}

/** What can be written: whole numbers of 32 bits, truths and structs of them, by ids that rise by 15 at most. */
export type Written = readonly (readonly [id: number, value: number | boolean | Written])[];

/** The bytes of a struct. */
export function writeStruct(fields: Written): number[] {
  let last = 0;
  const bytes = fields.flatMap(([id, value]) => {
    const head = (type: number) => ((id - last) << 4) | type;
    const written =
      typeof value === "boolean"
        ? [head(value ? 1 : 2)]
        : typeof value === "number"
          ? [head(5), ...varint(value * 2)]
          : [head(12), ...writeStruct(value)];
    last = id;
    return written;
  });
  return [...bytes, 0];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
