import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { test } from "node:test";
import { scratchPath } from "../../src/host/node-scratch.ts";
import { temporaryFolder } from "../generate/folders.ts";

const UUID = "00000000-0000-4000-8000-000000000000";

test("scratch files of killed processes go after an hour; others stay", () => {
  const folder = temporaryFolder();
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const put = (name: string, hours: number) => {
    const file = path.join(folder, name);
    writeFileSync(file, "");
    const seconds = Date.now() / 1000 - hours * 3600;
    utimesSync(file, seconds, seconds);
  };
  put(`ownlm-${dead}-${UUID}.tmp`, 2);
  put(`ownlm-${dead}-${UUID.replace("4", "5")}.tmp`, 0.5);
  put(`ownlm-${process.pid}-${UUID}.tmp`, 2);
  put(`ownlm-${dead}-notes.tmp`, 2);
  const next = scratchPath(folder);
  assert.deepEqual(
    readdirSync(folder).sort(),
    [
      `ownlm-${dead}-${UUID.replace("4", "5")}.tmp`,
      `ownlm-${dead}-notes.tmp`,
      `ownlm-${process.pid}-${UUID}.tmp`,
    ].sort(),
  );
  assert.equal(path.dirname(next), folder);
  assert.notEqual(scratchPath(folder), next);
});
