import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { finish } from "../../src/generate/library.ts";
import { openModel } from "../../src/generate/load.ts";
import { streamAfter } from "../../src/generate/text.ts";
import { host } from "../../src/host/node.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "./folders.ts";

/** What may be done to the bytes of a file. */
type Damage = (bytes: Buffer) => Buffer;

const truncated = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }).map(
  (share): Damage =>
    (bytes) =>
      bytes.subarray(0, Math.floor(share * bytes.length)),
);
const overwritten = fc
  .array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((changes): Damage => {
    return (bytes) => {
      const copy = Buffer.from(bytes);
      for (const [share, value] of changes) copy[Math.floor(share * copy.length)] = value;
      return copy;
    };
  });
/** Swaps a number in a text for another: what stays JSON and lies. */
const renumbered = fc
  .tuple(
    fc.nat(),
    fc.constantFrom("0", "-1", "1e999", "2147483647", "4294967296", "9007199254740993", "0.5", "null", '"x"'),
  )
  .map(([which, value]): Damage => {
    return (bytes) => {
      const text = bytes.subarray(0, 20_000).toString("latin1");
      const numbers = [...text.matchAll(/(?<=[:[, ])\d+(?=[,\]}\s])/g)];
      if (numbers.length === 0) return bytes;
      const { 0: number, index } = numbers[which % numbers.length]!;
      // Padded with blanks, so that a safetensors header keeps its length where the value is not longer.
      const patched = text.slice(0, index) + value.padEnd(number.length) + text.slice(index + number.length);
      return Buffer.concat([Buffer.from(patched, "latin1"), bytes.subarray(20_000)]);
    };
  });

for (const family of FAMILIES)
  describe(`a ${family} folder with one damaged file`, { skip: skipWithoutRuntime }, () => {
    const whole = modelFolder(family, { generationConfig: { do_sample: true, top_k: 5, eos_token_id: 0 } });
    const folder = path.join(temporaryFolder(), family);
    cpSync(whole, folder, { recursive: true });
    const opens = async () => {
      using opened = await openModel(host, runtime!, folder, { threads: 1 });
      await finish(streamAfter(opened, [1, 2, 3], { maxNewTokens: 3, seed: 1 }, 1));
    };

    for (const file of readdirSync(whole).sort())
      test(`${file}: works all the same, or is refused by a typed error that names it`, async () => {
        const bytes = readFileSync(path.join(whole, file));
        await fc.assert(
          fc.asyncProperty(fc.oneof(truncated, overwritten, renumbered), async (damage) => {
            writeFileSync(path.join(folder, file), damage(bytes));
            await opens().catch((error: unknown) => {
              assert.ok(error instanceof OwnlmError, String(error instanceof Error ? error.stack : error));
              assert.ok(!["BUG", "USAGE"].includes(error.code), `${error.code}: ${error.message}`);
              // Numbers of weights may be anything; what they give is then told without a name.
              if (error.code !== "BAD_WEIGHTS") assert.ok(error.message.includes(folder), error.message);
            });
          }),
          { numRuns: 150 },
        );
        writeFileSync(path.join(folder, file), bytes);
        await opens();
      });
  });
