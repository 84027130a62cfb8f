import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { describe, test } from "node:test";
import { shellPath } from "../../src/base/format.ts";

describe("a path in a command to paste", () => {
  test("is as it is where a shell takes it so", () => {
    for (const path of ["mymodel", "a/b-c_2.x", "/tmp/é", "../m"]) assert.equal(shellPath(path), path);
  });

  test("is one word for a shell, whatever it holds", { skip: process.platform === "win32" }, () => {
    for (const path of ["my model", "a'b", 'a"b', "$HOME", "`x`", "a\nb", "~", "*", "a\\b", "ü 😀", "a;b", "!x 'y'"])
      assert.equal(execFileSync("sh", ["-c", `printf %s ${shellPath(path)}`], { encoding: "utf8" }), path);
  });

  test("is no option", () => {
    assert.equal(shellPath("-x"), "./-x");
  });
});
