import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { ggufModel } from "../../src/models/gguf.ts";
import { quantize } from "../../src/quantize/quantize.ts";
import { openGguf } from "../../src/weights/gguf.ts";
import { readStored } from "../../src/weights/stored.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "../generate/folders.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { unpacked } from "../helpers/unpacked.ts";

/** A GGUF file's weights as float32, in Hugging Face's order. */
function weightsOf(file: string): ReadonlyMap<string, Float32Array> {
  const { metadata, tensors } = openGguf(host, file);
  const nothing = () => new Float32Array();
  const { weights } = ggufModel(metadata, tensors, file, nothing, { rotation: "halves" });
  return new Map([...weights].map(([name, stored]) => [name, readStored(host, stored)]));
}

async function exported(family: (typeof FAMILIES)[number], bits: 4 | 8, block: 32 | 64 | 128, type: "f32" | "q4_0") {
  const [folder, file] = [path.join(temporaryFolder(), "packed"), path.join(temporaryFolder(), "model.gguf")];
  await quantize(host, runtime!, modelFolder(family), { out: folder, bits, block, noMeasure: true });
  exportGguf(host, folder, { gguf: file, type });
  return { folder, file };
}

describe("a quantised folder written as a GGUF file", { skip: skipWithoutRuntime }, () => {
  for (const family of FAMILIES) {
    for (const [type, bits, block, exact] of [
      ["q4_0", 4, 32, true],
      ["q4_0", 4, 64, true],
      ["q8_0", 4, 128, true],
      ["q8_0", 8, 64, true],
      ["f32", 4, 64, true],
      ["f16", 8, 32, true],
      ["q4_0", 8, 64, false],
    ] as const)
      test(`${family}: ${bits} bits in blocks of ${block} as ${type} ${exact ? "are the same integers" : "are rounded anew"}`, async () => {
        const { folder, file } = await exported(family, bits, block, type as "q4_0");
        const written = weightsOf(file);
        for (const [name, expected] of unpacked(folder)) {
          const got = written.get(name)!;
          const most = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
          // A scale as float16 is off by 2^-11 at most.
          const off = expected.map((x, i) => Math.abs(x - got[i]!) - (exact ? 2 ** -11 * Math.abs(x) : most / 8));
          assert.ok(
            off.every((x) => x <= 1e-6),
            `${name}: off by ${off.reduce((max, x) => Math.max(max, x), 0)}`,
          );
          if (type === "f32") assert.deepEqual(got, expected);
        }
      });

    test(`${family}: has the folder's logits`, async () => {
      const { folder, file } = await exported(family, 4, 32, "q4_0");
      const logits = async (from: string) => {
        using opened = await openModel(host, runtime!, from, { threads: 1 });
        using loan = opened.borrow();
        return (await logitsOf(loan.engine, [5, 9, 200, 33, 7])).flat();
      };
      const [a, b] = [await logits(folder), await logits(file)];
      const size = Math.sqrt(a.reduce((sum, x) => sum + x * x, 0));
      assert.ok(Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0)) < 0.02 * size);
    });
  }
});
