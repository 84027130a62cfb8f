import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { host as nodeHost } from "../../src/host/node.ts";
import { createWebHost } from "../../src/host/web.ts";
import { type GgufModel, type GgufModelOptions, ggufModel } from "../../src/models/gguf.ts";
import { ggufPlan, type PlannedTensor } from "../../src/models/gguf-export.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { blockFormat } from "../../src/weights/blocks.ts";
import { type GgufFile, type GgufTensor, openGguf } from "../../src/weights/gguf.ts";
import { type GgufField, type GgufTensorSource, writeGguf } from "../../src/weights/gguf-write.ts";
import { isPlain, readStored, transpose } from "../../src/weights/stored.ts";
import { familyWeights, GGUF_FAMILIES } from "../helpers/gguf-families.ts";
import { sharedData } from "../helpers/paths.ts";
import { shapesOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily } from "../helpers/reference-families.ts";

const FILE = "/model.gguf";
const host = createWebHost();

/** The rows of all a tensor's weights in the file's order, in the simplest way. */
function elementsOf(
  { weights, rows, transposed, plusOne }: PlannedTensor,
  of: (name: string) => Float32Array,
  columns: number,
) {
  const all = weights.flatMap((name) => [...of(name)]);
  const one = plusOne ? all.map((x) => Math.fround(x + 1)) : all;
  if (transposed) return transpose(Float32Array.from(one), columns, one.length / columns);
  if (!rows) return Float32Array.from(one);
  const width = one.length / rows.length;
  return Float32Array.from([...rows].flatMap((row) => one.slice(row * width, (row + 1) * width)));
}

/** A family as a float32 file, and its weights. */
function written(
  name: string,
  change: (fields: readonly GgufField[]) => readonly GgufField[] = (fields) => fields,
  file = FILE,
) {
  const model = modelFromConfig(GGUF_FAMILIES[name], name);
  const shapes = shapesOf(model);
  const plan = ggufPlan(model, shapes, name);
  const weights = new Map(familyWeights(shapes).map(({ name, data }) => [name, data as Float32Array]));
  const source = (tensor: { name: string; shape: readonly number[] }, values: Float32Array): GgufTensorSource => ({
    name: tensor.name,
    shape: tensor.shape,
    format: "F32",
    pieces: () => [new Uint8Array(values.buffer)],
  });
  const tensors = plan.tensors.map((tensor) =>
    source(
      tensor,
      elementsOf(tensor, (weight) => weights.get(weight)!, tensor.shape.at(-1)!),
    ),
  );
  writeGguf(host, file, change(plan.fields), [...tensors, ...plan.small.map((small) => source(small, small.values))]);
  return { shapes, weights };
}

function read(
  { metadata, tensors }: GgufFile = openGguf(host, FILE),
  rotation: GgufModelOptions["rotation"] = "halves",
): GgufModel {
  const valuesOf = ({ type, file, offset, length, name, shape }: GgufTensor) =>
    readStored(host, { name, shape, format: type.name, file, offset, length });
  return ggufModel(metadata, tensors, FILE, valuesOf, { rotation });
}

for (const name of Object.keys(GGUF_FAMILIES))
  describe(name, () => {
    const file = `/${name}.gguf`;
    const { shapes, weights } = written(name, undefined, file);
    const { config, weights: stored } = read(openGguf(host, file));

    test("comes back from a GGUF file with all its weights, to the last bit where nothing was added", () => {
      assert.deepEqual(new Set(stored.keys()), new Set(weights.keys()));
      for (const [weight, tensor] of stored) {
        assert.deepEqual(tensor.shape, shapes.get(weight), weight);
        const values = readStored(host, tensor);
        const expected = weights.get(weight)!;
        // 1 + w of float32 has lost what is below 2^-24 of 1.
        if (tensor.minusOne) values.forEach((x, i) => void assert.ok(Math.abs(x - expected[i]!) < 2 ** -22));
        else assert.deepEqual(values, expected, weight);
      }
    });

    test("leaves queries and keys where they are for a rotation of neighbours", () => {
      const inPlace = read(openGguf(host, file), "pairs");
      const isMoved = [...stored].some(([weight, { rows }]) => /\.[qk]_proj\./.test(weight) && rows);
      assert.equal(inPlace.config.rope_interleaved, isMoved || undefined);
      for (const [weight, tensor] of inPlace.weights)
        if (/\.[qk]_proj\./.test(weight)) assert.ok(isPlain(tensor), weight);
    });

    test("comes back as a config that opens", () => {
      assert.equal(modelFromConfig(config, FILE).cache.layers, modelFromConfig(GGUF_FAMILIES[name], name).cache.layers);
    });
  });

test("every golden config is written so that a reader gets the same graph, or is refused", () => {
  let stated = 0;
  for (const name of GOLDEN_FAMILIES) {
    const { model } = goldenFamily(name);
    try {
      ggufPlan(model, shapesOf(model), name);
      stated++;
    } catch (error) {
      assert.match(String(error), new RegExp(`${name}: `));
      assert.equal((error as { code?: string }).code, "UNSUPPORTED", String(error));
    }
  }
  assert.ok(stated >= 15, `${stated} configs can be stated`);
});

describe("a GGUF file that this version cannot run", () => {
  const without = (key: string) => (fields: readonly GgufField[]) => fields.filter((field) => field.key !== key);
  const having =
    (...more: GgufField[]) =>
    (fields: readonly GgufField[]) => [
      ...fields.filter(({ key }) => !more.some((field) => field.key === key)),
      ...more,
    ];
  const uint = (key: string, value: number): GgufField => ({ key, type: "uint32", value });
  const float = (key: string, value: number): GgufField => ({ key, type: "float32", value });
  const string = (key: string, value: string): GgufField => ({ key, type: "string", value });
  const cases: readonly [
    says: string,
    message: RegExp,
    change: (fields: readonly GgufField[]) => readonly GgufField[],
  ][] = [
    ["no architecture", /general\.architecture is missing/, without("general.architecture")],
    [
      "an architecture of another kind",
      /general\.architecture: got "rwkv7", expected one of llama, qwen2/,
      having(string("general.architecture", "rwkv7")),
    ],
    [
      "an architecture named like a property",
      /general\.architecture: got "__proto__"/,
      having(string("general.architecture", "__proto__")),
    ],
    ["no width", /llama\.embedding_length: got nothing/, without("llama.embedding_length")],
    ["no heads", /llama\.attention\.head_count: got nothing/, without("llama.attention.head_count")],
    ["0 heads", /head_count: got 0, expected 1 to/, having(uint("llama.attention.head_count", 0))],
    ["2^32 - 1 layers", /block_count: got 4294967295/, having(uint("llama.block_count", 2 ** 32 - 1))],
    [
      "heads that do not divide the rows",
      /expected an even number for each of 5 heads/,
      having(uint("llama.attention.head_count", 5), uint("llama.attention.key_length", 16)),
    ],
    ["no epsilon", /layer_norm_rms_epsilon: got nothing/, without("llama.attention.layer_norm_rms_epsilon")],
    [
      "an epsilon that is no number",
      /layer_norm_rms_epsilon: got NaN/,
      having(float("llama.attention.layer_norm_rms_epsilon", Number.NaN)),
    ],
    [
      "a head that is rotated in part",
      /rope\.dimension_count: got 8, and this version runs only 16/,
      having(uint("llama.rope.dimension_count", 8)),
    ],
    ["keys and values of different widths", /value_length: differs/, having(uint("llama.attention.value_length", 8))],
    [
      "layers that differ",
      /feed_forward_length: differs from layer to layer/,
      having({ key: "llama.feed_forward_length", type: "int32s", value: [96, 64, 96] }),
    ],
    [
      "a key that changes what is computed",
      /llama\.attention\.clamp_kqv: got 8/,
      having(float("llama.attention.clamp_kqv", 8)),
    ],
    ["a scaling of another kind", /rope\.scaling\.type: got ntk/, having(string("llama.rope.scaling.type", "ntk"))],
  ];
  for (const [says, message, change] of cases)
    test(`for it has ${says} is refused by name`, () => {
      written("llama", change);
      assert.throws(
        () => read(),
        (error: { code: string; message: string }) => {
          assert.match(error.code, /^(BAD_WEIGHTS|UNSUPPORTED)$/);
          assert.match(error.message, message);
          return error.message.startsWith(FILE);
        },
      );
    });

  const tensors: readonly [says: string, message: RegExp, add: string, remove?: string][] = [
    ["a tensor that no model has", /blk\.0\.attn_sinks\.weight: a tensor that/, "blk.0.attn_sinks.weight"],
    ["a bias where the family has none", /output\.bias: a tensor that/, "output.bias"],
    ["no embedding", /token_embd\.weight is missing/, "", "token_embd.weight"],
    ["divisors that are not Llama 3.1's", /rope_freqs\.weight: got divisors/, "rope_freqs.weight"],
  ];
  for (const [says, message, add, remove] of tensors)
    test(`for it has ${says} is refused by name`, () => {
      written("llama");
      const file = openGguf(host, FILE);
      const changed = new Map(file.tensors);
      if (remove) changed.delete(remove);
      if (add) changed.set(add, { ...file.tensors.get("output_norm.weight")!, name: add });
      assert.throws(() => read({ ...file, tensors: changed }), { message });
    });
});

test("published headers of four architectures give their configs, with no key unread", (t) => {
  const files = ["llama-bpe", "gpt-2", "qwen2", "phi-3"].map((name) =>
    sharedData("tokenizers", `ggml-vocab-${name}.gguf`),
  );
  if (files.some((file) => file === undefined)) return t.skip("no shared test data");
  const types = files.map((file) => {
    const { metadata } = openGguf(nodeHost, file!);
    const embedding: GgufTensor = {
      name: "token_embd.weight",
      type: blockFormat("F32"),
      shape: [100, 8],
      file: file!,
      offset: 0,
      length: 3200,
    };
    return read({ file: file!, version: 3, metadata, tensors: new Map([[embedding.name, embedding]]) }).config
      .model_type;
  });
  assert.deepEqual(types, ["llama", "gpt2", "qwen2", "phi3"]);
});
