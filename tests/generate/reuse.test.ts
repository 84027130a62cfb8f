import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { finish, pretrained } from "../../src/generate/library.ts";
import { type OpenModel, openModel } from "../../src/generate/load.ts";
import { shiftedIds } from "../../src/generate/overflow.ts";
import { commonPrefix } from "../../src/generate/prefix.ts";
import { streamAfter } from "../../src/generate/text.ts";
import { host } from "../../src/host/node.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder, temporaryFolder } from "./folders.ts";

const open = (folder: string, options = {}) => openModel(host, runtime!, folder, { threads: 1, ...options });
const made = (model: OpenModel, ids: readonly number[], options = {}) =>
  finish(streamAfter(model, ids, { maxNewTokens: 6, speculate: "off", ...options }, 0));

test("a common prefix ends where two texts part or one ends", () => {
  assert.equal(commonPrefix([1, 2, 3], [1, 2, 4]), 2);
  assert.equal(commonPrefix([1, 2], [1, 2, 4]), 2);
  assert.equal(commonPrefix([], [1]), 0);
});

describe("an open model", { skip: skipWithoutRuntime }, () => {
  for (const cacheType of ["f32", "q8"] as const)
    test(`reads of a text only what it does not know from the last one (${cacheType})`, async () => {
      const folder = modelFolder("llama");
      using model = await open(folder, { cacheType });
      using fresh = await open(folder, { cacheType });
      const turn = [5, 6, 7, 8, 9, 10, 11];
      const first = await made(model, turn);
      const next = [...turn, ...first.ids, 12, 13];
      {
        using loan = model.borrow(next);
        assert.equal(loan.engine.length, turn.length + first.ids.length - 1, "the last token was never read");
      }
      assert.deepEqual((await made(model, next)).ids, (await made(fresh, next)).ids);
      using loan = model.borrow(turn);
      assert.equal(loan.engine.length, turn.length - 1, "one token is read for its logits");
      using second = model.borrow();
      assert.equal(second.engine.length, 0);
    });

  test("penalises tokens of a prompt that it knows already", async () => {
    using model = await open(modelFolder("llama"));
    const options = { repetitionPenalty: 5 };
    const alone = await made(model, [5, 6, 7, 8], options);
    assert.deepEqual((await made(model, [5, 6, 7, 8], options)).ids, alone.ids);
  });
});

describe("a text beyond the context", { skip: skipWithoutRuntime }, () => {
  test("keeps its first tokens and the last half of the rest", () => {
    const ids = Array.from({ length: 20 }, (_, i) => i);
    assert.deepEqual(shiftedIds(ids, 12, 4), [0, 1, 2, 3, 16, 17, 18, 19]);
    assert.deepEqual(shiftedIds(ids, 12, 0), [14, 15, 16, 17, 18, 19]);
    assert.deepEqual(shiftedIds(ids, 4, 100), [0, 1, 2, 19]);
    assert.deepEqual(shiftedIds([1, 2, 3], 12, 4), [1, 2, 3]);
  });

  test("goes on as after a prompt of what stayed, or ends where it is refused", async () => {
    for (const family of ["llama", "gpt2"] as const) {
      const folder = modelFolder(family);
      using model = await open(folder, { context: 16 });
      const prompt = [3, 4, 5, 6, 7, 8];
      const long = await made(model, prompt, { maxNewTokens: 24, overflow: "shift", keep: 2 });
      assert.equal(long.ids.length, 24);
      const whole = [...prompt, ...long.ids];
      // The token at place 17 was the first that the context had no room for.
      using fresh = await open(folder, { context: 16 });
      const stayed = shiftedIds(whole.slice(0, 17), 16, 2);
      const after = await made(fresh, stayed, { maxNewTokens: 4 });
      assert.deepEqual(after.ids, whole.slice(17, 21));
      const ended = await made(model, prompt, { maxNewTokens: 24 });
      assert.equal(ended.ids.length, 10);
      assert.deepEqual(ended.ids, long.ids.slice(0, 10));
      const tooLong = Array.from({ length: 30 }, (_, i) => i + 3);
      await assert.rejects(made(model, tooLong), { code: "CONTEXT_OVERFLOW" });
      assert.equal((await made(model, tooLong, { overflow: "shift" })).ids.length, 6);
    }
  });
});

describe("a saved cache", { skip: skipWithoutRuntime }, () => {
  const prompt = [5, 6, 7, 8, 9, 10, 11];

  for (const cacheType of ["f32", "q8"] as const)
    test(`is taken up by another process's model, to the same bits (${cacheType})`, async () => {
      const folder = modelFolder("llama");
      const file = path.join(temporaryFolder(), "text.kv");
      using model = await open(folder, { cacheType });
      assert.throws(() => model.saveCache(file), { code: "BAD_CACHE" });
      const { ids } = await made(model, prompt);
      model.saveCache(file);
      using other = await open(folder, { cacheType, context: 40 });
      other.loadCache(file);
      const whole = [...prompt, ...ids, 3];
      using loan = other.borrow(whole);
      assert.equal(loan.engine.length, prompt.length + ids.length - 1);
      using before = model.borrow(whole);
      const rest = whole.slice(loan.engine.length);
      assert.deepEqual(await loan.engine.append(rest), await before.engine.append(rest));
    });

  test("is refused where it is damaged or another's, naming what is wrong", async () => {
    const folder = modelFolder("llama");
    const file = path.join(temporaryFolder(), "text.kv");
    using model = await open(folder);
    await made(model, prompt);
    model.saveCache(file);
    const good = readFileSync(file);
    const headerEnd = 8 + Number(good.readBigUInt64LE(0));
    const edited = (from: string, to: string) => Buffer.from(good.toString("latin1").replace(from, to), "latin1");
    const flipped = (at: number) => {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1;
      return bytes;
    };
    const table: Record<string, [Buffer, RegExp]> = {
      "of no bytes": [Buffer.alloc(0), /got 0 bytes/],
      "cut in its header": [good.subarray(0, 100), /header/],
      "cut in its tensors": [good.subarray(0, good.length - 5), /text\.kv/],
      "with bytes after its end": [Buffer.concat([good, Buffer.alloc(4)]), /text\.kv/],
      "with a flipped bit in a key": [flipped(headerEnd + 9), /checksum/],
      "with a flipped bit at its end": [flipped(good.length - 1), /checksum/],
      "of another format": [edited("ownlm-kv-cache", "ownlm-kv-cachf"), /format: got ownlm-kv-cachf/],
      "of another version": [edited('"version":"1"', '"version":"2"'), /version: got 2/],
      "of another model": [edited('"model":"', '"model":"0'), /./],
      "that names a tensor otherwise": [edited('"0.key"', '"0.kez"'), /0\.key: got no such tensor/],
      "of another dtype": [edited('"dtype":"I32"', '"dtype":"U32"'), /U32|dtype/],
      "that is a model": [readFileSync(path.join(folder, "model.safetensors")), /format: got pt/],
      "that is text": [Buffer.from("{}{}{}{}{}{}{}{}"), /text\.kv/],
    };
    for (const [says, [bytes, message]] of Object.entries(table)) {
      writeFileSync(file, bytes);
      assert.throws(() => model.loadCache(file), { code: "BAD_CACHE", message }, says);
    }
    writeFileSync(file, good);
    model.loadCache(file);
    assert.throws(() => model.loadCache(`${file}.none`), { code: "NOT_FOUND" });
    const others: Record<string, [Promise<OpenModel>, RegExp]> = {
      "other weights": [open(modelFolder("llama", { seed: 2 })), /model: got/],
      "another family": [open(modelFolder("gpt2")), /model: got/],
      "another kind of cache": [open(folder, { cacheType: "q8" }), /model: got/],
      "a context that is too short": [open(folder, { context: 8 }), /ids: got 12, expected 1 to the 8/],
    };
    for (const [says, [opening, message]] of Object.entries(others)) {
      using other = await opening;
      assert.throws(() => other.loadCache(file), { code: "BAD_CACHE", message }, says);
    }
  });

  test("of any content gives an error and no crash", async () => {
    const folder = modelFolder("llama");
    const file = path.join(temporaryFolder(), "text.kv");
    using model = await open(folder);
    await made(model, prompt);
    model.saveCache(file);
    const good = readFileSync(file);
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(good);
      for (let n = 0; n < 3; n++) bytes[(i * 7919 + n * 104729) % bytes.length] = (i * 31 + n * 17) % 256;
      if (bytes.equals(good)) continue;
      writeFileSync(file, bytes);
      assert.throws(() => model.loadCache(file), { code: "BAD_CACHE" }, `change ${i}`);
    }
    assert.ok((await pretrained(model).generate(prompt, { maxNewTokens: 2 })).ids.length > 0);
  });
});
