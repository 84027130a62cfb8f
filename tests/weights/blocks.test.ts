import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { host } from "../../src/host/node.ts";
import { BLOCK_FORMATS, type BlockFormatName, blockBytes } from "../../src/weights/blocks.ts";
import { readSafetensors, readTensorInto } from "../../src/weights/safetensors.ts";
import { golden } from "../helpers/paths.ts";

const stored = readSafetensors(host, golden("gguf", "blocks.safetensors")).tensors;

function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  const entry = stored.get(name)!;
  const bytes = new Uint8Array(entry.length);
  readTensorInto(host, entry, bytes);
  return bytes;
}

describe("block formats", () => {
  for (const { name, dequantise, ...format } of BLOCK_FORMATS.values())
    if (name !== "F32")
      test(`${name} is read as Python's gguf reads it, to the last bit`, () => {
        const bytes = bytesOf(`${name}.bytes`);
        const expected = new Float32Array(bytesOf(`${name}.values`).buffer);
        assert.equal(blockBytes({ name, dequantise, ...format }, expected.length), bytes.length);
        const values = new Float32Array(expected.length).fill(Number.NaN);
        dequantise(bytes, values);
        assert.deepEqual(values, expected);
      });

  for (const name of ["F16", "BF16", "Q8_0", "Q4_0"] as BlockFormatName[])
    test(`${name} is written as Python's gguf writes it, to the last bit`, () => {
      const values = new Float32Array(bytesOf("quantised.from").buffer);
      const expected = bytesOf(`quantised.${name}`);
      const out = new Uint8Array(expected.length);
      BLOCK_FORMATS.get(name)!.quantise!(values, out);
      assert.deepEqual(out, expected);
    });

  const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
  const blocks = fc.array(value, { minLength: 64, maxLength: 64 }).map((list) => Float32Array.from(list));

  test("hold what is written to within half a step of the scale", () => {
    fc.assert(
      fc.property(blocks, (values) => {
        for (const [name, steps] of [
          ["Q8_0", 127],
          ["Q4_0", 8],
        ] as const) {
          const { quantise, dequantise, bytes, elements } = BLOCK_FORMATS.get(name)!;
          const packed = new Uint8Array((values.length / elements) * bytes);
          quantise!(values, packed);
          const back = new Float32Array(values.length);
          dequantise(packed, back);
          for (let from = 0; from < values.length; from += 32) {
            const block = [...values.subarray(from, from + 32)];
            const most = Math.max(...block.map(Math.abs));
            // Q4_0 reaches only 7 steps to the other side; a scale is rounded to 11 bits, or to 2^-25 where it is tiny.
            const within = most * ((name === "Q4_0" ? 1 : 0.5) / steps + 2 ** -11) + steps * 2 ** -25;
            block.forEach((x, i) => {
              assert.ok(Math.abs(x - back[from + i]!) <= within, `${name}: ${x} came back as ${back[from + i]}`);
            });
          }
        }
      }),
    );
  });

  test("of plain floats come back bit for bit", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => {
        const { quantise, dequantise } = BLOCK_FORMATS.get("F32")!;
        const values = new Float32Array(16);
        dequantise(bytes, values);
        const back = new Uint8Array(64);
        quantise!(values, back);
        assert.deepEqual(back, bytes);
      }),
    );
  });
});
