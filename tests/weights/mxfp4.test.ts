import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { host } from "../../src/host/node.ts";
import { blockFormat } from "../../src/weights/blocks.ts";
import { findMxfp4, MXFP4_FORMAT, mxfp4Rows, packMxfp4, readMxfp4, saysMxfp4 } from "../../src/weights/mxfp4.ts";
import { unpackRows } from "../../src/weights/pack.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../../src/weights/safetensors.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";

const [E, ROWS, WIDTH] = [3, 6, 64] as const;
const SHAPES = new Map([["up", [E, WIDTH, ROWS]]]);

/** Random codes and exponents of every size that a float32 holds. */
function tensors(): NamedTensor[] {
  const { below } = rng(5, "mxfp4");
  const bytes = (length: number, most: number) => Uint8Array.from({ length }, () => below(most));
  const blocks = [E, ROWS, WIDTH / 32];
  return [
    { name: "up_blocks", dtype: "uint8", shape: [...blocks, 16], data: bytes(E * ROWS * WIDTH * 0.5, 256) },
    { name: "up_scales", dtype: "uint8", shape: blocks, data: bytes((E * ROWS * WIDTH) / 32, 250) },
  ];
}

function stored(all: readonly NamedTensor[] = tensors()) {
  const file = path.join(temporaryFolder(), "model.safetensors");
  writeSafetensors(host, file, all);
  return readSafetensors(host, file).tensors;
}

/** The definition: E2M1 has a sign, two bits of exponent and one of fraction. */
function levelOf(code: number): number {
  const [exponent, fraction] = [(code >> 1) & 3, code & 1];
  const size = exponent === 0 ? fraction / 2 : (1 + fraction / 2) * 2 ** (exponent - 1);
  return code & 8 ? -size : size;
}

/** Rows of expert `e`, value by value. */
function expected(e: number): Float32Array {
  const [blocks, scales] = tensors().map(({ data }) => data as Uint8Array);
  return Float32Array.from({ length: ROWS * WIDTH }, (_, i) => {
    const at = e * ROWS * WIDTH + i;
    const byte = blocks![at >> 1]!;
    return levelOf(at & 1 ? byte >> 4 : byte & 15) * 2 ** (scales![at >> 5]! - 127);
  });
}

describe("experts in MXFP4", () => {
  const entry = findMxfp4(stored(), SHAPES, "folder").get("up")!;

  test("are read, expert by expert, as the format defines them", () => {
    for (let e = 0; e < E; e++) {
      const rows = mxfp4Rows(host, entry, e);
      assert.deepEqual([rows.rows, rows.width], [ROWS, WIDTH]);
      assert.deepEqual(rows.read(0, ROWS), expected(e));
      assert.deepEqual(rows.read(2, 3), expected(e).slice(2 * WIDTH, 5 * WIDTH));
    }
  });

  test("are packed to 8 bits with the very numbers", () => {
    for (let e = 0; e < E; e++)
      assert.deepEqual(
        unpackRows(packMxfp4(host, entry, e), WIDTH, MXFP4_FORMAT),
        expected(e).map((x) => x + 0),
      );
  });

  test("are (E, in, out) as a whole", () => {
    const whole = readMxfp4(host, entry);
    for (let e = 0; e < E; e++)
      for (let n = 0; n < ROWS; n++)
        for (let k = 0; k < WIDTH; k++) assert.equal(whole[(e * WIDTH + k) * ROWS + n], expected(e)[n * WIDTH + k]);
  });

  test("have the numbers of GGUF's blocks, whose codes lie in another order", () => {
    const rows = expected(0).slice(0, 32);
    const [blocks, scales] = tensors().map(({ data }) => data as Uint8Array);
    const codes = Array.from({ length: 32 }, (_, i) => (blocks![i >> 1]! >> (4 * (i & 1))) & 15);
    const block = Uint8Array.of(
      scales![0]!,
      ...Array.from({ length: 16 }, (_, i) => codes[i]! | (codes[i + 16]! << 4)),
    );
    const values = new Float32Array(32);
    blockFormat("MXFP4").dequantise(block, values);
    assert.deepEqual(
      values,
      rows.map((x) => x + 0),
    );
  });

  test("are what transformers makes of them, to the last bit", { skip: skipWithoutPython }, () => {
    const { shape, values } = runPython("mxfp4.py", [entry.blocks.file]) as { shape: number[]; values: unknown[] };
    assert.deepEqual(shape, SHAPES.get("up"));
    assert.deepEqual(readMxfp4(host, entry), Float32Array.from(values, Number));
  });

  test("are told by config.json", () => {
    assert.ok(saysMxfp4({ quantization_config: { quant_method: "mxfp4", modules_to_not_convert: [] } }));
    for (const config of [{}, { quantization_config: null }, { quantization_config: { quant_method: "awq" } }])
      assert.ok(!saysMxfp4(config));
  });

  const [blocks, scales] = tensors() as [NamedTensor, NamedTensor];
  const refused: readonly [what: string, tensors: readonly NamedTensor[], message: RegExp][] = [
    ["no scales", [blocks], /folder: the tensor up_scales is missing/],
    ["no blocks", [scales], /folder: the tensor up_blocks is missing/],
    [
      "blocks of another shape",
      [{ ...blocks, shape: [E, ROWS * 2, 1, 16] }, scales],
      /up_blocks: got uint8 \[3,12,1,16\], expected uint8 \[3,6,2,16\]/,
    ],
    ["scales of another type", [blocks, { ...scales, dtype: "bool" }], /up_scales: got bool \[3,6,2\], expected uint8/],
  ];
  for (const [what, all, message] of refused)
    test(`with ${what} are refused`, () => {
      assert.throws(() => findMxfp4(stored(all), SHAPES, "folder"), { code: "BAD_WEIGHTS", message });
    });

  test("with rows of part of a block are refused", () => {
    assert.throws(() => findMxfp4(stored(), new Map([["up", [3, 48, 6]]]), "folder"), {
      code: "BAD_WEIGHTS",
      message: /up: got MXFP4 for shape \[3,48,6\]/,
    });
  });

  test("with a scale that is no number are refused where it is met", () => {
    const data = (scales.data as Uint8Array).slice();
    data[2 * 2] = 255;
    const broken = findMxfp4(stored([blocks, { ...scales, data }]), SHAPES, "folder").get("up")!;
    assert.throws(() => packMxfp4(host, broken, 0), {
      code: "BAD_WEIGHTS",
      message: /up_scales: row 2: got a scale of 255/,
    });
  });
});
