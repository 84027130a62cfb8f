import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { listCached } from "../../src/hub/contents.ts";
import { locateModel } from "../../src/hub/locate.ts";
import { pull } from "../../src/hub/pull.ts";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutPython } from "../helpers/reference-python.ts";
import { hubWorld, someBytes, type Variables } from "../hub/world.ts";

const FILES = {
  "config.json": "{}",
  // Equal files are one blob, which Python counts once.
  "tokenizer.json": "{ }",
  "tokenizer_config.json": "{  }",

  "data/part.txt": "hello",
  "model.safetensors": someBytes(200_000),
};
const HASHES = Object.fromEntries(
  Object.entries(FILES).map(([name, content]) => [name, createHash("sha256").update(content).digest("hex")]),
);

interface Seen {
  readonly path: string;
  readonly files: Readonly<Record<string, string>>;
  readonly config: string;
  readonly repos: readonly (readonly [id: string, bytes: number, files: number])[];
  readonly warnings: readonly string[];
}

/** Python's huggingface_hub, which may ask the server of this process while it runs. */
function python(action: "read" | "write", id: string, variables: Variables): Promise<Seen> {
  const script = path.join(repoRoot, "tests/interop/hub_cache.py");
  const offline = action === "read" ? "1" : "0";
  const env = {
    ...process.env,
    ...variables,
    HF_HUB_OFFLINE: offline,
    HF_HUB_DISABLE_TELEMETRY: "1",
    HF_HUB_DISABLE_XET: "1",
  };
  const child = spawn(process.env.OWNLM_PYTHON!, [script, action, id], { env });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) =>
    child.on("close", (status) => {
      if (status === 0) resolve(JSON.parse(stdout.trim().split("\n").at(-1)!) as Seen);
      else reject(new Error(stderr.slice(-3000)));
    }),
  );
}

describe("the cache that Python shares", { skip: skipWithoutPython }, () => {
  test("as we wrote it is read by huggingface_hub without a network, whole and without a warning", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const pulled = await pull(world.host, "org/name");
    const seen = await python("read", "org/name", world.variables);
    assert.equal(seen.path, pulled.path);
    assert.deepEqual(seen.files, HASHES);
    assert.equal(seen.config, path.join(pulled.path, "config.json"));
    assert.deepEqual(seen.repos, [["org/name", pulled.bytes, 5]]);
    assert.deepEqual(seen.warnings, []);
  });

  test("as Python wrote it is used by us: nothing is fetched, and nothing asked for what runs", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const seen = await python("write", "org/name", world.variables);
    assert.deepEqual(seen.files, HASHES);
    world.server.came.length = 0;
    assert.equal(await locateModel(world.host, "org/name", "model"), seen.path);
    assert.equal(world.server.came.length, 0);
    assert.equal((await pull(world.host, "org/name")).receivedBytes, 0);
    const [repo] = listCached(world.host);
    assert.equal(repo!.bytes, seen.repos[0]![1]);
  });

  test("half written by either is completed by the other", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const pulled = await pull(world.host, "org/name", { include: ["*.json"] });
    const seen = await python("write", "org/name", world.variables);
    assert.deepEqual([seen.path, seen.files], [pulled.path, HASHES]);
    rmSync(path.join(seen.path, "config.json"));
    assert.equal((await pull(world.host, "org/name")).receivedBytes, 0, "the blob is still there");
    assert.deepEqual((await python("read", "org/name", world.variables)).files, HASHES);
  });
});
