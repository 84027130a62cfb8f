import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { OwnlmError } from "../../src/base/errors.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Runtime } from "../../src/runtime/types.ts";
import { model, node, outputOf, RUNTIMES, value, web } from "./runtimes.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-runtime-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const ROWS = 4096;
const HEADER = 3;

/** A file of float32 rows of four, the row's number in each, after a header of an odd length. */
function weightsFile(name: string, add = 0): string {
  const file = path.join(folder, name);
  const elements = Float32Array.from({ length: 4 * ROWS }, (_, i) => Math.floor(i / 4) + add);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat([Buffer.alloc(HEADER, 7), new Uint8Array(elements.buffer)]));
  return file;
}

/** Picks a row out of weights that stay in files: y = w[at] + b. */
function picker(w: string, b = w, offset = HEADER, length = 16 * ROWS): OnnxModel {
  return model(
    [node("Gather", ["w", "at"], ["row"]), node("Add", ["row", "b"], ["y"])],
    [value("at", "int64", 1)],
    [value("y", "float32", 1, 4)],
    {
      initializers: [
        { name: "w", dtype: "float32", shape: [length / 16, 4], data: { file: w, offset, length } },
        { name: "b", dtype: "float32", shape: [4], data: { file: b, offset: HEADER + 16, length: 16 } },
      ],
    },
  );
}

const pick = async (runtime: Runtime, made: OnnxModel, row: number) =>
  [...(await outputOf(runtime, made, { at: BigInt64Array.of(BigInt(row)) }))].map(Number);

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return "none";
  } catch (error) {
    assert.ok(error instanceof OwnlmError, String(error));
    return error.code;
  }
}

function describeFiles(runtime: Runtime): void {
  test("weights are read from a file at an odd offset", async () => {
    assert.deepEqual(await pick(runtime, picker(weightsFile("plain.bin")), ROWS - 1), Array(4).fill(ROWS));
  });

  test("weights may lie in files of different folders, with names of any letters", async () => {
    const [w, b] = [weightsFile("one/Gewicht ü 重.bin"), weightsFile("two/deep/er.bin", 10)];
    assert.deepEqual(await pick(runtime, picker(w, b), 5), Array(4).fill(5 + 11));
  });

  test("links to files, and folders that are links, lead to the files themselves", async () => {
    const target = weightsFile("blobs/abc");
    mkdirSync(path.join(folder, "snapshot"), { recursive: true });
    for (const link of ["snapshot/model.bin", "linked"]) rmSync(path.join(folder, link), { force: true });
    symlinkSync(target, path.join(folder, "snapshot/model.bin"));
    symlinkSync(path.join(folder, "snapshot"), path.join(folder, "linked"));
    for (const file of ["snapshot/model.bin", "linked/model.bin"])
      assert.deepEqual(await pick(runtime, picker(path.join(folder, file), target), 7), Array(4).fill(8));
  });

  test("files that are missing, too short, folders or dangling links are errors that name them", async () => {
    const short = weightsFile("short.bin");
    truncateSync(short, 16 * ROWS);
    const dangling = path.join(folder, "dangling");
    rmSync(dangling, { force: true });
    symlinkSync(path.join(folder, "nowhere"), dangling);
    for (const file of [short, dangling, path.join(folder, "missing.bin"), folder])
      await assert.rejects(runtime.session(picker(file)), (error) => {
        assert.ok(error instanceof OwnlmError, String(error));
        assert.match(error.code, /^(BAD_WEIGHTS|NOT_FOUND|DISK)$/);
        assert.ok(error.message.includes(file), error.message);
        return true;
      });
  });

  test("ranges that lie about the file or the tensor are refused", async () => {
    const file = weightsFile("ranges.bin");
    for (const [offset, length] of [
      [HEADER + 16, 16 * ROWS],
      [2 ** 53, 16 * ROWS],
      [-16, 16 * ROWS],
      [0.5, 16 * ROWS],
      [Number.NaN, 16 * ROWS],
    ])
      assert.match(await codeOf(runtime.session(picker(file, file, offset, length))), /BAD_WEIGHTS|BAD_GRAPH|DISK/);
    const lying = picker(file);
    const [w, b] = lying.initializers as [OnnxModel["initializers"][0], OnnxModel["initializers"][0]];
    for (const shape of [
      [ROWS, 5],
      [2 ** 40, 2 ** 40],
      [-1, 4],
    ])
      assert.equal(await codeOf(runtime.session({ ...lying, initializers: [{ ...w, shape }, b] })), "BAD_GRAPH");
  });

  test("a loaded model outlives its file's removal and its replacement by another", async () => {
    for (const end of ["remove", "replace"]) {
      const file = weightsFile(`${end}.bin`);
      using session = await runtime.session(picker(file));
      if (end === "remove") unlinkSync(file);
      else renameSync(weightsFile("other.bin", 1000), file);
      const [at, y] = [runtime.tensor("int64", [1], BigInt64Array.of(9n)), runtime.tensor("float32", [1, 4])];
      using binding = session.bind({ at }, { y });
      await binding.run();
      assert.deepEqual([...y.data], Array(4).fill(10));
    }
  });

  test("a file that is cut or written to while it is in use gives the old weights or an error, never a crash", async () => {
    for (const change of [
      (file: string) => truncateSync(file, 0),
      (file: string) => copyFileSync(weightsFile("new.bin", 1000), file),
    ]) {
      const file = weightsFile("changed.bin");
      using session = await runtime.session(picker(file));
      const [at, y] = [runtime.tensor("int64", [1]), runtime.tensor("float32", [1, 4])];
      using binding = session.bind({ at }, { y });
      await binding.run();
      change(file);
      at.data[0] = BigInt(ROWS - 1);
      const code = await codeOf(Promise.resolve().then(() => binding.run()));
      assert.equal(code, runtime.name === "ort-web" ? "none" : "BAD_WEIGHTS");
      if (code === "none") assert.deepEqual([...y.data], Array(4).fill(ROWS));
    }
  });
}

for (const { name, runtime, skip } of RUNTIMES)
  describe(`weights in files on ${name}`, { skip }, () => describeFiles(runtime));

describe("weights in files on ort-web alone", () => {
  test("need a way to read them, which may fail or fall short", async () => {
    const { openWebRuntime } = await import("../../src/runtime/ort-web.ts");
    const made = picker(weightsFile("web.bin"));
    const code = (readBytes?: () => Promise<Uint8Array>) =>
      codeOf(openWebRuntime(readBytes ? { readBytes } : {}).session(made));
    assert.equal(await code(), "UNSUPPORTED");
    assert.equal(await code(async () => new Uint8Array(3)), "BAD_WEIGHTS");
    assert.equal(web.name, "ort-web");
  });
});

/** Bytes of a file that count as this process's memory. */
function residentBytes(file: string): number {
  const maps = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const sizes = maps
    .filter((map) => map.split("\n")[0]!.endsWith(file))
    .map((map) => 1024 * Number(/^Rss:\s+(\d+) kB/m.exec(map)![1]));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe("memory of mapped weights", { skip: process.platform !== "linux" && "there is no /proc" }, () => {
  const { runtime, skip } = RUNTIMES.find(({ name }) => name === "ort-native")!;
  test("is given back when a session has read them, and they are read again when needed", {
    skip,
  }, async () => {
    const file = weightsFile("mapped.bin");
    using session = await runtime.session(picker(file));
    assert.equal(residentBytes(file), 0);
    using at = runtime.tensor("int64", [1], BigInt64Array.of(9n));
    using y = runtime.tensor("float32", [1, 4]);
    using binding = session.bind({ at }, { y });
    await binding.run();
    assert.deepEqual([...y.data], Array(4).fill(10));
    assert.ok(residentBytes(file) > 0);
  });
});
