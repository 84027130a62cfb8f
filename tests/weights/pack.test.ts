import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rng } from "../../src/base/rng.ts";
import {
  checkPackFormat,
  createPacker,
  type PackFormat,
  packedMemory,
  packRows,
  type Rounding,
  unpackRows,
} from "../../src/weights/pack.ts";
import { packPlainly } from "../helpers/reference-pack.ts";

const FORMATS: readonly PackFormat[] = [4, 8].flatMap((bits) =>
  [16, 32, 64, 128, 256].map((block) => ({ bits: bits as 4 | 8, block })),
);
const ROUNDINGS: readonly Rounding[] = ["nearest", "search"];

function normals(count: number, seed: number): Float32Array {
  const random = rng(seed, "pack");
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Root mean square error over root mean square. */
function relativeError(rows: Float32Array, got: Float32Array): number {
  const square = (of: (x: number, i: number) => number) => rows.reduce((sum, x, i) => sum + of(x, i) ** 2, 0);
  return Math.sqrt(square((x, i) => x - got[i]!) / square((x) => x));
}

function roundTrip(rows: Float32Array, width: number, format: PackFormat, rounding: Rounding): Float32Array {
  return unpackRows(packRows(rows, width, format, { rounding }), width, format);
}

describe("packed weights", () => {
  test("the fast packer gives what the simple one gives, for odd widths too", () => {
    for (const format of FORMATS)
      for (const width of [1, 15, 16, 17, 64, 100, 257]) {
        const rows = normals(3 * width, width);
        const fast = packRows(rows, width, format, { rounding: "nearest" });
        assert.deepEqual(fast, packPlainly(rows, width, format), `${JSON.stringify(format)} ${width}`);
      }
  });

  /** Measured 2-4 % below each bound; normal numbers, whose heaviest value in a block grows with the block. */
  const BOUNDS = [
    { bits: 4, block: 16, nearest: 0.078, search: 0.073 },
    { bits: 4, block: 32, nearest: 0.088, search: 0.083 },
    { bits: 4, block: 64, nearest: 0.097, search: 0.092 },
    { bits: 4, block: 128, nearest: 0.106, search: 0.099 },
    { bits: 4, block: 256, nearest: 0.115, search: 0.106 },
    { bits: 8, block: 16, nearest: 0.0048, search: 0.0044 },
    { bits: 8, block: 32, nearest: 0.0055, search: 0.005 },
    { bits: 8, block: 64, nearest: 0.006, search: 0.0057 },
    { bits: 8, block: 128, nearest: 0.0066, search: 0.0063 },
    { bits: 8, block: 256, nearest: 0.0072, search: 0.0069 },
  ] as const;
  for (const { bits, block, ...bounds } of BOUNDS)
    test(`normal numbers at ${bits} bits in blocks of ${block} err by at most ${bounds.search} of their size`, () => {
      const rows = normals(1 << 16, 7);
      for (const rounding of ROUNDINGS) {
        const error = relativeError(rows, roundTrip(rows, 256, { bits, block }, rounding));
        assert.ok(error <= bounds[rounding], `${rounding}: ${error}`);
        assert.ok(error >= 0.93 * bounds[rounding], `${rounding}: ${error} is so good that the bound is stale`);
      }
    });

  test("the search never errs more than rounding", () => {
    const arbitrary = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 70 });
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(...FORMATS), (list, format) => {
        const rows = Float32Array.from(list);
        const [nearest, search] = ROUNDINGS.map((rounding) => {
          const got = roundTrip(rows, rows.length, format, rounding);
          return rows.reduce((sum, x, i) => sum + (x - got[i]!) ** 2, 0);
        });
        const most = rows.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        assert.ok(search! <= nearest! * (1 + 1e-6) + (most * 1e-6) ** 2 + 1e-74, `${search} > ${nearest}`);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test("what is packed in pieces is what is packed at once", () => {
    const format = { bits: 4, block: 32 } as const;
    const rows = normals(10 * 48, 9);
    const whole = packRows(rows, 48, format);
    const target = packedMemory(10, 48, format);
    const pack = createPacker(format, "search");
    for (const [first, last] of [
      [0, 3],
      [3, 10],
    ] as const)
      pack(rows.subarray(first * 48, last * 48), 48, {
        quants: target.quants.subarray(first * 32, last * 32),
        scales: target.scales.subarray(first * 2, last * 2),
      });
    assert.deepEqual(target, whole);
  });
});

describe("odd weights", () => {
  const row = (fill: (i: number) => number) => Float32Array.from({ length: 40 }, (_, i) => fill(i));
  const CASES: readonly (readonly [what: string, rows: Float32Array, relative: number])[] = [
    ["zeros", row(() => 0), 0],
    ["negative zeros", row(() => -0), 0],
    ["a constant", row(() => 0.3), 1e-6],
    ["a negative constant", row(() => -7), 1e-6],
    ["an outlier of 1e30", row((i) => (i === 5 ? 1e30 : i / 40)), 1e-6],
    ["the largest float", row((i) => (i % 2 ? 3.4028234663852886e38 : -3.4028234663852886e38)), 0.13],
    ["denormals", row((i) => i * 1e-45), 1],
    ["the smallest normal numbers", row((i) => (i - 20) * 1.2e-38), 0.5],
    ["one value among zeros", row((i) => (i === 39 ? 1 : 0)), 1e-6],
  ];
  for (const [what, rows, relative] of CASES)
    test(`${what}: finite results, scales neither zero nor infinite`, () => {
      for (const format of FORMATS)
        for (const rounding of ROUNDINGS) {
          const packed = packRows(rows, 40, format, { rounding });
          assert.ok(packed.scales.every((scale) => Number.isFinite(scale) && Math.abs(scale) >= 2 ** -126));
          const got = unpackRows(packed, 40, format);
          assert.ok(got.every(Number.isFinite));
          const most = rows.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
          got.forEach((x, i) => {
            assert.ok(Math.abs(x - rows[i]!) <= Math.max(most / 8 + 2 ** -126, relative * most), `${x} for ${rows[i]}`);
          });
          if (relative <= 1e-6) assert.ok(Math.abs(got[39]! - rows[39]!) <= most / 16 + relative * most);
        }
    });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    test(`${value} is refused with its place`, () => {
      const rows = row((i) => (i === 33 ? value : 1));
      assert.throws(() => packRows(rows, 20, { bits: 4, block: 16 }, { where: "w", firstRow: 100 }), {
        code: "BAD_WEIGHTS",
        message: new RegExp(`w: row 101, column 13: got ${value}`),
      });
    });

  for (const [bits, block] of [
    [3, 32],
    [2, 32],
    [4, 512],
    [4, 48],
    [8, 8],
    [4, 0],
    [4, Number.NaN],
  ] as const)
    test(`${bits} bits in blocks of ${block} are refused`, () =>
      assert.throws(() => checkPackFormat({ bits, block }, "here"), {
        code: "BAD_OPTION",
        message: /^here: (bits|block): got /,
      }));

  test("memory of the wrong size is refused", () => {
    const format = { bits: 4, block: 16 } as const;
    assert.throws(
      () =>
        createPacker(format, "nearest")(
          row(() => 1),
          20,
          packedMemory(1, 20, format),
        ),
      {
        code: "BAD_SHAPE",
      },
    );
  });
});
