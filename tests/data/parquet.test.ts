import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { decompress } from "../../src/data/parquet-codecs.ts";
import { checkDeltas, readRuns } from "../../src/data/parquet-runs.ts";
import { readStruct, type Written, writeStruct } from "../../src/data/parquet-thrift.ts";
import { readRecords } from "../../src/data/records.ts";
import { createWebHost } from "../../src/host/web.ts";
import { golden } from "../helpers/paths.ts";
import { putFile } from "../helpers/weights.ts";

const FILES = ["chats-snappy", "chats-gzip", "chats-zstd", "chats-lz4", "chats-brotli", "chats-none", "labelled", "kinds-1", "kinds-2"]; // biome-ignore format: one line
const tables = FILES.map((name) => Uint8Array.from(fs.readFileSync(golden("tune", `${name}.parquet`))));

async function read(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  const host = createWebHost();
  putFile(host, "/a.parquet", bytes);
  const rows = [];
  for await (const record of readRecords(host, "/a.parquet"))
    rows.push(record.problem === undefined ? record.value : { problem: record.problem });
  return rows;
}

/** A damaged copy: bytes changed, filled, moved, cut out or put in; mostly in the pages. */
function damage(bytes: Uint8Array, seed: number): Uint8Array {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pages = bytes.length - 8 - new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
  const place = () => (below(10) < 7 ? 4 + below(pages - 4) : below(bytes.length));
  const copy = Uint8Array.from(bytes);
  const at = place();
  const kind = below(5);
  if (kind === 0) copy.fill([0, 255, 128][below(3)]!, at, at + 1 + below(8));
  else if (kind === 1) copy.copyWithin(at, place(), at + below(40));
  else if (kind === 2) {
    const middle = Array.from({ length: below(8) }, () => below(256));
    return Uint8Array.from([...bytes.subarray(0, at), ...middle, ...bytes.subarray(at + below(6))]);
  } else for (let i = 0; i <= below(4); i++) copy[place()] = below(3) === 0 ? [0, 255, 127][below(3)]! : below(256);
  return copy;
}

describe("Parquet", () => {
  test("is read in every encoding and both kinds of pages, as pyarrow wrote it", async () => {
    for (const table of tables.slice(-2)) {
      const rows = await read(table);
      assert.equal(rows.length, 40);
      for (const [i, row] of rows.entries()) {
        const choice = ["yes", "no", "perhaps"][i % 3];
        const there = { texts: `text ${i} é`, lengths: "a".repeat(i % 5), choice, whole: i * 7 - 50, long: i * 70001 };
        const more = { half: i / 2, flag: i % 3 === 0, ids: Array.from({ length: i % 4 }, (_, j) => j) };
        const all = { ...there, ...more };
        const nulls = Object.fromEntries(Object.keys(all).map((key) => [key, null]));
        assert.deepEqual({ ...row, none: undefined }, { ...(i % 7 === 3 ? nulls : all), none: undefined });
        assert.equal(row.none, null);
      }
    }
  });

  test("that was damaged anywhere is refused or read: 3,000 files", { timeout: 300_000 }, async () => {
    let refused = 0;
    for (let seed = 1; seed <= 3000; seed++)
      try {
        await read(damage(tables[seed % tables.length]!, seed));
      } catch (error) {
        assert.ok(error instanceof OwnlmError, `${seed}: ${error}`);
        assert.ok(["BAD_DATA", "UNSUPPORTED"].includes(error.code), `${seed}: ${error}`);
        refused++;
      }
    assert.ok(refused > 2000, `${refused}`);
  });

  test("names the file, the row group and the column that is damaged", async () => {
    const bytes = Uint8Array.from(tables[5]!);
    bytes.fill(0xff, 10, 20);
    await assert.rejects(read(bytes), { code: "BAD_DATA", message: /a\.parquet: row group 1: .*column id: / });
  });
});

describe("a compressed page", () => {
  test("of zstd that claims 32,512 copies of 65,539 bytes is refused", async () => {
    // A frame of 100 bytes; its block has lengths by one symbol each that take no bits.
    const block = [0x00, 0xff, 0, 0, 0x54, 0, 0, 52, 0x80, 0x80];
    const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 100, (block.length << 3) | 5, 0, 0, ...block];
    await assert.rejects(decompress("ZSTD", Uint8Array.from(frame), 100), { message: /a page of 0 bytes/ });
  });

  test("of LZ4 whose frames have lengths below zero is no frame", async () => {
    const frame = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0];
    await assert.rejects(decompress("LZ4", Uint8Array.from(frame), 100), { message: /offset out of range/ });
  });

  test("larger than its bytes can be is refused", async () => {
    await assert.rejects(decompress("GZIP", new Uint8Array(20), 2 ** 28), { code: "UNSUPPORTED" });
    await assert.rejects(decompress("SNAPPY", Uint8Array.of(200, 1, 0), 2 ** 20), { message: /a page of 200 bytes/ });
  });
});

describe("runs of small numbers", () => {
  /** Bit-packed runs of all values, the lowest bit first. */
  const packed = (values: readonly number[], width: number) => {
    const bits = values.flatMap((value) => Array.from({ length: width }, (_, i) => (value >> i) & 1));
    const groups = Math.ceil(values.length / 8);
    const bytes = Array.from({ length: groups * width }, (_, i) =>
      bits.slice(i * 8, i * 8 + 8).reduce((byte, bit, j) => byte | (bit << j), 0),
    );
    return Uint8Array.from([groups * 2 + 1, ...bytes]);
  };

  test("are unpacked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
        (width, all) => {
          const values = all.map((value) => value % 2 ** width);
          const found = readRuns({ bytes: packed(values, width), offset: 0 }, width, values.length);
          assert.deepEqual([...found], values);
        },
      ),
    );
    const cursor = { bytes: Uint8Array.of(6, 5, 4, 7), offset: 0 };
    assert.deepEqual([...readRuns(cursor, 3, 5)], [5, 5, 5, 7, 7]);
  });

  test("that claim more than there is are refused", () => {
    const refused = (bytes: number[], width: number, count: number, message: RegExp) =>
      assert.throws(() => readRuns({ bytes: Uint8Array.from(bytes), offset: 0 }, width, count), { message });
    refused([0xfe, 0xff, 0xff, 0xff, 0x0f, 1], 1, 10, /a run of 2147483647 values/);
    refused([0xff, 0xff, 0xff, 0xff, 0x0f], 1, 10, /bytes behind its end/);
    refused([0xff, 0xff, 0xff, 0xff, 0x0f], 0, 10, /a run of 17179869176 values/);
    refused([0, 0, 0, 0], 1, 10, /a run of 0 values/);
    refused([4, 1], 1, 10, /ends too early/);
    refused([20, 1], 30, 10, /numbers of 30 bits/);
    refused([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], 1, 10, /more than 10 bytes/);
  });

  test("of deltas that claim more than there is are refused", () => {
    const refused = (bytes: number[], count: number, message: RegExp) =>
      assert.throws(() => checkDeltas({ bytes: Uint8Array.from(bytes), offset: 0 }, count), { message });
    refused([128, 1, 0, 5, 0], 5, /0 parts/);
    refused([0, 4, 5, 0], 5, /4 parts of a block of 0/);
    refused([128, 1, 4, 5, 0, 0], 5, /ends inside a block/);
    refused([128, 1, 4, 5, 0, 0, 65, 0, 0, 0], 5, /65 bits/);
    refused([128, 1, 4, 6, 0], 5, /has 6 deltas, expected 5/);
  });
});

describe("Thrift's compact protocol", () => {
  test("is read as it was written", () => {
    const written: Written = [[1, 300], [4, true], [8, [[2, 0], [3, false]]]]; // biome-ignore format: one line
    const found = readStruct({ bytes: Uint8Array.from(writeStruct(written)), offset: 0 });
    const inner = new Map<number, number | boolean>([[2, 0], [3, false]]); // biome-ignore format: one line
    assert.deepEqual([found.get(1), found.get(4), found.get(8)], [300, true, inner]);
  });

  test("that claims more than there is is refused", () => {
    const refused = (bytes: number[], message: RegExp) =>
      assert.throws(() => readStruct({ bytes: Uint8Array.from(bytes), offset: 0 }), { message });
    refused([0x19, 0xf9, 0xff, 0xff, 0xff, 0xff, 0x0f], /a list of 4294967295 items/);
    refused([0x18, 0xff, 0x7f], /16383 bytes behind its end/);
    refused(new Array(1000).fill(0x1c), /more than 16 deep/);
    refused([0x19, ...new Array(1000).fill(0x19)], /more than 16 deep/);
    refused([0x15], /ends too early/);
    refused([0x1b, 0], /type 11/);
  });
});
