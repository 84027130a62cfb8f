import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { diagnosisLines } from "../../src/cli/doctor.ts";
import { host } from "../../src/host/node.ts";
import { type Diagnosis, type Measured, modelEstimate } from "../../src/inspect/doctor.ts";
import { measureDisk } from "../../src/inspect/measure.ts";
import { decodeSpeed } from "../../src/inspect/speed.ts";
import { ownlm } from "../cli/world.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const MACHINE: Measured = {
  availableBytes: 16e9,
  bandwidth: 50e9,
  flopsPerSecond: 200e9,
  shares: { decode: { 32: 0.5, 8: 0.7, 4: 0.8 }, train: 0.75 },
  context: 4096,
};

describe("what fits a machine", () => {
  test("of 16 GB is Llama 3.1 8B at 8 and 4 bits, not in float32", () => {
    const { run, tune } = modelEstimate("llama3.1-8b", MACHINE);
    assert.deepEqual(
      run.map(({ bits, fits }) => [bits, fits]),
      [
        [16, false],
        [8, true],
        [4, true],
      ],
    );
    assert.ok(tune.every(({ fits }) => !fits));
  });

  test("is as fast as the bytes of a token are read", () => {
    const { run } = modelEstimate("smollm2-135m", MACHINE);
    // 134.5M float32 weights, the embedding among them, since it is the head too; half of 50 GB/s.
    assert.ok(Math.abs(run[0]!.tokensPerSecond / (25e9 / (4 * 134_515_008)) - 1) < 0.001);
    assert.ok(run[2]!.tokensPerSecond > run[1]!.tokensPerSecond && run[1]!.tokensPerSecond > run[0]!.tokensPerSecond);
    assert.ok(run[0]!.bytes > run[1]!.bytes && run[1]!.bytes > run[2]!.bytes);
  });

  test("grows with the memory and the context asked for", () => {
    const bytes = (context: number) => modelEstimate("llama3.2-1b", { ...MACHINE, context }).run[2]!.bytes;
    // 16 blocks, 8 key heads of 64, keys and values, float32.
    assert.equal(bytes(2048) - bytes(1024), 1024 * 16 * 8 * 64 * 2 * 4);
  });

  test("of a speed with plain and packed weights is the sum of their times", () => {
    assert.equal(decodeSpeed({ plain: 10, packed: 0 }, 100, { plain: 0.5, packed: 0.8 }), 5);
    assert.equal(decodeSpeed({ plain: 5, packed: 8 }, 100, { plain: 0.5, packed: 0.8 }), 5);
  });
});

describe("the disk", () => {
  test("is measured with a file that is gone afterwards", () => {
    const folder = temporaryFolder();
    const { write, readCached } = measureDisk(host, folder);
    assert.ok(write > 0 && readCached > 0 && Number.isFinite(write));
    assert.deepEqual(readdirSync(folder), []);
    assert.throws(() => measureDisk(host, `${folder}/none`), { code: "NOT_FOUND" });
  });
});

describe("ownlm doctor", { skip: skipWithoutRuntime }, () => {
  test("measures the machine, and estimates every model and preset from that", async () => {
    const { status, stdout } = await ownlm(["doctor", "--json", "--threads", "1"]);
    assert.equal(status, 0, stdout);
    const found: Diagnosis = JSON.parse(stdout);
    assert.ok(found.readBandwidth > 0 && found.gflopsPerSecond > 0 && found.availableBytes > 0);
    assert.ok(Object.values(found.shares.decode).every((share) => share > 0 && Number.isFinite(share)));
    assert.ok(found.shares.train > 0);
    assert.equal(found.threads, 1);
    for (const { run, tune } of found.models) {
      assert.deepEqual([run.length, tune.length], [3, 2]);
      for (const { bytes, fits, tokensPerSecond } of [...run, ...tune]) {
        assert.equal(fits, bytes <= found.availableBytes);
        assert.ok(tokensPerSecond > 0);
      }
    }
    assert.deepEqual(
      found.train.map(({ preset }) => preset),
      ["nano", "tiny", "small", "medium", "base"],
    );
    const text = diagnosisLines(found).join("\n");
    assert.match(text, /^Measured now:\n {2}processor /);
    assert.match(text, /\n {2}smollm2-135m +135M +[\d.]+ MiB +/);
    assert.ok(found.steadiness > 0 && found.steadiness <= 1);
    const busy = diagnosisLines({ ...found, steadiness: 0.5 }).at(-1)!;
    assert.match(busy, /other work: equal products took 2\.0 times the best/);
    assert.match(text, /Estimated.*All estimated/s);
  });
});
