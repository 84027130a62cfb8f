import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createWebHost } from "../../src/host/web.ts";
import { BLOCK_FORMATS } from "../../src/weights/blocks.ts";
import { readStored, type StoredTensor } from "../../src/weights/stored.ts";
import { packedFormatOf, packStored } from "../../src/weights/stored-packed.ts";
import { putFile } from "../helpers/weights.ts";

const FILE = "/w";
const ROWS = 4;
const COLUMNS = 512;

/** What MatMulNBits multiplies with, by its definition. */
function unpacked({ quants, scales, format: { bits, block } }: ReturnType<typeof packStored>): Float32Array {
  return Float32Array.from({ length: scales.length * block }, (_, i) => {
    const byte = quants[Math.floor((i * bits) / 8)]!;
    const q = bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4;
    return (q - 2 ** (bits - 1)) * scales[Math.floor(i / block)]!;
  });
}

describe("a weight of a GGUF file, packed for MatMulNBits", () => {
  for (const { name, elements, bytes } of BLOCK_FORMATS.values()) {
    const host = createWebHost();
    const random = rng(3, name);
    const length = ((ROWS * COLUMNS) / elements) * bytes;
    // Bits of a float16 from 2^-8 to 2^-4 everywhere: scales wherever a format has them, and codes of every kind.
    const data = Uint8Array.from({ length }, (_, i) => (i % 2 ? 0x1c + random.below(16) : random.below(256)));
    putFile(host, FILE, data);
    const tensor: StoredTensor = { name, shape: [ROWS, COLUMNS], format: name, file: FILE, offset: 0, length };
    const exact = ["Q4_0", "Q8_0", "Q5_0", "IQ4_NL", "MXFP4"].includes(name);

    test(`holds ${exact ? "the very numbers" : "nearly the numbers"} of ${name}`, () => {
      const expected = readStored(host, tensor);
      if (!expected.every(Number.isFinite)) return;
      const packed = packStored(host, tensor);
      assert.equal(packed.exact, exact);
      const values = unpacked(packed);
      if (exact) return assert.deepEqual(values, expected);
      for (let from = 0; from < values.length; from += packed.format.block) {
        const block = expected.subarray(from, from + packed.format.block);
        const most = block.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
        block.forEach((x, i) => void assert.ok(Math.abs(x - values[from + i]!) <= most / 127));
      }
    });

    test(`of ${name} follows the order of its rows`, () => {
      const rows = Int32Array.of(2, 0, 3, 1);
      const { exact: still, ...packed } = packStored(host, { ...tensor, rows });
      const plain = packStored(host, tensor);
      const size = plain.quants.length / ROWS;
      rows.forEach((from, to) => {
        const [a, b] = [
          packed.quants.subarray(to * size, (to + 1) * size),
          plain.quants.subarray(from * size, (from + 1) * size),
        ];
        assert.deepEqual(a, b);
      });
      assert.equal(still, exact);
    });
  }

  test("of zeros keeps a scale that is none, and one that is not finite is refused", () => {
    const host = createWebHost();
    putFile(host, FILE, new Uint8Array(36));
    const tensor: StoredTensor = { name: "w", shape: [2, 32], format: "Q4_0", file: FILE, offset: 0, length: 36 };
    const packed = packStored(host, tensor);
    assert.deepEqual(unpacked(packed), new Float32Array(64));
    assert.ok(packed.scales.every((scale) => scale > 0));
    putFile(
      host,
      FILE,
      Uint8Array.from({ length: 36 }, (_, i) => (i < 2 ? [0, 0x7c][i]! : 0)),
    );
    assert.throws(() => packStored(host, tensor), {
      code: "BAD_WEIGHTS",
      message: /w: got a scale of Infinity in block 0/,
    });
  });

  test("in other bits than its own is rounded", () => {
    const host = createWebHost();
    putFile(host, FILE, new Uint8Array(68).fill(0x20));
    const tensor: StoredTensor = { name: "w", shape: [2, 32], format: "Q8_0", file: FILE, offset: 0, length: 68 };
    const { exact, format } = packStored(host, tensor, { bits: 4, block: 32 });
    assert.deepEqual([exact, format], [false, { bits: 4, block: 32 }]);
    assert.deepEqual(packedFormatOf("Q4_0"), { bits: 4, block: 32 });
    assert.throws(() => packStored(host, { ...tensor, shape: [64] }), { code: "BAD_SHAPE" });
  });
});
