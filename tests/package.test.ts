import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import * as library from "../src/index.ts";
import * as transformers from "../src/transformers/index.ts";
import { repoRoot } from "./helpers/paths.ts";

const { name, bin, types, exports, imports } = JSON.parse(readFileSync(path.join(repoRoot, "package.json"), "utf8"));

describe("the package", () => {
  test("gives the library by its name, to programs as to tests", async () => {
    const imported = (await import(name)) as typeof library;
    assert.deepEqual(Object.keys(imported), Object.keys(library));
    assert.equal(imported.train, library.train);
  });

  test("gives transformers.js's names under a path of their own", async () => {
    const imported = (await import(`${name}/transformers`)) as typeof transformers;
    assert.deepEqual(Object.keys(imported), Object.keys(transformers));
  });

  test("names files that are there", () => {
    const pathsIn = (value: unknown): string[] =>
      typeof value === "string" ? [value] : Object.values(value as object).flatMap(pathsIn);
    for (const file of pathsIn([bin, types, exports, imports])) assert.ok(existsSync(path.join(repoRoot, file)), file);
  });
});
