import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/safetensors.ts";
import { gptOssFolders, gptOssGguf } from "../helpers/gpt-oss.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { temporaryFolder } from "./folders.ts";

const IDS = [5, 9, 200, 33, 7, 7, 120, 64, 11, 250, 3, 14];

async function logits(model: string, quantize?: 4 | 8): Promise<{ all: number[]; packed: number }> {
  using opened = await openModel(host, runtime!, model, { threads: 1, ...(quantize && { quantize }) });
  using loan = opened.borrow();
  return { all: (await logitsOf(loan.engine, IDS)).flat(), packed: opened.packed.flat().length };
}

const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));
const error = (got: readonly number[], expected: readonly number[]) =>
  norm(expected.map((x, i) => x - got[i]!)) / norm(expected);

describe("gpt-oss", { skip: skipWithoutRuntime }, () => {
  const { mxfp4, floats } = gptOssFolders();

  test("with experts in MXFP4 has the logits of the floats they stand for", async () => {
    const [packed, plain] = [await logits(mxfp4), await logits(floats)];
    assert.equal(packed.packed, 2 * 2 * 3);
    assert.equal(plain.packed, 0);
    const off = error(packed.all, plain.all);
    // Activations of 8 bits make the difference.
    assert.ok(off > 0 && off < 0.02, `off by ${off}`);
  });

  test("as a GGUF file, gate and up apart, has the folder's logits", async () => {
    const off = error((await logits(gptOssGguf(floats))).all, (await logits(floats)).all);
    assert.ok(off < 1e-5, `off by ${off}`);
  });

  test("as a GGUF file with experts in MXFP4 has the logits of a folder of them", async () => {
    const [file, folder] = [await logits(gptOssGguf(floats, { mxfp4: true })), await logits(mxfp4)];
    assert.equal(file.packed, 2 * 3 * 3);
    const off = error(file.all, folder.all);
    assert.ok(off < 0.01, `off by ${off}`);
  });

  for (const from of ["floats", "mxfp4"] as const)
    for (const [bits, most] of [
      [8, 0.03],
      [4, 0.3],
    ] as const)
      test(`of ${from}, packed to ${bits} bits as it is opened, has nearly the same logits`, async () => {
        const packed = await logits(from === "floats" ? floats : mxfp4, bits);
        assert.ok(packed.packed >= 2 * 2 * 3 + 2 * 4);
        const off = error(packed.all, (await logits(floats)).all);
        assert.ok(off > 0 && off < most, `off by ${off}`);
      });

  test("without the scales of an expert is refused by the tensor's name", async () => {
    const folder = path.join(temporaryFolder(), "broken");
    host.makeFolder(folder);
    const tensors = [...readSafetensors(host, path.join(mxfp4, "model.safetensors")).tensors]
      .filter(([name]) => name !== "model.layers.1.mlp.experts.down_proj_scales")
      .map(([name, { file, dtype, shape, offset, length }]) => {
        const bytes = host.readBytes(file, offset, length).slice();
        return { name, dtype, shape, data: dtype === "uint8" ? bytes : new Float32Array(bytes.buffer) };
      });
    writeSafetensors(host, path.join(folder, "model.safetensors"), tensors);
    const config = path.join(folder, "config.json");
    const writer = host.createFile(config);
    writer.write(host.readBytes(path.join(mxfp4, "config.json")));
    writer.finish();
    await assert.rejects(logits(folder), {
      code: "BAD_WEIGHTS",
      message: /the tensor model\.layers\.1\.mlp\.experts\.down_proj_scales is missing/,
    });
  });
});
