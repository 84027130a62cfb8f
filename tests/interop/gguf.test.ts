import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { host } from "../../src/host/node.ts";
import { openGguf } from "../../src/weights/gguf.ts";
import { readStored } from "../../src/weights/stored.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "../generate/folders.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";

interface Read {
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, { shape: number[]; type: string; values: number[] }>>;
}

describe("Python's gguf", { skip: skipWithoutPython }, () => {
  for (const family of FAMILIES)
    for (const type of ["f32", "f16", "bf16", "q8_0", "q4_0"] as const)
      test(`reads every key and number of a ${family} file of ${type}`, () => {
        const file = path.join(temporaryFolder(), "model.gguf");
        exportGguf(host, modelFolder(family, { padding: 2 }), { gguf: file, type });
        const { version, fields, tensors } = runPython("read_gguf.py", [file]) as Read;
        const ours = openGguf(host, file);
        assert.equal(version, ours.version);
        const plain = (value: unknown) => (ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value);
        assert.deepEqual(fields, Object.fromEntries([...ours.metadata].map(([key, value]) => [key, plain(value)])));
        assert.deepEqual(Object.keys(tensors), [...ours.tensors.keys()]);
        for (const [name, theirs] of Object.entries(tensors)) {
          const { type, shape, offset, length } = ours.tensors.get(name)!;
          assert.deepEqual([theirs.type, theirs.shape], [type.name, shape]);
          const values = readStored(host, { name, shape, format: type.name, file, offset, length });
          assert.deepEqual(Float32Array.from(theirs.values), values, name);
        }
      });
});
