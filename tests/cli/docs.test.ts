import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cliPage } from "../../scripts/docs.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { repoRoot } from "../helpers/paths.ts";

test("docs/cli.md is what the verbs declare", () => {
  const page = readFileSync(path.join(repoRoot, "docs/cli.md"), "utf8");
  assert.equal(page, cliPage(VERBS), "run: node dist/scripts/docs.js");
});
