import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { parameterShapes } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import * as ownlm from "../../src/index.ts";
import { readCard } from "../../src/inspect/card.ts";
import { readProcessor } from "../../src/inspect/processor.ts";
import { type ShownModel, showModel } from "../../src/inspect/show.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { ownlm as run } from "../cli/world.ts";
import { modelFolder, temporaryFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const noRuntime = { runtime: () => Promise.reject(new Error("nothing was to be measured")) };
const shown = (folder: string, options = {}): Promise<ShownModel> =>
  showModel(host, folder, { noSpeed: true, ...options }, noRuntime);

describe("a model shown", () => {
  const folder = modelFolder("llama");

  test("has its sizes, by part and in bytes", async () => {
    const got = await shown(folder);
    const file = path.join(folder, "config.json");
    const shapes = parameterShapes(modelFromConfig(JSON.parse(readFileSync(file, "utf8")), file));
    const elements = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
    assert.equal(got.parameters, elements);
    assert.equal(
      Object.values(got.parts).reduce((sum, count) => sum + count, 0),
      elements,
    );
    assert.deepEqual(got.formats, { float32: 4 * elements });
    assert.equal(got.memoryBytes, 4 * elements);
    assert.ok(got.diskBytes! > 4 * elements && got.files === 1);
    // Two layers, two heads of eight, keys and values, float32.
    assert.equal(got.kvBytesPerToken, 2 * 2 * 2 * 8 * 4);
    assert.deepEqual([got.context, got.layers, got.tiedHead, got.form], [64, 2, true, "folder"]);
    assert.deepEqual(got.tokenizer, { tokens: 289, chatTemplates: [] });
    assert.equal(got.speed, undefined);
    assert.equal(got.licence, undefined);
  });

  test("packed as it is opened takes fewer bytes, and a packed folder says how it is packed", async () => {
    const plain = await shown(folder);
    const packed = await shown(folder, { quantize: 4 });
    assert.ok(packed.memoryBytes < plain.memoryBytes / 3);
    assert.equal(packed.diskBytes, plain.diskBytes);
  });

  test("has its licence from README.md and its templates from the tokenizer's files", async () => {
    const other = modelFolder("gpt2");
    writeFileSync(
      path.join(other, "README.md"),
      "---\nlicense: apache-2.0\nbase_model:\n- someone/gpt\n---\n# A model\n",
    );
    writeFileSync(path.join(other, "chat_template.jinja"), "{{ messages[0].content }}");
    const got = await shown(other);
    assert.deepEqual([got.licence, got.baseModel], ["apache-2.0", "someone/gpt"]);
    assert.deepEqual(got.tokenizer!.chatTemplates, ["default"]);
    const { stdout } = await run(["show", other, "--no-speed"]);
    assert.match(stdout, /gpt2, [\d,.]+K parameters\n {2}parts +embedding /);
    assert.match(stdout, /licence +apache-2\.0\n {2}made from +someone\/gpt\n$/);
  });

  test("in a GGUF file is the same model, with the file's formats", async () => {
    const file = path.join(temporaryFolder(), "model.gguf");
    await exportGguf(host, folder, { gguf: file, type: "q8_0" });
    const [got, plain] = [await shown(file), await shown(folder)];
    assert.equal(got.form, "gguf");
    assert.deepEqual([got.parameters, got.parts, got.context], [plain.parameters, plain.parts, plain.context]);
    assert.ok(got.formats!.Q8_0! > 0 && got.memoryBytes < plain.memoryBytes);
    assert.deepEqual(got.tokenizer!.tokens, 289);
  });

  test("may have no weights or no tokenizer yet", async () => {
    const bare = modelFolder("llama", { tokenizer: undefined });
    rmSync(path.join(bare, "model.safetensors"));
    const got = await shown(bare);
    assert.deepEqual([got.formats, got.tokenizer], [undefined, undefined]);
    assert.match((await run(["show", bare, "--no-speed"])).stdout, /weights +none.*tokenizer +none/s);
  });

  test("that another program packed is shown, with the reason why it does not run here", async () => {
    const other = modelFolder("llama");
    const file = path.join(other, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...config, quantization_config: { quant_method: "gptq", bits: 4 } }));
    const got = await shown(other);
    assert.match(got.unsupported!, /quant_method: got "gptq"/);
    assert.deepEqual(got.quantization, { quant_method: "gptq", bits: 4 });
    assert.match((await run(["show", other, "--no-speed"])).stdout, /It does not run here: .*gptq/);
  });

  test("needs a model", async () => {
    assert.equal((await run(["show"])).status, 2);
    assert.match((await run(["show", "no-such-model"])).stderr, /no-such-model: there is no such file or folder/);
  });
});

describe("the speed that show expects", { skip: skipWithoutRuntime }, () => {
  test("is the read bandwidth over the bytes of a token, and less than that at most", async () => {
    const { speed } = await ownlm.show(modelFolder("llama"), { threads: 1 });
    const { bytesPerToken, readBandwidth, tokensPerSecondAtMost, tokensPerSecondExpected, threads } = speed!;
    assert.equal(threads, 1);
    assert.equal(tokensPerSecondAtMost, readBandwidth / bytesPerToken);
    assert.equal(tokensPerSecondExpected, tokensPerSecondAtMost / 2);
    assert.match(
      (await run(["show", modelFolder("llama")])).stdout,
      /speed +about .* tokens\/s, at most .*GB\/s now\n$/,
    );
  });
});

describe("a model card", () => {
  const card = (...lines: string[]) => readCard(["---", ...lines, "---", "# Text", "license: mit"].join("\n"));

  test("is read in the forms that cards have", () => {
    assert.deepEqual(card("license: mit"), { licence: "mit" });
    assert.deepEqual(card('license: "other"  # see below', "license_name: 'llama3'"), {
      licence: "other",
      licenceName: "llama3",
    });
    assert.deepEqual(card("base_model:", "  - a/b", "- c/d", "tags:", "- x"), { baseModel: "a/b" });
    assert.deepEqual(card("base_model: [a/b, c/d]", "license: # none"), { baseModel: "a/b" });
    assert.deepEqual(card("language:", "- en", "license_link: LICENSE"), { licenceLink: "LICENSE" });
    assert.deepEqual(readCard("\uFEFF---\r\nlicense: mit\r\n---\r\n"), { licence: "mit" });
  });

  test("without front matter says nothing", () => {
    for (const text of ["", "license: mit", "---\nlicense: mit", "# A\n---\nlicense: mit\n---\n"])
      assert.deepEqual(readCard(text), {});
  });

  test("of any text is read without an error", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("---", "license:", "license: [", "base_model:", "- ", '"', "__proto__: 1"),
    );
    fc.assert(fc.property(fc.array(line), (lines) => void readCard(lines.join("\n"))));
  });
});

describe("the processor", () => {
  test("is known by its name and instructions, as Linux lists them", () => {
    const text = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu avx2 fma avx512f avx512_bf16\n";
    assert.deepEqual(readProcessor(text), {
      name: "AMD EPYC 9R14",
      instructions: ["fma", "avx2", "avx512f", "avx512_bf16"],
    });
    assert.deepEqual(readProcessor("Features\t: fp asimd asimddp i8mm\n"), {
      instructions: ["asimd", "asimddp", "i8mm"],
    });
    assert.deepEqual(readProcessor(""), { instructions: [] });
  });
});
