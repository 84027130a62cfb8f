import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { toFloat32 } from "../../src/base/dtypes.ts";
import { openEngine } from "../../src/generate/engine.ts";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { packPlan, suitedBlock } from "../../src/models/pack-plan.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { quantize } from "../../src/quantize/quantize.ts";
import { openSource } from "../../src/quantize/source.ts";
import { openWeights, readFloat32 } from "../../src/weights/folder.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/safetensors.ts";
import { FAMILIES, modelFolder, temporaryFolder } from "../generate/folders.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { unpacked } from "../helpers/unpacked.ts";

const IDS = [5, 9, 200, 33, 7, 7, 120, 64, 11, 250, 3];
const freshFolder = () => path.join(temporaryFolder(), "out");
const anything = { maxKl: 100, maxPerplexityRatio: 1e6 };

const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));

describe("a quantised folder", { skip: skipWithoutRuntime }, () => {
  for (const family of FAMILIES)
    for (const bits of [4, 8] as const)
      for (const block of [32, 128] as const)
        test(`${family} at ${bits} bits in blocks of ${block} computes with what it holds`, async () => {
          const out = freshFolder();
          const model = modelFolder(family, { scale: 2 });
          const result = await quantize(host, runtime!, model, { out, bits, block, ...anything });
          assert.ok(result.bytes < result.bytesBefore);
          assert.equal(result.bytes, host.fileSize(path.join(out, "model.safetensors")));
          using opened = await openModel(host, runtime!, out, { threads: 1 });
          assert.ok(opened.packed.length > 0);
          using loan = opened.borrow();
          const packed = (await logitsOf(loan.engine, IDS)).flat();
          const floats = unpacked(out);
          const place = (name: string) => ({ kind: "memory", data: floats.get(name)! }) as const;
          using engine = await openEngine(runtime!, opened.model, { place });
          const expected = (await logitsOf(engine, IDS)).flat();
          // Activations of 8 bits make the difference; a wrong weight would make one of about 1.
          const error = norm(expected.map((x, i) => x - packed[i]!)) / norm(expected);
          assert.ok(error < 0.03, `off by ${error} of the logits' size`);
        });

  test("keeps the tokenizer, the config and what belongs to the model", async () => {
    const out = freshFolder();
    const model = modelFolder("llama", { generationConfig: { do_sample: true, top_k: 5 } });
    writeFileSync(path.join(model, "LICENSE"), "do as you like");
    writeFileSync(path.join(model, "notes.bin"), "none of it");
    await quantize(host, runtime!, model, { out, ...anything });
    const before = JSON.parse(readFileSync(path.join(model, "config.json"), "utf8"));
    const { quantization_config, ...after } = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8"));
    assert.deepEqual(after, before);
    assert.deepEqual(quantization_config, {
      quant_method: "ownlm",
      bits: 4,
      block_size: 64,
      head_bits: 8,
      embedding_bits: 4,
      version: 1,
    });
    for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "LICENSE"])
      assert.deepEqual(readFileSync(path.join(out, name)), readFileSync(path.join(model, name)), name);
    assert.ok(!existsSync(path.join(out, "notes.bin")));
    assert.deepEqual(
      readdirSync(out).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("has q, k, v and gate, up side by side, each group from a multiple of 64 bytes", async () => {
    const out = freshFolder();
    await quantize(host, runtime!, modelFolder("llama"), { out, noMeasure: true });
    const weights = readSafetensors(host, path.join(out, "model.safetensors")).tensors;
    const layer = "model.layers.1";
    for (const names of [
      ["q", "k", "v"].map((part) => `${layer}.self_attn.${part}_proj.weight`),
      ["gate", "up"].map((part) => `${layer}.mlp.${part}_proj.weight`),
    ])
      for (const kind of ["_packed", "_scale"]) {
        const entries = names.map((name) => weights.get(name + kind)!);
        entries.slice(1).forEach((entry, i) => {
          assert.equal(entry.offset, entries[i]!.offset + entries[i]!.length);
        });
        if (kind === "_packed") assert.equal(entries[0]!.offset % 64, 0);
      }
  });

  test("of half floats is that of the floats they stand for", async () => {
    const [model, half] = [modelFolder("llama"), path.join(temporaryFolder(), "half")];
    cpSync(model, half, { recursive: true });
    const tensors = [...openWeights(host, model)].map(([name, entry]) => {
      const bits = Uint16Array.from(
        readFloat32(host, entry),
        (x) => new Uint32Array(Float32Array.of(x).buffer)[0]! >>> 16,
      );
      return { name, shape: entry.shape, bits };
    });
    const file = path.join(half, "model.safetensors");
    writeSafetensors(
      host,
      file,
      tensors.map(({ bits, ...rest }) => ({ ...rest, dtype: "bfloat16", data: bits })),
    );
    const wide = path.join(temporaryFolder(), "wide");
    cpSync(half, wide, { recursive: true });
    const widened = tensors.map(({ bits, ...rest }) => {
      return { ...rest, dtype: "float32", data: Float32Array.from(toFloat32("bfloat16", bits)) } as const;
    });
    writeSafetensors(host, path.join(wide, "model.safetensors"), widened);
    const files = await Promise.all(
      [half, wide].map(async (folder) => {
        const out = freshFolder();
        await quantize(host, runtime!, folder, { out, noMeasure: true });
        return readFileSync(path.join(out, "model.safetensors"));
      }),
    );
    assert.deepEqual(files[0], files[1]);
  });

  for (const family of FAMILIES)
    test(`${family} rounded with feedback is nearer to the model than one that is not`, async () => {
      const model = modelFolder(family, { scale: 2 });
      const text = path.join(temporaryFolder(), "text");
      writeFileSync(
        text,
        "the cat sat on the mat; the dog sat on the cat. Once upon a time there was a cat. ".repeat(40),
      );
      const compared = async (rounding: "feedback" | "search") => {
        const options = { out: freshFolder(), rounding, headBits: 8, calibration: text, text, tokens: 512 } as const;
        return (await quantize(host, runtime!, model, { ...options, ...anything })).comparison!.meanKl;
      };
      const [feedback, search] = [await compared("feedback"), await compared("search")];
      assert.ok(feedback < 0.8 * search, `${feedback} ${search}`);
    });

  test("of 8 bits is nearer to the model than one of 4", async () => {
    const model = modelFolder("llama", { scale: 2 });
    const compared = async (bits: 4 | 8) => {
      const { comparison } = await quantize(host, runtime!, model, {
        out: freshFolder(),
        bits,
        tokens: 64,
        ...anything,
      });
      return comparison!;
    };
    const [four, eight] = [await compared(4), await compared(8)];
    assert.ok(eight.meanKl < four.meanKl / 4, `${eight.meanKl} ${four.meanKl}`);
    assert.ok(eight.topAgreement >= four.topAgreement);
    assert.equal(four.tokens, 64);
    assert.equal(four.referencePerplexity, eight.referencePerplexity);
  });
});

describe("quantize refuses", { skip: skipWithoutRuntime }, () => {
  const model = modelFolder("llama");
  const quantised = freshFolder();
  const holding = path.join(temporaryFolder(), "holding");
  mkdirSync(holding);
  writeFileSync(path.join(holding, "book.txt"), "mine");
  const CASES: readonly (readonly [what: string, from: string, options: object, code: string, message: RegExp])[] = [
    ["3 bits", model, { bits: 3 }, "BAD_OPTION", /bits: got 3, expected 4 or 8/],
    ["blocks of 512", model, { block: 512 }, "BAD_OPTION", /block: got 512, expected 32, 64 or 128/],
    ["blocks of 48", model, { block: 48 }, "BAD_OPTION", /block: got 48/],
    ["no place to write to", model, { out: undefined }, "BAD_OPTION", /out: got none/],
    ["a place with something in it", model, { out: holding }, "EXISTS", /holding: holds book.txt/],
    ["a file as a place", model, { out: path.join(holding, "book.txt") }, "EXISTS", /is a file/],
    ["the model itself as a place", model, { out: model }, "EXISTS", /holds/],
    ["a place that cannot be written to", model, { out: "/proc/nothing/here" }, "DISK|NOT_FOUND", /\/proc\/nothing/],
    ["a text that is not there", model, { text: "/nothing/at/all" }, "NOT_FOUND", /\/nothing\/at\/all/],
    [
      "a calibration text that is not there",
      model,
      { calibration: "/nothing/at/all" },
      "NOT_FOUND",
      /calibration: \/nothing/,
    ],
    ["a folder as a text", model, { text: holding }, "BAD_OPTION", /is no file/],
    ["a model that is not there", "/nothing/at/all", {}, "NOT_FOUND", /\/nothing\/at\/all/],
    ["a limit that is too strict", model, { maxKl: 0 }, "QUALITY", /maxKl: got a mean KL divergence of .*bits 8/],
    ["a perplexity that grows", model, { maxKl: 9, maxPerplexityRatio: 0.5 }, "QUALITY", /maxPerplexityRatio: got/],
    ["a model that is quantised", quantised, {}, "UNSUPPORTED", /config.json: quantization_config: .*already/],
  ];
  for (const [what, from, options, code, message] of CASES)
    test(`${what}, and leaves nothing`, async () => {
      if (from === quantised && !existsSync(quantised))
        await quantize(host, runtime!, model, { out: quantised, noMeasure: true });
      const given = { out: freshFolder(), tokens: 32, ...options } as { out?: string };
      const before = given.out && existsSync(given.out) ? host.kindOf(given.out) : undefined;
      await assert.rejects(quantize(host, runtime!, from, given), (error: Error & { code?: string }) => {
        assert.match(error.code ?? "", new RegExp(`^(${code})$`), error.message);
        assert.match(error.message, message);
        return true;
      });
      if (given.out) assert.equal(host.kindOf(given.out), before);
    });

  test("weights that are no numbers, naming tensor, row and column", async () => {
    const broken = path.join(temporaryFolder(), "broken");
    cpSync(model, broken, { recursive: true });
    const { file, offset } = openWeights(host, broken).get("model.layers.0.mlp.up_proj.weight")!;
    const bytes = readFileSync(file);
    bytes.writeFloatLE(Number.NaN, offset + 4 * (2 * 32 + 5));
    writeFileSync(file, bytes);
    const out = freshFolder();
    await assert.rejects(quantize(host, runtime!, broken, { out, noMeasure: true }), {
      code: "BAD_WEIGHTS",
      message: /model.safetensors: model.layers.0.mlp.up_proj.weight: row 2, column 5: got NaN/,
    });
    assert.equal(host.kindOf(out), undefined);
  });

  test("to go on when it is stopped, at any time", async () => {
    for (const stage of ["calibrate", "pack", "compare"]) {
      const out = freshFolder();
      const controller = new AbortController();
      const onProgress = (progress: { stage: string }) => {
        if (progress.stage === stage) controller.abort();
      };
      await assert.rejects(quantize(host, runtime!, model, { out }, { signal: controller.signal, onProgress }), {
        code: "ABORTED",
      });
      assert.equal(host.kindOf(out), undefined);
    }
  });
});

describe("a damaged quantised folder", { skip: skipWithoutRuntime }, () => {
  const NAME = "model.layers.0.mlp.up_proj.weight";
  const whole = freshFolder();
  const made = skipWithoutRuntime
    ? undefined
    : quantize(host, runtime!, modelFolder("llama"), { out: whole, noMeasure: true });

  type Json = Record<string, unknown>;
  const CONFIGS: readonly (readonly [change: Json, code: string, message: RegExp])[] = [
    [{ bits: 3 }, "BAD_CONFIG", /quantization_config.bits: got 3, expected 4 or 8/],
    [{ bits: "4" }, "BAD_CONFIG", /quantization_config.bits: got "4"/],
    [{ bits: undefined }, "BAD_CONFIG", /quantization_config.bits: got nothing|undefined/],
    [{ head_bits: null }, "BAD_CONFIG", /quantization_config.head_bits/],
    [{ block_size: 512 }, "BAD_CONFIG", /quantization_config.block_size: got 512/],
    [{ block_size: 48 }, "BAD_CONFIG", /quantization_config.block_size: got 48/],
    [{ block_size: -64 }, "BAD_CONFIG", /quantization_config.block_size: got -64/],
    [{ block_size: [64] }, "BAD_CONFIG", /quantization_config.block_size/],
    [{ version: 2 }, "UNSUPPORTED", /quantization_config.version: got 2/],
    [{ quant_method: "gptq" }, "UNSUPPORTED", /quantization_config.quant_method: got "gptq"/],
    [{ group_size: 128 }, "BAD_CONFIG", /quantization_config.group_size/],
    [{ block_size: 32 }, "BAD_WEIGHTS", /model.safetensors: .*_packed: got uint8 .*expected/],
    [{ bits: 8 }, "BAD_WEIGHTS", /model.safetensors: .*_packed: got uint8/],
  ];
  for (const [change, code, message] of CONFIGS)
    test(`with ${JSON.stringify(change, (_, x) => x ?? "nothing")} is refused, naming the key or the tensor`, async () => {
      await made;
      const folder = path.join(temporaryFolder(), "damaged");
      cpSync(whole, folder, { recursive: true });
      const file = path.join(folder, "config.json");
      const config = JSON.parse(readFileSync(file, "utf8"));
      const quantization_config = { ...config.quantization_config, ...change };
      writeFileSync(file, JSON.stringify({ ...config, quantization_config }));
      await assert.rejects(openModel(host, runtime!, folder), { code, message });
    });

  const TENSORS: readonly (readonly [what: string, suffix: string, damage: (spec: Written) => Written[], RegExp])[] = [
    ["no scales", "_scale", () => [], /up_proj.weight_scale is missing/],
    ["no integers", "_packed", () => [], /up_proj.weight_packed is missing/],
    ["scales of another shape", "_scale", (t) => [{ ...t, shape: [...t.shape].reverse() }], /_scale: got float32 \[/],
    ["scales of another type", "_scale", (t) => [{ ...t, dtype: "int32" }], /_scale: got int32/],
    ["integers of another type", "_packed", (t) => [{ ...t, dtype: "int8" }], /_packed: got int8/],
    [
      "integers of two axes",
      "_packed",
      (t) => [{ ...t, shape: [t.shape[0]!, t.shape[1]! * t.shape[2]!] }],
      /_packed: got/,
    ],
  ];
  for (const [what, suffix, damage, message] of TENSORS)
    test(`with ${what} is refused, naming the tensor`, async () => {
      await made;
      const folder = path.join(temporaryFolder(), "damaged");
      cpSync(whole, folder, { recursive: true });
      const file = path.join(folder, "model.safetensors");
      const tensors = [...readSafetensors(host, file).tensors].flatMap(([name, { dtype, shape, offset, length }]) => {
        const data = host.readBytes(file, offset, length);
        const written = { name, dtype, shape, data } as Written;
        return name === NAME + suffix ? damage(written) : [written];
      });
      writeSafetensors(host, file, tensors);
      await assert.rejects(openModel(host, runtime!, folder), { code: "BAD_WEIGHTS", message });
    });

  test("neither half of a weight is a weight that is missing", async () => {
    await made;
    const folder = path.join(temporaryFolder(), "damaged");
    cpSync(whole, folder, { recursive: true });
    const file = path.join(folder, "model.safetensors");
    const tensors = [...readSafetensors(host, file).tensors]
      .filter(([name]) => !name.startsWith(NAME))
      .map(([name, { dtype, shape, offset, length }]) => {
        return { name, dtype, shape, data: host.readBytes(file, offset, length) } as Written;
      });
    writeSafetensors(host, file, tensors);
    await assert.rejects(openModel(host, runtime!, folder), {
      code: "BAD_WEIGHTS",
      message: /up_proj.weight is missing/,
    });
  });

  test("is not packed again as it is opened", async () => {
    await made;
    await assert.rejects(openModel(host, runtime!, whole, { quantize: 4 }), { code: "BAD_OPTION", message: /packed/ });
  });
});

type Written = Parameters<typeof writeSafetensors>[2][number];

test("blocks of 128 suit a model none of whose rows they pad by more than an eighth, and 64 any other", () => {
  const blockOf = (hidden: number, intermediate: number) =>
    suitedBlock(
      modelFromConfig(
        {
          model_type: "llama",
          hidden_size: hidden,
          intermediate_size: intermediate,
          num_hidden_layers: 1,
          num_attention_heads: 2,
          vocab_size: 9,
        },
        "config.json",
      ),
    );
  assert.deepEqual([blockOf(128, 384), blockOf(576, 1536), blockOf(64, 384), blockOf(128, 320)], [128, 128, 64, 64]);
});

test("a model's plan covers its matrices and leaves the rest", () => {
  const { model, shapes } = openSource(host, modelFolder("gpt2"), () => {});
  const plan = packPlan(model, { bits: 4, block: 32, headBits: 8, embeddingBits: 4 }).flat();
  const left = [...shapes.keys()].filter((name) => !plan.some((weight) => weight.name === name));
  assert.ok(
    left.every((name) => /\.(bias|ln_\w+\.weight)$|wpe/.test(name)),
    left.join(),
  );
  assert.equal(plan.find(({ gathered }) => gathered)!.format.bits, 8, "the embedding is the head too");
});
