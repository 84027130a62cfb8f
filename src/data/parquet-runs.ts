/** Parquet's runs of small numbers (RLE and bit-packed) and its deltas, with every count checked against the bytes. Knows no pages. */
import { type Cursor, readVarint, readZigzag } from "./parquet-thrift.ts";

/** hyparquet unpacks numbers of up to this many bits rightly. */
const MAX_WIDTH = 24;

/**
 * Reads `count` numbers of `width` bits from runs and leaves the cursor behind the last run that was needed.
 * Throws an Error where the runs give fewer, or a run of one value gives more.
 */
export function readRuns(cursor: Cursor, width: number, count: number): Int32Array {
  if (width > MAX_WIDTH) throw new Error(`has numbers of ${width} bits, expected at most ${MAX_WIDTH}`);
  const values = new Int32Array(count);
  for (let seen = 0; seen < count; ) {
    const head = readVarint(cursor);
    const length = Math.floor(head / 2) * (head % 2 === 1 ? 8 : 1);
    const bytes = head % 2 === 1 ? (length / 8) * width : (width + 7) >> 3;
    const most = head % 2 === 1 && width > 0 ? Infinity : Math.ceil((count - seen) / 8) * 8;
    if (length === 0 || length > most) throw new Error(`has a run of ${length} values, expected 1 to ${most}`);
    if (head % 2 === 0 && length > count - seen)
      throw new Error(`has a run of ${length} values where ${count - seen} are left`);
    if (bytes > cursor.bytes.length - cursor.offset) throw new Error(`has a run of ${bytes} bytes behind its end`);
    const end = Math.min(count, seen + length);
    if (head % 2 === 0) values.fill(littleEndian(cursor, bytes), seen, end);
    else unpack(cursor, width, values.subarray(seen, end));
    cursor.offset += bytes;
    seen = end;
  }
  return values;
}

function littleEndian({ bytes, offset }: Cursor, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value |= bytes[offset + i]! << (8 * i);
  return value;
}

function unpack({ bytes, offset }: Cursor, width: number, values: Int32Array): void {
  const mask = 2 ** width - 1;
  for (let i = 0, bit = offset * 8; i < values.length; i++, bit += width) {
    const at = bit >> 3;
    const word = bytes[at]! | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    values[i] = (word >>> (bit & 7)) & mask;
  }
}

/** Checks the blocks of `count` deltas and leaves the cursor behind them. */
export function checkDeltas(cursor: Cursor, count: number): void {
  const block = readVarint(cursor);
  const parts = readVarint(cursor);
  const total = readVarint(cursor);
  readZigzag(cursor);
  const part = block / parts;
  if (total !== count) throw new Error(`has ${total} deltas, expected ${count}`);
  if (!(block <= 2 ** 20 && part >= 8 && part % 8 === 0)) throw new Error(`has ${parts} parts of a block of ${block}`);
  for (let left = count - 1; left > 0; ) {
    readZigzag(cursor);
    const widths = cursor.bytes.subarray(cursor.offset, cursor.offset + parts);
    if (widths.length < parts) throw new Error("ends inside a block of deltas");
    cursor.offset += parts;
    for (let i = 0; i < parts && left > 0; i++, left -= part) {
      if (widths[i]! > 64) throw new Error(`has deltas of ${widths[i]} bits, expected at most 64`);
      cursor.offset += (part * widths[i]!) / 8;
    }
    if (cursor.offset > cursor.bytes.length) throw new Error("ends inside a block of deltas");
  }
}
