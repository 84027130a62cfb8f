import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { host } from "../../src/host/node.ts";
import { quantize } from "../../src/quantize/quantize.ts";
import { openBase } from "../../src/tune/base.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { distance, readArrays } from "../helpers/reference-models.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { unpacked } from "../helpers/unpacked.ts";
import { baseModel, FEW, newOut, pairs } from "./tuning.ts";

/** Tunes on any model, without answers. */
async function tunedOn(folder: string, options: TuneOptions = {}) {
  const out = newOut();
  const given = { ...FEW, samples: 0, out, ...options };
  const done = await tune(host, runtime!, { name: "the base", folder, data: [pairs] }, given);
  return { out, done, adapter: readArrays(path.join(out, "adapter_model.safetensors")) };
}

async function packedFolder(bits: 4 | 8): Promise<string> {
  const out = newOut();
  await quantize(host, runtime!, await baseModel(), { out, bits, rounding: "nearest", noMeasure: true });
  return out;
}

const warn = (message: string) => assert.fail(message);

describe("a base with packed weights", { skip: skipWithoutRuntime }, () => {
  test("from a folder of ownlm quantize, its numbers are those of the blocks, and none of its floats is kept", async () => {
    const folder = await packedFolder(4);
    using base = await openBase(host, "packed", folder, { warn });
    const expected = unpacked(folder);
    assert.ok(base.groups.flat().length > 10);
    for (const name of base.shapes.keys()) assert.deepEqual(base.read(name), expected.get(name), name);
  });

  test("packed as a float folder is opened, lies in a scratch file that goes with it", async () => {
    const scratches = () => readdirSync(os.tmpdir()).filter((name) => name.startsWith(`ownlm-${process.pid}-`)).length;
    const before = scratches();
    const base = await openBase(host, "packed", await baseModel(), { quantize: 8, warn });
    assert.equal(scratches(), before + 1);
    const floats = readArrays(path.join(await baseModel(), "model.safetensors"));
    for (const name of base.shapes.keys()) {
      const { data } = floats.get(name)!;
      const most = data.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
      for (const [i, x] of base.read(name).entries()) assert.ok(Math.abs(x - data[i]!) <= most / 100, `${name}[${i}]`);
    }
    base[Symbol.dispose]();
    assert.equal(scratches(), before);
  });

  for (const bits of [4, 8] as const)
    test(`of ${bits} bits gives the same adapter from its folder as packed on opening, but for the rounding`, async () => {
      const fromFolder = await tunedOn(await packedFolder(bits));
      const onOpening = await tunedOn(await baseModel(), { quantize: bits });
      const fromFloats = await tunedOn(await baseModel());
      const error = Math.abs(fromFolder.done.valLoss! - onOpening.done.valLoss!);
      assert.ok(error < 0.02, `validation differs by ${error}`);
      assert.deepEqual([...fromFolder.adapter.keys()], [...fromFloats.adapter.keys()]);
      assert.ok(Math.abs(fromFolder.done.valLoss! - fromFloats.done.valLoss!) < (bits === 4 ? 0.5 : 0.05));
    });

  test("of a GGUF file gives the adapter of the folder that the file was made of: rows in Hugging Face's order", async () => {
    const gguf = `${newOut()}.gguf`;
    exportGguf(host, await baseModel(), { gguf, type: "f32" });
    const [fromFile, fromFolder] = [await tunedOn(gguf), await tunedOn(await baseModel())];
    assert.deepEqual([...fromFile.adapter.keys()], [...fromFolder.adapter.keys()]);
    for (const [name, array] of fromFolder.adapter)
      assert.ok(distance(fromFile.adapter.get(name)!, array) < 1e-6, name);
    assert.ok(readdirSync(fromFile.out).includes("tokenizer.json"));
    const inBlocks = `${newOut()}.gguf`;
    exportGguf(host, await baseModel(), { gguf: inBlocks, type: "q8_0" });
    const packed = await tunedOn(inBlocks);
    assert.ok(Math.abs(packed.done.valLoss! - fromFolder.done.valLoss!) < 0.05);
  });

  test("answers with the adapter as it stands: a small set learnt by heart beside 4 bits is answered exactly", async () => {
    const options = {
      quantize: 4,
      steps: 120,
      batch: 4,
      lr: 0.006,
      valFraction: 0,
      evalEvery: 0,
      samples: 20,
    } as const;
    const { done } = await tunedOn(await baseModel(), options);
    assert.equal(done.exactMatchBefore, 0);
    assert.ok(done.exactMatch! > 0.9, `${done.exactMatch}`);
  });

  test("is trained beside by plain adapters alone, and says so", async () => {
    const folder = await packedFolder(8);
    for (const [options, named] of [
      [{ method: "full" }, /^method full: the weights of the base are packed/],
      [{ dora: true }, /^dora: the weights of the base are packed/],
      [{ quantize: 4 }, /weights are packed already/],
    ] as const)
      await assert.rejects(tunedOn(folder, options), { code: "BAD_OPTION", message: named });
    await assert.rejects(tunedOn(await baseModel(), { method: "full", quantize: 4 }), {
      code: "BAD_OPTION",
      message: /^quantize: method full has no adapters/,
    });
  });

  test("learns with activations of 8 bits nearly as with float32, and refuses them without packed weights", async () => {
    const [exact, rounded] = [
      await tunedOn(await baseModel(), { quantize: 8 }),
      await tunedOn(await baseModel(), { quantize: 8, activations: "int8" }),
    ];
    const error = Math.abs(rounded.done.valLoss! - exact.done.valLoss!);
    assert.ok(error > 0 && error < 0.05, `validation differs by ${error}`);
    await assert.rejects(tunedOn(await baseModel(), { activations: "int8" }), {
      code: "BAD_OPTION",
      message: /^activations int8: the weights of the base are not packed/,
    });
  });

  test("keeps what is trained whole in floats, beside blocks for the rest", async () => {
    const { adapter } = await tunedOn(await baseModel(), { quantize: 4, modulesToSave: ["embed_tokens"] });
    const saved = adapter.get("base_model.model.model.embed_tokens.weight")!;
    const { tensors } = readSafetensors(host, path.join(await baseModel(), "model.safetensors"));
    assert.deepEqual(saved.shape, tensors.get("model.embed_tokens.weight")!.shape);
  });
});
