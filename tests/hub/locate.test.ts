import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { readModelName } from "../../src/hub/id.ts";
import { locateModel } from "../../src/hub/locate.ts";
import { matchesPattern } from "../../src/hub/patterns.ts";
import { pull } from "../../src/hub/pull.ts";
import { planHere } from "../../src/inspect/plan.ts";
import { hubWorld, someBytes } from "./world.ts";

const SMALL = { "config.json": "{}", "tokenizer.json": "{}", "tokenizer_config.json": "{}" };
const WHOLE = {
  ...SMALL,
  "generation_config.json": "{}",
  "chat_template.jinja": "",
  "README.md": "x",
  LICENSE: "x",
  "model.safetensors": someBytes(5000),
  "pytorch_model.bin": someBytes(5000),
  "tf_model.h5": "x",
  "onnx/model.onnx": "x",
  "vocab.json": "{}",
};
const namesIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();

describe("a model named by its id", () => {
  test("is fetched with what running it takes, and no more", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", WHOLE);
    const folder = await locateModel(world.host, "org/name", "model");
    const expected = Object.keys(WHOLE).filter((name) => !/bin|h5|onnx|vocab/.test(name));
    assert.deepEqual(namesIn(folder), expected.sort());
  });

  test("is taken from the cache without a question, once it is there", async () => {
    await using world = await hubWorld();
    world.server.commit("gpt2", { ...SMALL, "model.safetensors": "x" });
    const folder = await locateModel(world.host, "gpt2", "model");
    world.server.came.length = 0;
    world.server.commit("gpt2", { ...SMALL, "model.safetensors": "newer" });
    assert.equal(await locateModel(world.host, "gpt2", "model"), folder);
    assert.equal(await locateModel(world.host, "gpt2", "tokenizer"), folder);
    assert.equal(world.server.came.length, 0);
    await pull(world.host, "gpt2");
    assert.notEqual(await locateModel(world.host, "gpt2", "model"), folder, "a pull brings the new one");
    world.variables.HF_HUB_OFFLINE = "1";
    assert.notEqual(await locateModel(world.host, "gpt2", "model"), folder);
  });

  test("is planned from its config, which alone is fetched", async () => {
    await using world = await hubWorld();
    const config = readFileSync("tests/golden/families/qwen2/config.json");
    world.server.commit("org/name", { ...WHOLE, "config.json": new Uint8Array(config) });
    const plan = await planHere(world.host, "org/name", { gflops: 0 }, { runtime: () => assert.fail("not needed") });
    assert.equal(plan.model, "org/name");
    assert.equal(plan.modelType, "qwen2");
    const folder = await locateModel(world.host, "org/name", "config");
    assert.deepEqual(namesIn(folder), ["config.json"]);
    assert.ok(namesIn(await locateModel(world.host, "org/name", "model")).includes("model.safetensors"));
  });

  test("without a tokenizer is asked for once only", async () => {
    await using world = await hubWorld();
    world.server.commit("org/bare", { "config.json": "{}", "model.safetensors": "x" });
    await locateModel(world.host, "org/bare", "model");
    world.server.came.length = 0;
    await locateModel(world.host, "org/bare", "model");
    assert.equal(world.server.came.length, 0);
  });

  test("gives way to a file or folder of that name here", async () => {
    await using world = await hubWorld();
    const local = path.join(world.root, "gpt2");
    mkdirSync(local);
    assert.equal(await locateModel(world.host, local, "model"), local);
    await assert.rejects(locateModel(world.host, `${local}/nothing`, "model"), { code: "NOT_FOUND" });
    for (const gone of [
      "./gpt2",
      "../x",
      "/no/such/folder",
      "a/b/../c",
      "model.gguf",
      "x\\y",
      "C:\\x",
      "~/x",
      "",
      "a b",
    ])
      await assert.rejects(locateModel(world.host, gone, "model"), { code: "NOT_FOUND" }, gone);
    assert.equal(world.server.came.length, 0);
  });

  test("of shards takes those that the index names", async () => {
    await using world = await hubWorld();
    const index = { weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } };
    world.server.commit("org/name", {
      ...SMALL,
      "model.safetensors.index.json": JSON.stringify(index),
      "model-1.safetensors": "1",
      "model-2.safetensors": "2",
      "consolidated.safetensors": "3",
    });
    const folder = await locateModel(world.host, "org/name", "model");
    assert.ok(!namesIn(folder).includes("consolidated.safetensors"));
    assert.ok(namesIn(folder).includes("model-2.safetensors"));
    rmSync(path.join(folder, "model-2.safetensors"));
    world.variables.HF_HUB_OFFLINE = "1";
    await assert.rejects(locateModel(world.host, "org/name", "model"), {
      code: "OFFLINE",
      message: /lacks model-2\.safetensors/,
    });
    world.variables.HF_HUB_OFFLINE = "";
    await locateModel(world.host, "org/name", "model");
    assert.ok(namesIn(folder).includes("model-2.safetensors"));
  });

  test("whose index names files elsewhere is refused", async () => {
    await using world = await hubWorld();
    for (const file of ["../x.safetensors", "/etc/passwd", "gone.safetensors"]) {
      const index = JSON.stringify({ weight_map: { a: file } });
      world.server.commit("org/name", { ...SMALL, "model.safetensors.index.json": index });
      await assert.rejects(locateModel(world.host, "org/name", "model"), { code: /BAD_WEIGHTS|BAD_HUB/ }, file);
    }
  });

  test("may be one file of many: by its name, or by what its name says of its weights", async () => {
    await using world = await hubWorld();
    const files = { "tiny-Q4_0.gguf": "4", "tiny-Q4_K_M.gguf": "k", "tiny-Q8_0.gguf": "8", "mmproj-f16.gguf": "m" };
    world.server.commit("org/gguf", files);
    const q8 = await locateModel(world.host, "org/gguf/tiny-Q8_0.gguf", "model");
    assert.equal(path.basename(q8), "tiny-Q8_0.gguf");
    assert.deepEqual(namesIn(path.dirname(q8)), ["tiny-Q8_0.gguf"]);
    const q4 = await locateModel(world.host, "org/gguf:q4_0", "model");
    assert.equal(path.basename(q4), "tiny-Q4_0.gguf");
    world.server.came.length = 0;
    assert.equal(await locateModel(world.host, "org/gguf:Q4_0", "tokenizer"), q4);
    assert.equal(world.server.came.length, 0);
    await assert.rejects(locateModel(world.host, "org/gguf", "model"), {
      code: "USAGE",
      message: /Say which: org\/gguf:Q4_0/,
    });
    await assert.rejects(locateModel(world.host, "org/gguf:Q2_K", "model"), { code: "NOT_FOUND", message: /Q2_K/ });
    world.server.commit("org/one", { "only-F16.gguf": "x", "README.md": "" });
    assert.equal(path.basename(await locateModel(world.host, "org/one", "model")), "only-F16.gguf");
    world.server.came.length = 0;
    await locateModel(world.host, "org/one", "model");
    assert.equal(world.server.came.length, 0);
  });

  test("of pickles alone is refused by name, with what to try", async () => {
    await using world = await hubWorld();
    world.server.commit("org/old", { ...SMALL, "pytorch_model.bin": "x" });
    const refused = { code: "UNSUPPORTED", message: /pytorch_model\.bin.*run code.*save_pretrained/ };
    await assert.rejects(locateModel(world.host, "org/old", "model"), refused);
    await assert.rejects(locateModel(world.host, "org/old/pytorch_model.bin", "model"), refused);
    const local = path.join(world.root, "model.pt");
    writeFileSync(local, "x");
    await assert.rejects(locateModel(world.host, local, "model"), { code: "UNSUPPORTED", message: /model\.pt/ });
    world.server.commit("org/flax", { ...SMALL, "flax_model.msgpack": "x" });
    await assert.rejects(locateModel(world.host, "org/flax", "model"), { code: "UNSUPPORTED", message: /flax_model/ });
  });

  test("that is nowhere says where it was looked for", async () => {
    await using world = await hubWorld();
    await assert.rejects(locateModel(world.host, "mymodl", "model"), {
      code: "NOT_FOUND",
      message: /mymodl: there is no such file or folder here, and the cache has no such model\. The hub: .*status 401/,
    });
  });

  test("goes on with what is here when the hub cannot be reached", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { "config.json": "{}", "model.safetensors": "x", "tokenizer.json": "{}" });
    await pull(world.host, "org/name", { exclude: ["tokenizer.json"] });
    world.variables.HF_HUB_OFFLINE = "1";
    assert.ok(await locateModel(world.host, "org/name", "model"));
  });
});

describe("names", () => {
  test("are read as people write them", () => {
    const read = (text: string) => {
      const { id, revision, file, variant } = readModelName(text) ?? {};
      return [id, revision, file, variant];
    };
    assert.deepEqual(read("gpt2"), ["gpt2", "main", undefined, undefined]);
    assert.deepEqual(read("org/name@v1"), ["org/name", "v1", undefined, undefined]);
    assert.deepEqual(read("org/name@refs/pr/3"), ["org/name", "refs/pr/3", undefined, undefined]);
    assert.deepEqual(read("org/name/a/b.gguf@x"), ["org/name", "x", "a/b.gguf", undefined]);
    assert.deepEqual(read("org/name@v1:Q4_K_M"), ["org/name", "v1", undefined, "Q4_K_M"]);
    for (const path of ["./a", "/a/b", "a/b/c/../d.gguf", "a//b", "a b", "model.gguf", "x/y/con", "a/b:c/d"])
      assert.equal(readModelName(path), undefined, path);
  });

  test("match patterns by Python's fnmatch rules", () => {
    for (const [pattern, path, fits] of [
      ["*.json", "a/b.json", true],
      ["*.json", "a.jsonl", false],
      ["data/", "data/x/y", true],
      ["data/", "mydata/x", false],
      ["a?c", "abc", true],
      ["a[b-d]c", "acc", true],
      ["a[!b-d]c", "acc", false],
      ["a[]]c", "a]c", true],
      ["a[b", "a[b", true],
      ["*a*b*c*", "xxaxxbxxc", true],
      ["*", "", true],
      ["", "a", false],
      ["A", "a", false],
      ["*.safetensors", "model-00001-of-00002.safetensors", true],
    ] as const)
      assert.equal(matchesPattern(path, pattern), fits, `${pattern} ${path}`);
    const started = performance.now();
    matchesPattern("a".repeat(5000), `${"*a".repeat(400)}b`);
    assert.ok(performance.now() - started < 5000, "stars do not multiply");
  });
});
