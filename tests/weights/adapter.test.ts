import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { viewAs } from "../../src/base/dtypes.ts";
import { OwnlmError } from "../../src/base/errors.ts";
import type { Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";
import { adapterBase } from "../../src/models/adapted.ts";
import { modelFromConfig, newConfig } from "../../src/models/registry.ts";
import { openAdapter } from "../../src/weights/adapter.ts";
import {
  type AdapterConfig,
  adapterConfig,
  adapterConfigJson,
  readAdapterConfig,
  scaleOf,
} from "../../src/weights/adapter-config.ts";
import { peftAdapter, peftName, writeAdapter } from "../../src/weights/adapter-write.ts";
import { type NamedTensor, readSafetensors, readTensorInto, writeSafetensors } from "../../src/weights/safetensors.ts";
import { copyOf, disksAfter } from "../helpers/faults.ts";
import { putFile } from "../helpers/weights.ts";

const SIZES = { vocabSize: 20, layers: 2, heads: 2, kvHeads: 1, dim: 16, context: 32, feedForward: 24 };
const LLAMA = adapterBase(modelFromConfig(newConfig("llama", { ...SIZES, tied: false }), "config.json"));
const TIED = adapterBase(modelFromConfig(newConfig("llama", { ...SIZES, tied: true }), "config.json"));
const GPT2 = adapterBase(modelFromConfig(newConfig("gpt2", { ...SIZES, kvHeads: 2 }), "config.json"));

const PREFIX = "base_model.model.";
const Q = "model.layers.0.self_attn.q_proj";

function tensor(name: string, ...shape: number[]): NamedTensor {
  const size = shape.reduce((n, dim) => n * dim, 1);
  return { name, dtype: "float32", shape, data: Float32Array.from({ length: size }, (_, i) => i / 8) };
}

const pair = (module: string, rank: number, inner: number, outer: number): NamedTensor[] => [
  tensor(`${PREFIX}${module}.lora_A.weight`, rank, inner),
  tensor(`${PREFIX}${module}.lora_B.weight`, outer, rank),
];

const GOOD = pair(Q, 4, 16, 16);
const CONFIG = adapterConfigJson(adapterConfig({ rank: 4, alpha: 16, targets: ["q_proj"] }));

/** A folder with a config and tensors as given. */
function folderOf(config: unknown, tensors: readonly NamedTensor[]): Host {
  const host = createWebHost();
  host.makeFolder("/a");
  putFile(host, "/a/adapter_config.json", JSON.stringify(config));
  writeSafetensors(host, "/a/adapter_model.safetensors", tensors);
  return host;
}

const opened = (config: object, tensors: readonly NamedTensor[], base = LLAMA) =>
  openAdapter(folderOf({ ...CONFIG, ...config }, tensors), "/a", base);

function refusal(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof OwnlmError, `got ${error}`);
    return error;
  }
  return { code: "none", message: "" };
}

describe("an adapter's folder", () => {
  test("gives each module its tensors, rank and scale", () => {
    const { modules, replaced, unties } = opened({}, GOOD);
    const { rank, scale, a, b } = modules.get(Q)!;
    assert.deepEqual([rank, scale, a.shape, b.shape], [4, 4, [4, 16], [16, 4]]);
    assert.deepEqual([replaced.size, unties], [0, false]);
  });

  test("scales by alpha over the root of the rank with rsLoRA", () => {
    assert.equal(opened({ use_rslora: true }, GOOD).modules.get(Q)!.scale, 8);
  });

  test("has ranks and alphas by patterns of names, the first that fits", () => {
    const config = adapterConfig({
      rank: 8,
      alpha: 16,
      targets: [],
      rankPattern: { "layers.0.q_proj": 2, "^q_proj": 3, q_proj: 4 },
      alphaPattern: { "layers.*.k_proj": 6, "model\\.layers\\.\\d+\\.v_proj": 5 },
    });
    assert.deepEqual(
      ["model.layers.0.q_proj", "q_proj", "x.q_proj", "xq_proj", "model.layers.10.k_proj", "model.layers.3.v_proj"].map(
        (module) => scaleOf(config, module),
      ),
      [8, 16 / 3, 4, 2, 0.75, 0.625],
    );
  });

  test("may hold magnitudes, biases, embeddings and whole modules", () => {
    const table = "model.embed_tokens";
    const tensors = [
      ...GOOD,
      tensor(`${PREFIX}${Q}.lora_magnitude_vector`, 16),
      tensor(`${PREFIX}${table}.lora_embedding_A`, 4, 20),
      tensor(`${PREFIX}${table}.lora_embedding_B`, 16, 4),
      tensor(`${PREFIX}${table}.lora_magnitude_vector`, 16),
      tensor(`${PREFIX}lm_head.weight`, 20, 16),
      tensor(`${PREFIX}model.norm.weight`, 16),
    ];
    const config = { use_dora: true, target_modules: ["q_proj", "embed_tokens"], modules_to_save: ["lm_head", "norm"] };
    const { modules, replaced } = opened(config, tensors);
    assert.deepEqual(modules.get(Q)!.magnitude!.shape, [16]);
    assert.equal(modules.get(table)!.kind, "embedding");
    assert.deepEqual([...replaced.keys()].sort(), ["lm_head.weight", "model.norm.weight"]);
    const biased = opened({ lora_bias: true }, [...GOOD, tensor(`${PREFIX}${Q}.lora_B.bias`, 16)]);
    assert.deepEqual(biased.modules.get(Q)!.bias!.shape, [16]);
  });

  test("of GPT-2 is checked against weights that lie the other way", () => {
    const tensors = pair("transformer.h.1.mlp.c_fc", 4, 16, 24);
    const bias = tensor(`${PREFIX}transformer.h.1.mlp.c_fc.base_layer.bias`, 24);
    const { modules, replaced } = opened({ target_modules: ["c_fc"], bias: "lora_only" }, [...tensors, bias], GPT2);
    assert.deepEqual([...modules.keys()], ["transformer.h.1.mlp.c_fc"]);
    assert.deepEqual([...replaced.keys()], ["transformer.h.1.mlp.c_fc.bias"]);
  });

  test("unties head and embedding where only one of them changes", () => {
    const head = tensor(`${PREFIX}lm_head.weight`, 20, 16);
    const table = tensor(`${PREFIX}model.embed_tokens.weight`, 20, 16);
    const of = (config: object, ...tensors: NamedTensor[]) => opened(config, [...GOOD, ...tensors], TIED).unties;
    assert.equal(of({}), false);
    assert.equal(of({ modules_to_save: ["lm_head"] }, head), true);
    assert.equal(of({ modules_to_save: ["embed_tokens"] }, table), true);
    const other = { ...head, data: new Float32Array(320).fill(1) };
    assert.equal(of({ modules_to_save: ["embed_tokens", "lm_head"] }, table, other), true);
    assert.equal(of({ modules_to_save: ["embed_tokens", "lm_head"] }, table, head), false);
    assert.equal(of({}, table), false);
    assert.equal(of({ target_modules: ["q_proj", "lm_head"] }, ...pair("lm_head", 4, 16, 20)), true);
  });
});

describe("an adapter that is written", () => {
  const tensors = [tensor(`${Q}.lora_A.weight`, 4, 16), tensor(`${Q}.lora_B.weight`, 16, 4)];

  test("reads back with equal bytes and config, whatever the floats", () => {
    const dtype = fc.constantFrom("float32" as const, "float16" as const, "bfloat16" as const);
    const text = fc.constantFrom("q_proj", "layers.1.v_proj", "lm_head");
    const config = fc.record({
      rank: fc.integer({ min: 1, max: 99 }),
      targets: fc.oneof(fc.uniqueArray(text), fc.constant(".*proj")),
      // JSON has no -0.
      alpha: fc.double({ noNaN: true, noDefaultInfinity: true }).map((alpha) => alpha + 0),
      dropout: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((dropout) => dropout + 0),
      rsLora: fc.boolean(),
      dora: fc.boolean(),
      modulesToSave: fc.uniqueArray(text),
      rankPattern: fc.dictionary(text, fc.integer({ min: 1, max: 99 }), { noNullPrototype: true }),
      ensureWeightTying: fc.boolean(),
      baseModel: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(dtype, config, fc.nat(255), (dtype, given, seed) => {
        const host = createWebHost();
        const full: AdapterConfig = { ...adapterConfig(given), taskType: "CAUSAL_LM", revision: undefined };
        const bytes = Uint8Array.from({ length: 64 * (dtype === "float32" ? 4 : 2) }, (_, i) => seed + i * i);
        const written = tensors.map((each) => ({ ...each, dtype, data: viewAs(dtype, bytes.slice().buffer) }));
        writeAdapter(host, "/a", peftAdapter(full, written, undefined));
        const read = readSafetensors(host, "/a/adapter_model.safetensors").tensors;
        for (const { name, data, shape } of written) {
          const entry = read.get(PREFIX + name)!;
          const into = viewAs(dtype, new ArrayBuffer(entry.length));
          readTensorInto(host, entry, into);
          assert.deepEqual([entry.dtype, entry.shape, into], [dtype, shape, data]);
        }
        const json: unknown = JSON.parse(host.readText("/a/adapter_config.json"));
        assert.deepEqual(readAdapterConfig(json, ""), { ...full, baseModel: full.baseModel });
        assert.deepEqual(adapterConfigJson(readAdapterConfig(json, "")), json);
      }),
    );
  });

  test("has an embedding that is the head too as both", () => {
    const host = createWebHost();
    const table = { ...tensor("model.embed_tokens.weight", 20, 16) };
    const config = adapterConfig({ rank: 4, targets: ["q_proj"], modulesToSave: ["embed_tokens"] });
    writeAdapter(host, "/a", peftAdapter(config, [...tensors, table], TIED.tied));
    assert.ok(readSafetensors(host, "/a/adapter_model.safetensors").tensors.has(`${PREFIX}lm_head.weight`));
    const { replaced, unties, config: read } = openAdapter(host, "/a", TIED);
    assert.deepEqual([[...replaced.keys()], unties], [["model.embed_tokens.weight"], false]);
    assert.deepEqual([read.modulesToSave, read.ensureWeightTying], [["embed_tokens", "lm_head"], true]);
  });

  test("has PEFT's names", () => {
    assert.equal(peftName("a.b.lora_A.weight"), "base_model.model.a.b.lora_A.weight");
    assert.equal(peftName("a.lora_magnitude_vector.weight"), "base_model.model.a.lora_magnitude_vector");
    assert.equal(peftName("lm_head.weight"), "base_model.model.lm_head.weight");
    assert.equal(
      peftName("language_model.model.layers.0.x.lora_B.weight"),
      "base_model.model.model.language_model.layers.0.x.lora_B.weight",
    );
  });

  test("is whole or not there, and never with another's config, whenever the disk fails", () => {
    const before = createWebHost();
    const of = (rank: number, tensors: readonly NamedTensor[]) =>
      peftAdapter(adapterConfig({ rank, targets: ["q_proj"] }), tensors, undefined);
    const smaller = [tensor(`${Q}.lora_A.weight`, 2, 16), tensor(`${Q}.lora_B.weight`, 16, 2)];
    writeAdapter(before, "/a", of(2, smaller));
    const write = (host: Host) => writeAdapter(host, "/a", of(4, tensors));
    let seen = 0;
    for (const fault of ["error", "kill", "power", "full"] as const)
      for (const [at, disk] of disksAfter(() => copyOf(before), fault, write)) {
        seen++;
        const ranks = (host: Host): number => openAdapter(host, "/a", LLAMA).modules.get(Q)!.rank;
        const error = refusal(() => ranks(disk));
        assert.match(error.code, /^(none|NOT_FOUND)$/, `${fault} at ${at}: ${error.message}`);
        const again = copyOf(disk);
        write(again);
        assert.equal(ranks(again), 4);
        assert.deepEqual(again.listFolder("/a"), ["adapter_config.json", "adapter_model.safetensors"]);
      }
    assert.ok(seen > 30);
  });
});

describe("an adapter's config", () => {
  const cases: readonly [says: string, config: unknown, code: string, message: RegExp][] = [
    ["a list", [], "BAD_CONFIG", /got no JSON object/],
    ["no type", { ...CONFIG, peft_type: undefined }, "UNSUPPORTED", /peft_type: got nothing/],
    ["IA3", { ...CONFIG, peft_type: "IA3" }, "UNSUPPORTED", /peft_type: got "IA3"/],
    ["another task", { ...CONFIG, task_type: "SEQ_CLS" }, "UNSUPPORTED", /task_type: got "SEQ_CLS"/],
    [
      "PiSSA's start",
      { ...CONFIG, init_lora_weights: "pissa_niter_4" },
      "UNSUPPORTED",
      /init_lora_weights: got "pissa/,
    ],
    [
      "activated LoRA",
      { ...CONFIG, alora_invocation_tokens: [1] },
      "UNSUPPORTED",
      /alora_invocation_tokens: got \[1\]/,
    ],
    ["trained tokens", { ...CONFIG, trainable_token_indices: [3] }, "UNSUPPORTED", /trainable_token_indices/],
    ["expert parameters", { ...CONFIG, target_parameters: ["experts.up"] }, "UNSUPPORTED", /target_parameters/],
    ["replicated layers", { ...CONFIG, layer_replication: [[0, 2]] }, "UNSUPPORTED", /layer_replication/],
    ["block-diagonal matrices", { ...CONFIG, use_bdlora: { nblocks: 2 } }, "UNSUPPORTED", /use_bdlora/],
    ["a key of a later version", { ...CONFIG, use_next_lora: true }, "UNSUPPORTED", /use_next_lora: got true/],
    ["a bias in B with DoRA", { ...CONFIG, use_dora: true, lora_bias: true }, "UNSUPPORTED", /lora_bias/],
    ["a rank of zero", { ...CONFIG, r: 0 }, "BAD_CONFIG", /r: got 0, expected a whole number from 1/],
    ["a rank of text", { ...CONFIG, r: "8" }, "BAD_CONFIG", /r: got "8"/],
    ["a rank of 2^53", { ...CONFIG, r: 2 ** 53 }, "BAD_CONFIG", /r: got 9007199254740992/],
    ["an alpha of text", { ...CONFIG, lora_alpha: "16" }, "BAD_CONFIG", /lora_alpha: got "16"/],
    ["a dropout of 1", { ...CONFIG, lora_dropout: 1 }, "BAD_CONFIG", /lora_dropout: got 1/],
    ["a flag of text", { ...CONFIG, use_rslora: "yes" }, "BAD_CONFIG", /use_rslora: got "yes"/],
    ["an unknown bias", { ...CONFIG, bias: "some" }, "BAD_CONFIG", /bias: got "some", expected none, all/],
    ["targets of numbers", { ...CONFIG, target_modules: [1] }, "BAD_CONFIG", /target_modules: got \[1\]/],
    ["saved modules of text", { ...CONFIG, modules_to_save: "x" }, "BAD_CONFIG", /modules_to_save: got "x"/],
    ["a pattern of text", { ...CONFIG, rank_pattern: { q: "2" } }, "BAD_CONFIG", /rank_pattern: "q": got "2"/],
    ["a pattern of groups", { ...CONFIG, alpha_pattern: { "(q|k)_proj": 2 } }, "UNSUPPORTED", /alpha_pattern: got the/],
    ["a pattern without an end", { ...CONFIG, rank_pattern: { "(a+)+$": 2 } }, "UNSUPPORTED", /rank_pattern: got the/],
    ["a base of a number", { ...CONFIG, base_model_name_or_path: 7 }, "BAD_CONFIG", /base_model_name_or_path: got 7/],
  ];
  for (const [says, config, code, message] of cases)
    test(`is refused with ${says}`, () => {
      const error = refusal(() => readAdapterConfig(JSON.parse(JSON.stringify(config)), "/a/adapter_config.json"));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.match(error.message, /^\/a\/adapter_config\.json: /);
      assert.ok(error.message.length < 500);
    });

  test("of keys that ask for nothing, and of few keys, is read", () => {
    const later = { ...CONFIG, use_next_lora: false, next_config: null, next_list: [], next_object: {} };
    assert.equal(readAdapterConfig(later, "").rank, 4);
    assert.deepEqual(readAdapterConfig({ peft_type: "LORA" }, ""), {
      ...adapterConfig({ rank: 8, targets: [] }),
      taskType: undefined,
      baseModel: undefined,
      revision: undefined,
    });
  });

  test("of any JSON is read or refused with a short message", () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const keys = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(CONFIG)), fc.string()), value);
    fc.assert(
      fc.property(keys, (changes) => {
        const { code, message } = refusal(() => readAdapterConfig({ ...CONFIG, ...changes }, "/a"));
        assert.match(code, /^(none|BAD_CONFIG|UNSUPPORTED)$/);
        assert.ok(message.length < 600, message);
      }),
    );
  });
});

describe("an adapter's tensors", () => {
  const [a, b] = GOOD as [NamedTensor, NamedTensor];
  const named = (name: string, ...shape: number[]) => tensor(PREFIX + name, ...shape);
  const cases: readonly [says: string, tensors: readonly NamedTensor[], message: RegExp, config?: object][] = [
    ["none at all", [], /holds no tensor of an adapter/],
    ["an A without B", [a], /q_proj: has no lora_B\.weight/],
    ["a B without A", [b], /q_proj: has no lora_A\.weight/],
    [
      "another rank than the config's",
      GOOD,
      /lora_A\.weight: got shape \[4,16\], expected \[8,16\] \(r, in\)/,
      { r: 8 },
    ],
    ["a wider input", pair(Q, 4, 24, 16), /lora_A\.weight: got shape \[4,24\], expected \[4,16\]/],
    ["a wider output", pair(Q, 4, 16, 32), /lora_B\.weight: got shape \[32,4\], expected \[16,4\] \(out, r\)/],
    ["A turned", [named(`${Q}.lora_A.weight`, 16, 4), b], /got shape \[16,4\]/],
    [
      "a module that is not there",
      pair("model.layers.2.self_attn.q_proj", 4, 16, 16),
      /has no linear layer of that name/,
    ],
    ["a module that no target names", GOOD, /is none of target_modules/, { target_modules: ["k_proj"] }],
    [
      "an adapter of a norm",
      pair("model.norm", 4, 16, 16),
      /has no linear layer of that name/,
      { target_modules: ["norm"] },
    ],
    ["an adapter's name in names", [named(`${Q}.lora_A.default.weight`, 4, 16), b], /no such weight/],
    [
      "names without the prefix",
      [tensor(`${Q}.lora_A.weight`, 4, 16), b],
      /expected a name that begins with base_model/,
    ],
    ["integers", [{ ...a, dtype: "int32", data: new Int32Array(64) }, b], /got int32, expected float32/],
    ["no magnitudes for DoRA", GOOD, /q_proj: has no tensor for use_dora/, { use_dora: true }],
    ["magnitudes without DoRA", [...GOOD, named(`${Q}.lora_magnitude_vector`, 16)], /has a tensor that use_dora/],
    [
      "magnitudes of another size",
      [...GOOD, named(`${Q}.lora_magnitude_vector`, 8)],
      /got shape \[8\], expected \[16\]/,
      { use_dora: true },
    ],
    ["a bias that is not announced", [...GOOD, named(`${Q}.lora_B.bias`, 16)], /has a tensor that lora_bias/],
    [
      "a whole weight of another model",
      [...GOOD, named("model.layers.9.mlp.up_proj.weight", 24, 16)],
      /the base model has no such weight/,
    ],
    [
      "a table of more tokens",
      [...GOOD, named("model.embed_tokens.weight", 24, 16)],
      /got shape \[24,16\], expected \[20,16\]/,
    ],
    [
      "a saved module without weights",
      GOOD,
      /has no weights of lm_head, which modules_to_save/,
      { modules_to_save: ["lm_head"] },
    ],
    [
      "a saved module that is not there",
      GOOD,
      /names score, and the base model has no/,
      { modules_to_save: ["score"] },
    ],
    ["A twice", [...GOOD, named(`${Q}.lora_embedding_A`, 4, 16)], /has no embedding of that name/],
  ];
  for (const [says, tensors, message, config = {}] of cases)
    test(`are refused with ${says}`, () => {
      const error = refusal(() => opened(config, tensors));
      assert.equal(error.code, "BAD_WEIGHTS", error.message);
      assert.match(error.message, message);
      assert.match(error.message, /^\/a\/adapter_model\.safetensors: /);
      assert.ok(error.message.length < 400);
    });

  test("that are pickled are refused by name, and those that are nowhere are NOT_FOUND", () => {
    const host = createWebHost();
    host.makeFolder("/a");
    assert.equal(refusal(() => openAdapter(host, "/a", LLAMA)).code, "NOT_FOUND");
    putFile(host, "/a/adapter_config.json", JSON.stringify(CONFIG));
    const missing = refusal(() => openAdapter(host, "/a", LLAMA));
    assert.deepEqual([missing.code, missing.message.includes("no adapter_model.safetensors")], ["NOT_FOUND", true]);
    putFile(host, "/a/adapter_model.bin", "");
    const pickled = refusal(() => openAdapter(host, "/a", LLAMA));
    assert.equal(pickled.code, "UNSUPPORTED");
    assert.match(pickled.message, /adapter_model\.bin: pickled Python/);
  });

  test("cut at any byte are refused", () => {
    const host = folderOf(CONFIG, GOOD);
    const whole = host.readBytes("/a/adapter_model.safetensors");
    for (let length = 0; length < whole.length; length += 7) {
      putFile(host, "/a/adapter_model.safetensors", whole.subarray(0, length));
      assert.equal(refusal(() => openAdapter(host, "/a", LLAMA)).code, "BAD_WEIGHTS");
    }
  });
});
