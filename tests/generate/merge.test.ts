import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../src/base/dtypes.ts";
import { exportPath } from "../../src/generate/export.ts";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { merge } from "../../src/generate/merge.ts";
import { host } from "../../src/host/node.ts";
import { adapterBase } from "../../src/models/adapted.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { openAdapter } from "../../src/weights/adapter.ts";
import { openWeights, readFloat32, readJson } from "../../src/weights/folder.ts";
import { openSafetensors, readSafetensors, readTensorInto, type TensorEntry } from "../../src/weights/safetensors.ts";
import { mergedElement, randomAdapter } from "../helpers/adapters.ts";
import { modelFolder, temporaryFolder } from "./folders.ts";

const floats = (folder: string): Map<string, Float32Array> =>
  new Map([...openWeights(host, folder)].map(([name, entry]) => [name, readFloat32(host, entry)]));

const inside = (name: string) => path.join(temporaryFolder(), name);
const baseOf = (folder: string) =>
  adapterBase(modelFromConfig(readJson(host, path.join(folder, "config.json")), "config.json"));

/** The folder's weights in two shards, as bfloat16 and float32. */
function sharded(folder: string): string {
  const out = inside("sharded");
  host.makeFolder(out);
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"])
    writeFileSync(path.join(out, name), readFileSync(path.join(folder, name)));
  const tensors = [...openWeights(host, folder)];
  const map: Record<string, string> = {};
  for (const [i, part] of [tensors.slice(0, 5), tensors.slice(5)].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`;
    const dtype = i === 0 ? "bfloat16" : "float32";
    const specs = part.map(([name, { shape }]) => ({ name, dtype, shape }) as const);
    const writer = openSafetensors(host, path.join(out, file), specs);
    for (const [name, entry] of part) {
      const values = readFloat32(host, entry);
      writer.write(i === 0 ? Uint16Array.from(values, float32ToBfloat16) : values);
      map[name] = file;
    }
    writer.finish();
  }
  writeFileSync(path.join(out, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  return out;
}

describe("a merged model", () => {
  for (const [family, targets] of [
    ["llama", ["q_proj", "down_proj"]],
    ["gpt2", ["c_attn", "c_fc"]],
  ] as const)
    for (const dora of [false, true])
      test(`${family}: has what the simple way makes of each weight${dora ? ", with DoRA" : ""}`, async () => {
        const folder = modelFolder(family);
        const adapterFolder = randomAdapter(inside("adapter"), folder, { targets, dora }, 1);
        const out = inside("merged");
        const { changed } = await merge(host, folder, [adapterFolder], { out });
        const base = baseOf(folder);
        const adapter = openAdapter(host, adapterFolder, base);
        const [before, after] = [floats(folder), floats(out)];
        assert.equal(changed, adapter.modules.size);
        assert.deepEqual([...after.keys()], [...before.keys()]);
        for (const [name, values] of before) {
          const module = name.replace(/\.weight$/, "");
          if (!adapter.modules.has(module)) {
            assert.deepEqual(after.get(name), values);
            continue;
          }
          const { inner: inners, outer, layout } = base.linears.get(module)!;
          const place = (o: number, i: number) => (layout === "out-in" ? o * inners + i : i * outer + o);
          const expected = mergedElement(adapter, module, (o, i) => values[place(o, i)]!);
          for (let o = 0; o < outer; o += 7)
            for (let i = 0; i < inners; i += 5) {
              const off = Math.abs(after.get(name)![place(o, i)]! - expected(o, i));
              assert.ok(off < 1e-6, `${name}[${o}, ${i}]: off by ${off}`);
            }
        }
      });

  test("is in the base's files, names and floats, with its tokenizer", async () => {
    const folder = sharded(modelFolder("llama"));
    const adapter = randomAdapter(inside("adapter"), folder, { targets: ["q_proj", "up_proj"] }, 2);
    const out = inside("merged");
    await merge(host, folder, [adapter], { out });
    const names = [
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ];
    assert.deepEqual(host.listFolder(out), names);
    const kind = ({ dtype, shape, file }: TensorEntry) => [dtype, shape, path.basename(file)];
    const kinds = (of: string) =>
      [...openWeights(host, of)].map(([name, entry]) => [name, ...kind(entry)].join(" ")).sort();
    assert.deepEqual(kinds(out), kinds(folder));
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"])
      assert.deepEqual(readJson(host, path.join(out, name)), readJson(host, path.join(folder, name)));
    const changed = [...floats(folder)].filter(([name, values]) =>
      floats(out)
        .get(name)!
        .some((x, i) => x !== values[i]),
    );
    assert.deepEqual(new Set(changed.map(([name]) => name.split(".").at(-2))), new Set(["q_proj", "up_proj"]));
  });

  test("is of other floats where that is asked for, rounded once", async () => {
    const folder = modelFolder("llama");
    const adapter = randomAdapter(inside("adapter"), folder, { targets: ["q_proj"] }, 3);
    const [wide, narrow] = [inside("wide"), inside("narrow")];
    await merge(host, folder, [adapter], { out: wide });
    await merge(host, folder, [adapter], { out: narrow, dtype: "bfloat16" });
    const expected = floats(wide);
    for (const [name, values] of floats(narrow))
      assert.deepEqual(
        values,
        expected.get(name)!.map((x) => bfloat16ToFloat32(float32ToBfloat16(x))),
      );
    assert.equal((readJson(host, path.join(narrow, "config.json")) as { dtype: string }).dtype, "bfloat16");
  });

  test("is the sum of changes times their shares", async () => {
    const folder = modelFolder("gpt2");
    const adapters = [
      randomAdapter(inside("a"), folder, { targets: ["c_attn"] }, 4),
      randomAdapter(inside("b"), folder, { targets: ["c_attn"], dora: true, rank: 2 }, 5),
      randomAdapter(inside("c"), folder, { targets: ["c_fc"], modulesToSave: ["ln_f"] }, 6),
    ];
    const alone: Map<string, Float32Array>[] = [];
    for (const adapter of adapters) {
      const out = inside("alone");
      await merge(host, folder, [adapter], { out });
      alone.push(floats(out));
    }
    const shares = [0.5, -2, 0.25];
    const out = inside("sum");
    await merge(host, folder, adapters, { out, weights: shares.map(String) });
    const sum = floats(out);
    for (const [name, values] of floats(folder))
      for (const [i, value] of values.entries()) {
        const expected = shares.reduce((total, share, k) => total + share * (alone[k]!.get(name)![i]! - value), value);
        assert.ok(Math.abs(sum.get(name)![i]! - expected) < 1e-5, `${name}[${i}]`);
      }
  });

  test("of a GGUF file is that of the folder it was made of", async () => {
    const folder = modelFolder("llama");
    const gguf = inside("model.gguf");
    exportGguf(host, folder, { gguf, type: "f32" });
    const adapter = randomAdapter(inside("adapter"), folder, { targets: ["q_proj", "down_proj"] }, 7);
    const [one, other] = [inside("one"), inside("other")];
    await merge(host, folder, [adapter], { out: one });
    await merge(host, gguf, [adapter], { out: other });
    const expected = floats(one);
    for (const [name, values] of floats(other)) assert.deepEqual(values, expected.get(name), name);
    assert.equal(readSafetensors(host, path.join(other, "model.safetensors")).tensors.size, expected.size);
  });

  for (const type of ["f16", "q8_0", "q4_0"] as const)
    test(`is the same file in ${type} whether merged first or while it is exported`, async () => {
      const folder = modelFolder("llama");
      const adapter = randomAdapter(inside("adapter"), folder, { targets: ["q_proj", "down_proj"] }, 8);
      const out = path.join(temporaryFolder(), "adapter");
      await merge(host, folder, [adapter], { out });
      const [one, other] = [inside("one.gguf"), inside("other.gguf")];
      exportGguf(host, out, { gguf: one, type });
      await exportPath(host, adapter, { gguf: other, type });
      assert.deepEqual(readFileSync(other), readFileSync(one));
      assert.ok(readFileSync(one).includes("tokenizer.ggml.tokens"));
    });

  test("has one adapter's own tokenizer files, of several the base's", async () => {
    const folder = modelFolder("llama");
    const adapters = [1, 2].map((n) => randomAdapter(inside(`a${n}`), folder, { targets: ["q_proj"] }, n));
    writeFileSync(path.join(adapters[0]!, "chat_template.jinja"), "of the adapter");
    const [one, two] = [inside("one"), inside("two")];
    await merge(host, folder, adapters.slice(0, 1), { out: one });
    await merge(host, folder, adapters, { out: two });
    assert.equal(readFileSync(path.join(one, "chat_template.jinja"), "utf8"), "of the adapter");
    assert.ok(!host.listFolder(two).includes("chat_template.jinja"));
  });
});

describe("merging", () => {
  const folder = modelFolder("llama");
  const adapter = randomAdapter(inside("adapter"), folder, { targets: ["q_proj"] }, 1);
  const other = randomAdapter(inside("other"), modelFolder("gpt2"), { targets: ["c_attn"] }, 1);

  const cases: readonly [says: string, act: (out: string) => Promise<unknown>, code: string, message: RegExp][] = [
    ["no adapter", (out) => merge(host, folder, [], { out }), "BAD_OPTION", /got no adapter/],
    ["no folder to write to", () => merge(host, folder, [adapter], {}), "BAD_OPTION", /out: got none/],
    [
      "too few shares",
      (out) => merge(host, folder, [adapter, adapter], { out, weights: ["1"] }),
      "BAD_OPTION",
      /weights: got 1 for 2/,
    ],
    [
      "a share of text",
      (out) => merge(host, folder, [adapter], { out, weights: ["half"] }),
      "BAD_OPTION",
      /got "half"/,
    ],
    ["another model's adapter", (out) => merge(host, folder, [other], { out }), "BAD_WEIGHTS", /has no linear layer/],
    ["no adapter's folder", (out) => merge(host, folder, [folder], { out }), "NOT_FOUND", /no adapter_config\.json/],
  ];
  for (const [says, act, code, message] of cases)
    test(`refuses ${says} and leaves nothing`, async () => {
      const out = inside("out");
      await assert.rejects(act(out), { code, message });
      assert.equal(host.kindOf(out), undefined);
    });

  test("refuses a folder that holds something", async () => {
    await assert.rejects(merge(host, folder, [adapter], { out: folder }), { code: "EXISTS" });
  });

  test("refuses an adapter that makes numbers infinite, and leaves nothing", async () => {
    const wild = randomAdapter(inside("wild"), folder, { targets: ["q_proj"] }, 1);
    const file = path.join(wild, "adapter_model.safetensors");
    const bytes = readFileSync(file);
    const { offset } = [...readSafetensors(host, file).tensors.values()][0]!;
    bytes.writeFloatLE(Number.POSITIVE_INFINITY, offset);
    writeFileSync(file, bytes);
    const out = inside("out");
    await assert.rejects(merge(host, folder, [wild], { out }), { code: "BAD_WEIGHTS", message: /with the adapter/ });
    assert.equal(host.kindOf(out), undefined);
  });

  test("stops on request and leaves nothing", async () => {
    const stop = new AbortController();
    const out = inside("out");
    const onProgress = () => stop.abort();
    await assert.rejects(merge(host, folder, [adapter], { out }, { signal: stop.signal, onProgress }), {
      code: "ABORTED",
    });
    assert.equal(host.kindOf(out), undefined);
  });

  test("leaves bytes of the base as they are where nothing changes", async () => {
    const out = inside("merged");
    await merge(host, folder, [adapter], { out, weights: ["0"] });
    for (const [name, entry] of openWeights(host, folder)) {
      const [a, b] = [new Float32Array(entry.length / 4), new Float32Array(entry.length / 4)];
      readTensorInto(host, entry, a);
      readTensorInto(host, openWeights(host, out).get(name)!, b);
      assert.deepEqual(a, b);
    }
  });
});
