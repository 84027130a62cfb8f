import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { RUNTIMES } from "./runtimes.ts";

const child = path.join(path.dirname(fileURLToPath(import.meta.url)), "hostile-child.js");

/** What each case came to, by its name. The last one named is the one that ended the process, if it did not end well. */
function outcomes(name: string): Map<string, string> {
  const options = { encoding: "utf8", timeout: 120_000 } as const;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, name], options);
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, `${stdout}\n${stderr}`);
  return new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" => ") as [string, string]),
  );
}

/** Which of the two an engine says of a size beyond all memory is its own affair. */
const alike = (outcome: string | undefined) => (outcome === "OUT_OF_MEMORY" ? "RUNTIME" : outcome);

describe("wrong lengths, indices, shapes, models and hooks", () => {
  const told = new Map<string, Map<string, string>>();
  for (const { name, skip } of RUNTIMES)
    test(`end no process and hang none on ${name}: each runs or is a typed error`, { skip }, () => {
      const found = outcomes(name);
      told.set(name, found);
      assert.ok(found.size > 40);
      for (const [says, outcome] of found) assert.match(outcome, /^(ran|[A-Z_]+)$/, says);
    });

  test("come to the same on both runtimes", { skip: skipWithoutRuntime }, () => {
    const [native, web] = [told.get("ort-native")!, told.get("ort-web")!];
    for (const [says, outcome] of native) assert.equal(alike(outcome), alike(web.get(says)), says);
  });
});
