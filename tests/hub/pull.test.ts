import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { createWebHost } from "../../src/host/web.ts";
import { locateModel } from "../../src/hub/locate.ts";
import { pull } from "../../src/hub/pull.ts";
import { gitHash } from "../helpers/hub-server.ts";
import { hubWorld, someBytes } from "./world.ts";

const FILES = { "config.json": '{"a":1}', "data/part.txt": "hello", "model.safetensors": someBytes(300_000) };

describe("a pull", () => {
  test("lays files out as huggingface_hub does: refs, blobs by their hashes, snapshots of relative links", async () => {
    await using world = await hubWorld();
    const commit = world.server.commit("org/name", FILES);
    const pulled = await pull(world.host, "org/name");
    const repo = path.join(world.cache, "models--org--name");
    assert.equal(pulled.path, path.join(repo, "snapshots", commit));
    assert.equal(readFileSync(path.join(repo, "refs/main"), "utf8"), commit);
    assert.deepEqual([...pulled.files].sort(), Object.keys(FILES).sort());
    for (const [name, content] of Object.entries(FILES))
      assert.deepEqual(readFileSync(path.join(pulled.path, name)), Buffer.from(content), name);
    const small = gitHash(Buffer.from("hello"));
    assert.equal(readlinkSync(path.join(pulled.path, "data/part.txt")), `../../../blobs/${small}`);
    assert.ok(readdirSync(path.join(repo, "blobs")).includes(small));
    assert.ok(readdirSync(path.join(repo, "blobs")).every((name) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name)));
  });

  test("fetches nothing a second time, and only what changed of a new commit", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const first = await pull(world.host, "org/name");
    assert.ok(first.receivedBytes > 300_000);
    assert.equal((await pull(world.host, "org/name")).receivedBytes, 0);
    world.server.commit("org/name", { ...FILES, "config.json": '{"a":2}' });
    const third = await pull(world.host, "org/name");
    assert.equal(third.receivedBytes, 7);
    assert.notEqual(third.commit, first.commit);
    assert.ok(existsSync(path.join(first.path, "config.json")), "the old commit stays");
  });

  test("takes revisions, also those with slashes, and commits", async () => {
    await using world = await hubWorld();
    const main = world.server.commit("org/name", { "a.txt": "main" });
    world.server.commit("org/name", { "a.txt": "one" }, "refs/pr/1");
    const pulled = await pull(world.host, "org/name@refs/pr/1");
    assert.equal(readFileSync(path.join(pulled.path, "a.txt"), "utf8"), "one");
    assert.ok(existsSync(path.join(world.cache, "models--org--name/refs/refs/pr/1")));
    assert.equal((await pull(world.host, `org/name@${main}`)).commit, main);
    await assert.rejects(pull(world.host, "org/name@v9"), { code: "NOT_FOUND", message: /v9/ });
  });

  test("takes data sets and spaces", async () => {
    await using world = await hubWorld();
    world.server.commit("datasets/org/name", { "train.jsonl": "{}", "tokens.bin": "1" });
    world.server.commit("spaces/org/name", { "app.py": "" });
    const data = await pull(world.host, "org/name", { type: "dataset" });
    assert.deepEqual([...data.files].sort(), ["tokens.bin", "train.jsonl"]);
    assert.ok(data.path.includes("datasets--org--name"));
    assert.ok((await pull(world.host, "org/name", { type: "space" })).path.includes("spaces--org--name"));
  });

  test("takes what patterns choose, and says what there is when none matches", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const pulled = await pull(world.host, "org/name", { include: ["*.json", "data/"], exclude: ["config*"] });
    assert.deepEqual(pulled.files, ["data/part.txt"]);
    await assert.rejects(pull(world.host, "org/name", { include: ["*.gguf"] }), {
      code: "NOT_FOUND",
      message: /none of its 3 files matches.*config\.json/,
    });
  });

  test("leaves pickled Python out, and refuses it by name", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { ...FILES, "pytorch_model.bin": "x", "training_args.bin": "x", "x.pt": "x" });
    const warnings: string[] = [];
    const pulled = await pull(world.host, "org/name", {}, { onWarning: (text) => warnings.push(text) });
    assert.deepEqual([...pulled.files].sort(), Object.keys(FILES).sort());
    assert.match(warnings.join(), /left out pytorch_model\.bin, training_args\.bin, x\.pt/);
    const named = pull(world.host, "org/name", { include: ["x.pt"] });
    await assert.rejects(named, { code: "UNSUPPORTED", message: /x\.pt.*never fetched.*safetensors/ });
    await assert.rejects(pull(world.host, "org/name", { include: ["*.bin"] }), { code: "UNSUPPORTED" });
  });

  test("reads listings of many pages", async () => {
    await using world = await hubWorld();
    world.server.pageSize = 7;
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`data/${i}.txt`, `${i}`]));
    world.server.commit("org/name", many);
    assert.equal((await pull(world.host, "org/name")).files.length, 40);
  });

  test("counts honestly: all bytes of all files, what was here from the start", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const seen: number[][] = [];
    await pull(world.host, "org/name", { include: ["*.json"] });
    await pull(
      world.host,
      "org/name",
      {},
      {
        onProgress: ({ doneBytes, totalBytes, receivedBytes, doneFiles, files }) =>
          seen.push([doneBytes, totalBytes, receivedBytes, doneFiles, files]),
      },
    );
    assert.deepEqual(seen[0], [7, 300_012, 0, 1, 3]);
    assert.deepEqual(seen.at(-1), [300_012, 300_012, 300_005, 3, 3]);
    assert.ok(seen.every(([done], i) => i === 0 || done! >= seen[i - 1]![0]!));
  });

  test("puts files in place of links where links are not wanted or not there", async () => {
    await using world = await hubWorld({ HF_HUB_DISABLE_SYMLINKS: "1" });
    world.server.commit("org/name", FILES);
    const pulled = await pull(world.host, "org/name");
    assert.ok(lstatSync(path.join(pulled.path, "model.safetensors")).isFile());
    assert.equal((await pull(world.host, "org/name")).receivedBytes, 0);
    const host = { ...world.host, link: () => false };
    world.variables.HF_HUB_DISABLE_SYMLINKS = "";
    world.server.commit("org/other", FILES);
    const other = await pull(host, "org/other");
    assert.ok(lstatSync(path.join(other.path, "data/part.txt")).isFile());
  });

  test("works where there is no Node: into files in memory, without links", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const host = { ...createWebHost(), env: world.host.env };
    world.variables.HF_HOME = "/home";
    const pulled = await pull(host, "org/name");
    assert.deepEqual(host.readBytes(`${pulled.path}/model.safetensors`), FILES["model.safetensors"]);
    assert.equal((await pull(host, "org/name")).receivedBytes, 0);
    assert.equal(await locateModel(host, "org/name", "model"), pulled.path);
  });

  test("follows a renamed model to its new name and keeps the old one in the cache", async () => {
    await using world = await hubWorld();
    const commit = world.server.commit("gpt2", FILES);
    world.server.fault = ({ path: at }) =>
      at.startsWith("/api/models/old/")
        ? { status: 307, headers: { location: at.replace("/old/", "/gpt2/") } }
        : at.startsWith("/old/resolve")
          ? { status: 307, headers: { location: at.replace("/old/", "/gpt2/") } }
          : undefined;
    const pulled = await pull(world.host, "old");
    assert.equal(pulled.path, path.join(world.cache, "models--old/snapshots", commit));
  });

  test("needs a name that a repository can have", async () => {
    await using world = await hubWorld();
    for (const id of ["", "a/b/c", "../x", "a--b", "a/..", "org/name.git", "org/na me", "/abs", "a\\b", "@main"])
      await assert.rejects(pull(world.host, id), { code: "USAGE" }, id);
    for (const revision of ["../x", "/x", "a\\b", "x:y", "x\0"])
      await assert.rejects(pull(world.host, `org/name@${revision}`), { code: "USAGE" }, revision);
    assert.equal(world.server.came.length, 0);
  });
});
