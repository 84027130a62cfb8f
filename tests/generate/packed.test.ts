import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import os from "node:os";
import { describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder } from "./folders.ts";

const IDS = [5, 9, 200, 33, 7, 7, 120, 64, 11];
/** How far the logits may be from those of float32, in their own size: of 8 and 4 bits a weight, 8 an activation. */
const BOUNDS = { 8: 0.02, 4: 0.2 } as const;

async function logits(folder: string, quantize?: 4 | 8): Promise<number[]> {
  using opened = await openModel(host, runtime!, folder, { threads: 1, ...(quantize && { quantize }) });
  if (quantize) assert.ok(opened.packed.length > 0);
  using loan = opened.borrow();
  return (await logitsOf(loan.engine, IDS)).flat();
}

const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));

describe("a model packed as it is opened", { skip: skipWithoutRuntime }, () => {
  for (const family of FAMILIES)
    for (const bits of [4, 8] as const)
      test(`${family} at ${bits} bits gives nearly the logits of float32, and leaves no scratch file`, async () => {
        const folder = modelFolder(family, { scale: 2 });
        const [plain, packed] = [await logits(folder), await logits(folder, bits)];
        const error = norm(plain.map((x, i) => x - packed[i]!)) / norm(plain);
        assert.ok(error > 0 && error < BOUNDS[bits], `off by ${error} of the logits' size`);
        const left = readdirSync(os.tmpdir()).filter((name) => name.startsWith(`ownlm-${process.pid}-`));
        assert.deepEqual(left, []);
      });

  test("reads q, k and v as one matrix, and gate and up", async () => {
    using opened = await openModel(host, runtime!, modelFolder("llama"), { quantize: 4 });
    const sizes = opened.packed.map((group) =>
      group.map(({ name }) => name.replace(/.*\.(\w+)\.weight$/, "$1")).join(),
    );
    assert.deepEqual(
      new Set(sizes),
      new Set(["embed_tokens", "q_proj,k_proj,v_proj", "o_proj", "gate_proj,up_proj", "down_proj"]),
    );
  });
});
