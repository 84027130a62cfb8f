import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { OwnlmError } from "../../src/base/errors.ts";
import { rng } from "../../src/base/rng.ts";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { openModel, openRuntimeFor } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { openGguf } from "../../src/weights/gguf.ts";
import { mutatedBytes } from "../helpers/gguf.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "./folders.ts";

/** Cases of each family; the parser alone sees many more in tests/weights. */
const CASES = Math.ceil(Number(process.env.OWNLM_FUZZ_CASES ?? 5000) / 20);

for (const family of FAMILIES)
  describe(`a ${family} GGUF file with a header of changed bytes`, { skip: skipWithoutRuntime }, () => {
    const whole = path.join(temporaryFolder(), "whole.gguf");
    exportGguf(host, modelFolder(family), { gguf: whole, type: "q8_0" });
    const bytes = readFileSync(whole);
    const start = Math.min(...[...openGguf(host, whole).tensors.values()].map(({ offset }) => offset));

    test("opens and runs a token, or is refused by a typed error that names it", async () => {
      const runtime = await openRuntimeFor(host);
      const random = rng(11, family);
      const file = path.join(temporaryFolder(), "hostile.gguf");
      for (let i = 0; i < CASES; i++) {
        const header = mutatedBytes(bytes.subarray(0, start), random);
        writeFileSync(file, Buffer.concat([header, bytes.subarray(start)]));
        try {
          using opened = await openModel(host, runtime, file, { context: 2, threads: 1 });
          using loan = opened.borrow();
          await loan.engine.append([1]);
        } catch (error) {
          assert.ok(error instanceof OwnlmError, `case ${i}: ${error}\n${(error as Error).stack}`);
          assert.notEqual(error.code, "BUG", `case ${i}: ${error.message}`);
          assert.ok(error.message.length < 2000);
        }
      }
    });
  });
