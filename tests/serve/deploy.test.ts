import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { flagName } from "../../src/base/options.ts";
import { MODEL_OPTIONS } from "../../src/generate/options.ts";
import { SERVE_OPTIONS } from "../../src/serve/options.ts";
import { repoRoot } from "../helpers/paths.ts";

const FLAGS = ["--json", ...Object.keys({ ...SERVE_OPTIONS, ...MODEL_OPTIONS }).map(flagName)];

for (const [file, list] of [
  ["Dockerfile", /^CMD (\[.*\])$/m],
  ["deploy/kubernetes.yaml", /^ *args: (\[.*\])$/m],
] as const)
  test(`${file} starts a server for other machines, with options that there are`, () => {
    const args = JSON.parse(list.exec(readFileSync(path.join(repoRoot, file), "utf8"))![1]!) as string[];
    assert.equal(args[0], "serve");
    const unknown = args.filter((arg) => arg.startsWith("--") && !FLAGS.includes(arg));
    assert.deepEqual(unknown, []);
    assert.equal(args[args.indexOf("--host") + 1], "0.0.0.0");
    assert.equal(args[args.indexOf("--port") + 1], "8080");
  });
