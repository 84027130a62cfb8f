import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { openTokenizer } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import * as library from "../../src/index.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import { openWeights } from "../../src/weights/folder.ts";
import { openGguf } from "../../src/weights/gguf.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { ownlm } from "../cli/world.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "./folders.ts";

const { AutoModelForCausalLM } = library;
const newFile = () => path.join(temporaryFolder(), "model.gguf");

for (const family of FAMILIES)
  describe(`a ${family} folder written as a GGUF file`, { skip: skipWithoutRuntime }, () => {
    const folder = modelFolder(family, { padding: 3 });

    test("has the scores and the greedy text of the folder as float32", async () => {
      const file = newFile();
      exportGguf(host, folder, { gguf: file, type: "f32" });
      using before = await AutoModelForCausalLM.fromPretrained(folder);
      using after = await AutoModelForCausalLM.fromPretrained(file);
      const ids = before.tokenizer!.encode("the cat sat on the mat");
      const [a, b] = [await after.score(ids), await before.score(ids)];
      a.logprobs.forEach((x, i) => void assert.ok(x === b.logprobs[i] || Math.abs(x! - b.logprobs[i]!) < 1e-4));
      assert.deepEqual((await after.generate(ids)).ids, (await before.generate(ids)).ids);
      assert.deepEqual(after.defaults.eosTokenIds, before.defaults.eosTokenIds);
    });

    for (const [type, most] of [
      ["f16", 0.01],
      ["bf16", 0.1],
      ["q8_0", 0.1],
      ["q4_0", 1.5],
    ] as const)
      test(`has nearly the scores of the folder as ${type}`, async () => {
        const file = newFile();
        const { tensors } = exportGguf(host, folder, { gguf: file, type });
        assert.equal(tensors, openGguf(host, file).tensors.size);
        using before = await AutoModelForCausalLM.fromPretrained(folder);
        using after = await AutoModelForCausalLM.fromPretrained(file);
        const ids = before.tokenizer!.encode("the cat sat on the mat");
        const [a, b] = [await before.score(ids), await after.score(ids)];
        assert.ok(Math.abs(a.logprob - b.logprob) / ids.length < most, `${a.logprob} and ${b.logprob}`);
      });

    test("holds the tokenizer", () => {
      const file = newFile();
      exportGguf(host, folder, { gguf: file });
      const [before, after] = [openTokenizer(host, folder), openTokenizer(host, file)];
      for (const text of ["the cat sat", " naïve 🙂\n\n 12", "<|endoftext|>"]) {
        assert.deepEqual(after.encode(text), before.encode(text));
        assert.equal(after.decode(after.encode(text)), text);
      }
      assert.deepEqual([after.bosId, after.eosId], [before.bosId, before.eosId]);
    });
  });

describe("ownlm export", () => {
  test("writes a file that other verbs take", { skip: skipWithoutRuntime }, async () => {
    const folder = modelFolder("llama");
    const file = newFile();
    const written = (await ownlm(["export", folder, "--gguf", file, "--type", "q8_0", "--json"])).json();
    assert.deepEqual([written.file, written.architecture, written.type], [file, "llama", "q8_0"]);
    assert.equal(written.bytes, host.fileSize(file));
    const { text } = (await ownlm(["generate", file, "the cat", "-n", "4", "-t", "0", "--json"])).json();
    assert.equal(typeof text, "string");
    const { ids } = (await ownlm(["tokenize", file, "the cat", "--json"])).json();
    assert.deepEqual(ids, openTokenizer(host, folder).encode("the cat"));
  });

  test("says in one line what it wrote", async () => {
    const file = newFile();
    const { stdout, status } = await ownlm(["export", modelFolder("gpt2"), "--gguf", file]);
    assert.equal(status, 0);
    assert.match(stdout, /model\.gguf: 28 tensors of gpt2 as f16, \d+\.\d KiB\n$/);
  });

  test("keeps the chat template", () => {
    const folder = modelFolder("llama");
    writeFileSync(path.join(folder, "chat_template.jinja"), "{{ messages[0].content }}");
    const file = newFile();
    exportGguf(host, folder, { gguf: file });
    assert.equal(openGguf(host, file).metadata.get("tokenizer.chat_template"), "{{ messages[0].content }}");
  });

  const refused: readonly [what: string, code: string, message: RegExp, make: (folder: string) => void][] = [
    [
      "a tokenizer of characters",
      "UNSUPPORTED",
      /tokenizer\.json: model: this version writes only BPE into GGUF files/,
      (folder) => {
        writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify(trainChar(["abc"])));
        host.remove(path.join(folder, "tokenizer_config.json"));
      },
    ],
    [
      "a weight that is no number",
      "BAD_WEIGHTS",
      /embed_tokens\.weight: got an element of NaN/,
      (folder) => {
        const file = path.join(folder, "model.safetensors");
        const tensors = [...openWeights(host, folder)].map(([name, { dtype, shape, length }]) => {
          const data = new Float32Array(length / 4);
          if (name.includes("embed_tokens")) data[7] = Number.NaN;
          return { name, dtype, shape, data };
        });
        writeSafetensors(host, file, tensors);
      },
    ],
    [
      "a weight that is missing",
      "NOT_FOUND",
      /no model\.safetensors/,
      (folder) => host.remove(path.join(folder, "model.safetensors")),
    ],
  ];
  for (const [what, code, message, make] of refused)
    test(`refuses ${what}, and leaves nothing behind`, () => {
      const folder = modelFolder("llama");
      make(folder);
      const file = newFile();
      assert.throws(() => exportGguf(host, folder, { gguf: file }), { code, message });
      assert.deepEqual(readdirSync(path.dirname(file)), []);
    });

  test("writes over nothing", () => {
    const file = newFile();
    writeFileSync(file, "mine");
    assert.throws(() => exportGguf(host, modelFolder("llama"), { gguf: file }), { code: "EXISTS" });
    assert.equal(host.readText(file), "mine");
  });
});
