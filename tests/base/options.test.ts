import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  defaultText,
  expectedOf,
  flagName,
  type OptionSpecs,
  parseOption,
  placeholderOf,
  readOptions,
} from "../../src/base/options.ts";

const SPECS = {
  batch: { kind: "int", min: 1, max: 64, default: 8, help: "Rows of a batch" },
  kvHeads: { kind: "int", min: 1, max: Number.MAX_SAFE_INTEGER, auto: "as many as heads", help: "Key heads" },
  lr: { kind: "number", min: 0, max: 1, default: 1e-3, help: "Peak learning rate" },
  arch: { kind: "choice", choices: ["llama", "gpt2"], default: "llama", help: "Family" },
  out: { kind: "text", placeholder: "DIR", help: "Output folder" },
  stop: { kind: "list", placeholder: "TEXT", help: "Where to stop" },
  strict: { kind: "flag", help: "Refuse" },
} as const satisfies OptionSpecs;

const refusal = (message: string) => ({ name: "OwnlmError", code: "BAD_OPTION", message });

describe("options", () => {
  test("have their defaults where nothing is given, and nothing where there is none", () => {
    const expected = { batch: 8, lr: 1e-3, arch: "llama", stop: [], strict: false };
    assert.deepEqual(readOptions(SPECS, {}), expected);
    assert.deepEqual(readOptions(SPECS, { batch: undefined, out: undefined }), expected);
  });

  test("keep what is given", () => {
    const given = { batch: 64, kvHeads: 2, lr: 0, arch: "gpt2", out: "x", stop: ["a"], strict: true };
    assert.deepEqual(readOptions(SPECS, given), given);
  });

  const refused: readonly [given: Record<string, unknown>, message: string][] = [
    [{ batch: 0 }, "batch: got 0, expected a whole number from 1 to 64"],
    [{ batch: 65 }, "batch: got 65, expected a whole number from 1 to 64"],
    [{ batch: 1.5 }, "batch: got 1.5, expected a whole number from 1 to 64"],
    [{ batch: Number.NaN }, "batch: got NaN, expected a whole number from 1 to 64"],
    [{ batch: "8" }, 'batch: got "8", expected a whole number from 1 to 64'],
    [{ kvHeads: 0 }, "kvHeads: got 0, expected a whole number of at least 1"],
    [{ lr: Number.NaN }, "lr: got NaN, expected a number from 0 to 1"],
    [{ lr: Number.POSITIVE_INFINITY }, "lr: got Infinity, expected a number from 0 to 1"],
    [{ arch: "bert" }, 'arch: got "bert", expected llama or gpt2'],
    [{ out: "" }, 'out: got "", expected a text that is not empty'],
    [{ out: "a\0b" }, 'out: got "a\\u0000b", expected a text that is not empty'],
    [{ strict: "yes" }, 'strict: got "yes", expected true or false'],
    [{ stop: "a" }, 'stop: got "a", expected texts that are not empty'],
    [{ bacth: 3 }, "bacth: there is no such option. Did you mean batch?"],
    [{ toString: 3 }, "toString: there is no such option"],
  ];
  for (const [given, message] of refused)
    test(`refuse ${JSON.stringify(given)}`, () => {
      assert.throws(() => readOptions(SPECS, given), refusal(message));
    });

  test("are named in messages as the caller wants", () => {
    const message = "--kv-heads: got 0, expected a whole number of at least 1";
    assert.throws(() => readOptions(SPECS, { kvHeads: 0 }, flagName), refusal(message));
  });

  test("are read from text", () => {
    for (const [text, value] of Object.entries({ 12: 12, "1e3": 1000, "-4": -4, ".5": 0.5, "+2.": 2 }))
      assert.equal(parseOption(SPECS.lr, text), value);
    for (const text of ["", "x", "0x10", "1_000", "NaN", "Infinity", "1e", "--3"])
      assert.equal(parseOption(SPECS.lr, text), text);
    assert.equal(parseOption(SPECS.out, "12"), "12");
  });

  test("say in words what they take", () => {
    assert.deepEqual(Object.values(SPECS).map(placeholderOf), ["N", "N", "X", "llama|gpt2", "DIR", "TEXT", ""]);
    assert.deepEqual(Object.values(SPECS).map(defaultText), [
      "default 8",
      "default: as many as heads",
      "default 0.001",
      "default llama",
      "",
      "",
      "",
    ]);
    assert.equal(expectedOf(SPECS.kvHeads), "a whole number of at least 1");
  });
});
