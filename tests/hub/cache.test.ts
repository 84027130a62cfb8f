import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import type { Host } from "../../src/host/types.ts";
import { cachedCommit, writeRef } from "../../src/hub/cache.ts";
import { listCached, removeCached } from "../../src/hub/contents.ts";
import { createHub, search } from "../../src/hub/library.ts";
import { pull } from "../../src/hub/pull.ts";
import { hubSettings } from "../../src/hub/settings.ts";
import { takeLock } from "../../src/weights/lock.ts";
import { modelFolder } from "../generate/folders.ts";
import { hubWorld, someBytes } from "./world.ts";

const MODEL = someBytes(10_000);

describe("the cache", () => {
  test("is where the environment says, as for Python", async () => {
    await using world = await hubWorld();
    const at = (variables: Record<string, string>) =>
      hubSettings({ ...world.host, homeFolder: () => "/home/me", env: (name) => variables[name] }).cache;
    assert.equal(at({}), "/home/me/.cache/huggingface/hub");
    assert.equal(at({ XDG_CACHE_HOME: "/x" }), "/x/huggingface/hub");
    assert.equal(at({ HF_HOME: "~/hf" }), "/home/me/hf/hub");
    assert.equal(at({ HF_HOME: "/h", HF_HUB_CACHE: "$HF_HOME/other" }), "/h/other");
    assert.equal(at({ HUGGINGFACE_HUB_CACHE: "/c" }), "/c");
    assert.throws(() => at({ HF_HUB_ETAG_TIMEOUT: "-1" }), { code: "BAD_OPTION", message: /HF_HUB_ETAG_TIMEOUT/ });
  });

  test("is listed: each blob once, revisions with their names, and nothing that is not its own", async () => {
    await using world = await hubWorld();
    assert.deepEqual(listCached(world.host), []);
    const one = world.server.commit("org/name", { "a.json": "1", "model.safetensors": MODEL }, "v1");
    const two = world.server.commit("org/name", { "a.json": "22", "model.safetensors": MODEL });
    await pull(world.host, "org/name@v1");
    await pull(world.host, "org/name");
    world.server.commit("datasets/org/data", { "a.txt": "hello" });
    await pull(world.host, "org/data", { type: "dataset" });
    mkdirSync(path.join(world.cache, "models--..--evil"));
    writeFileSync(path.join(world.cache, "version.txt"), "1");
    const [data, model, ...rest] = listCached(world.host);
    assert.deepEqual(rest, []);
    assert.deepEqual([data!.id, data!.type, data!.bytes], ["org/data", "dataset", 5]);
    assert.equal(model!.bytes, MODEL.length + 3);
    const refs = new Map(model!.revisions.map(({ commit, refs, files }) => [commit, [refs, files]]));
    assert.deepEqual(refs.get(one), [["v1"], 2]);
    assert.deepEqual(refs.get(two), [["main"], 2]);
  });

  test("loses a revision with the blobs that no other one uses, or all of a model", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { "a.json": "1", "model.safetensors": MODEL }, "v1");
    world.server.commit("org/name", { "a.json": "22", "model.safetensors": MODEL });
    await pull(world.host, "org/name@v1");
    const { path: kept } = await pull(world.host, "org/name");
    assert.equal(removeCached(world.host, "org/name@v1").freedBytes, 1);
    assert.equal(readFileSync(path.join(kept, "model.safetensors")).length, MODEL.length);
    assert.throws(() => removeCached(world.host, "org/name@v1"), { code: "NOT_FOUND", message: /main/ });
    assert.throws(() => removeCached(world.host, "org/nam"), {
      code: "NOT_FOUND",
      message: /Did you mean org\/name\?/,
    });
    assert.equal(removeCached(world.host, "org/name").freedBytes, MODEL.length + 2);
    assert.deepEqual(listCached(world.host), []);
    assert.deepEqual(readdirSync(world.cache), [".locks"]);
    assert.throws(() => removeCached(world.host, "../../x"), { code: "USAGE" });
  });

  test("keeps what is being fetched from being removed", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { "a.json": "1" });
    await pull(world.host, "org/name");
    const folder = path.join(world.cache, ".locks/models--org--name");
    const lock = takeLock(world.host, path.join(folder, `${"a".repeat(64)}.ownlm`));
    assert.ok(typeof lock !== "number");
    assert.throws(() => removeCached(world.host, "org/name"), { code: "LOCKED" });
    lock[Symbol.dispose]();
    removeCached(world.host, "org/name");
  });
});

test("two processes that write down the same revision do not meet", async () => {
  await using world = await hubWorld();
  const repo = { type: "model", id: "org/name", revision: "main" } as const;
  const [first, second] = ["1", "2"].map((digit) => digit.repeat(40)) as [string, string];
  const settings = hubSettings(world.host);
  const other = { ...world.host, processId: world.host.processId + 1 };
  let met = false;
  const host: Host = {
    ...world.host,
    rename(from, to) {
      // The other one comes between the writing and the renaming.
      if (!met) {
        met = true;
        writeRef(other, settings, repo, second);
      }
      world.host.rename(from, to);
    },
  };
  writeRef(host, settings, repo, first);
  assert.equal(met, true);
  assert.deepEqual(readdirSync(path.join(world.cache, "models--org--name/refs")), ["main"]);
  assert.equal(cachedCommit(world.host, settings, repo), first);
});

describe("a search", () => {
  test("asks for what is trending, and passes on what it is told", async () => {
    await using world = await hubWorld();
    const row = { _id: "1", id: "org/a", likes: 5, downloads: 1200, lastModified: "2026-01-02T03:04:05.000Z" };
    world.server.found = [
      {
        ...row,
        pipeline_tag: "text-generation",
        gated: "manual",
        safetensors: { total: 135e6 },
        config: { model_type: "llama" },
      },
      { ...row, id: "org/b", likes: "many", config: 5, lastModified: "never" },
    ];
    const [a, b] = await search(world.host, undefined, {});
    assert.deepEqual(a, {
      id: "org/a",
      type: "model",
      downloads: 1200,
      likes: 5,
      task: "text-generation",
      updated: "2026-01-02T03:04:05.000Z",
      gated: true,
      parameters: 135e6,
      modelType: "llama",
    });
    assert.deepEqual(b, { id: "org/b", type: "model", downloads: 1200 });
    assert.match(world.server.came[0]!.path, /^\/api\/models\?.*sort=trendingScore/);
    assert.match(world.server.came[0]!.path, /limit=20/);
    const hub = createHub(world.host);
    await hub.search("small", { type: "dataset", author: "org", tag: ["parquet"], sort: "likes", limit: 1 });
    assert.match(
      world.server.came.at(-1)!.path,
      /^\/api\/datasets\?limit=1&author=org&search=small&sort=likes&filter=parquet/,
    );
    await hub.search(undefined, { type: "space" });
    assert.match(world.server.came.at(-1)!.path, /^\/api\/spaces\?/);
    await assert.rejects(hub.search("x", { limit: 0 }), { code: "BAD_OPTION" });
    world.server.found = [{ id: 7 }];
    await assert.rejects(hub.search("x"), { code: "BAD_HUB" });
  });
});

describe("a push", () => {
  test("uploads a model's files as one commit, with a card that it writes where there is none", async () => {
    await using world = await hubWorld({ HF_TOKEN: "hf_secret" });
    world.server.tokens.push("hf_secret");
    const folder = modelFolder("llama");
    mkdirSync(path.join(folder, "checkpoints"));
    for (const name of ["train.json", "train.lock", "log.jsonl"]) writeFileSync(path.join(folder, name), "{}");
    const hub = createHub(world.host);
    const progress: number[] = [];
    const pushed = await hub.push(folder, "me/tiny", {
      private: true,
      onProgress: ({ doneBytes }) => progress.push(doneBytes),
    });
    assert.equal(pushed.card, path.join(folder, "README.md"));
    assert.deepEqual(
      [...pushed.files],
      ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
    );
    for (const name of pushed.files)
      assert.deepEqual(Buffer.from(world.server.uploaded.get(name)!), readFileSync(path.join(folder, name)), name);
    assert.equal(progress[0], 0);
    assert.equal(progress.at(-1), pushed.bytes);
    const [made] = world.server.made as { body: { name: string; organization: string; visibility: string } }[];
    assert.deepEqual([made!.body.name, made!.body.organization, made!.body.visibility], ["tiny", "me", "private"]);
    for (const { at, token } of world.server.came) assert.equal(token, at === "hub" ? "hf_secret" : undefined);
    const card = readFileSync(pushed.card!, "utf8");
    assert.match(
      card,
      /^---\npipeline_tag: text-generation\nlibrary_name: transformers\ntags:\n- ownlm\n- llama\n---\n/,
    );
    assert.match(card, /\| context \| 64 tokens \|/);
    assert.equal((await hub.pull("me/tiny")).commit, pushed.commit);
    world.server.fault = ({ path: at }) =>
      at === "/api/repos/create" ? { status: 409, body: '{"error":"exists"}' } : undefined;
    const again = await hub.push(folder, "me/tiny");
    assert.deepEqual([again.created, again.card], [false, undefined]);
  });

  test("needs a token that may write, a finished model, and a whole name", async () => {
    await using world = await hubWorld();
    const folder = modelFolder("gpt2");
    const hub = createHub(world.host);
    await assert.rejects(hub.push(folder, "me/tiny"), { code: "DENIED", message: /HF_TOKEN/ });
    assert.equal(existsSync(path.join(folder, "README.md")), false);
    world.variables.HF_TOKEN = "hf_reader";
    await assert.rejects(hub.push(folder, "tiny"), { code: "USAGE", message: /ORG\/NAME/ });
    await assert.rejects(hub.push(world.root, "me/tiny"), { code: "NOT_FOUND", message: /config\.json/ });
    world.server.fault = ({ path: at }) =>
      at === "/api/repos/create" ? { status: 403, body: '{"error":"no"}' } : undefined;
    await assert.rejects(hub.push(folder, "me/tiny"), { code: "DENIED", message: /may not do this/ });
    world.server.fault = ({ at }) => (at === "store" ? { status: 403 } : undefined);
    await assert.rejects(hub.push(folder, "me/tiny"), { code: "DENIED" });
    writeFileSync(path.join(folder, "optimizer.pt"), "x");
    await assert.rejects(hub.push(folder, "me/tiny"), { code: "UNSUPPORTED", message: /optimizer\.pt/ });
  });
});
