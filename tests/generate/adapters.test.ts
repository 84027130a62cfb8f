import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { withChosen } from "../../src/generate/adapted-model.ts";
import { adapterSet } from "../../src/generate/adapters.ts";
import { readConfig } from "../../src/generate/config.ts";
import { openEngines } from "../../src/generate/engine.ts";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { type OpenModel, openModel } from "../../src/generate/load.ts";
import { loadAdapters, namedAdapters } from "../../src/generate/load-adapters.ts";
import { drawnTogether } from "../../src/generate/many.ts";
import { merge } from "../../src/generate/merge.ts";
import { requestOf } from "../../src/generate/request.ts";
import { finish, promptIdsOf, streamAfter } from "../../src/generate/text.ts";
import { host } from "../../src/host/node.ts";
import type { AdapterConfig } from "../../src/weights/adapter-config.ts";
import { findWeight, openWeights } from "../../src/weights/folder.ts";
import { randomAdapter } from "../helpers/adapters.ts";
import { logitsOf, openFolder } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder, temporaryFolder } from "./folders.ts";

const inside = (name: string) => path.join(temporaryFolder(), name);
const IDS = [1, 40, 7, 99, 200, 3, 3, 150, 12];

/** Engines over a folder with adapters of the folders given, by their last parts. */
async function openAdapted(folder: string, folders: readonly string[]) {
  const { file, model } = readConfig(host, folder);
  const loaded = loadAdapters(host, folder, { model, configFile: file }, namedAdapters(folders));
  const weights = openWeights(host, folder);
  const shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  const place = (name: string) => {
    const source = name === loaded.head?.name ? loaded.head.from : name;
    const entry = loaded.replaced.get(name) ?? findWeight(weights, source, shapes.get(source)!, folder);
    return { kind: "file", dtype: entry.dtype, at: { ...entry, file: host.absolute(entry.file) } } as const;
  };
  const adapters = adapterSet(runtime!, loaded);
  return openEngines(runtime!, loaded.model, { place }, { adapters, session: { threads: 1 } });
}

const farthest = (a: readonly number[][], b: readonly number[][]) =>
  Math.max(...a.flatMap((row, i) => row.map((x, j) => Math.abs(x - b[i]![j]!))));

const KINDS: readonly (readonly [says: string, family: "llama" | "gpt2", config: Partial<AdapterConfig>])[] = [
  ["LoRA of Llama", "llama", { targets: ["q_proj", "v_proj", "down_proj"] }],
  ["LoRA of GPT-2, whose layers have biases", "gpt2", { targets: ["c_attn", "c_proj", "c_fc"] }],
  ["DoRA of Llama", "llama", { targets: ["q_proj", "up_proj"], dora: true }],
  ["DoRA of GPT-2", "gpt2", { targets: ["c_attn", "c_fc"], dora: true }],
  ["ranks by pattern", "llama", { targets: ["q_proj", "k_proj"], rankPattern: { "layers.1.q_proj": 7 } }],
  ["a head that was tied", "llama", { targets: ["q_proj", "lm_head"] }],
  ["whole modules", "llama", { targets: ["q_proj"], modulesToSave: ["norm"] }],
];

describe("an adapter in memory", { skip: skipWithoutRuntime }, () => {
  for (const [says, family, config] of KINDS)
    test(`${says}: gives the merged model's logits`, async () => {
      const folder = modelFolder(family);
      const adapter = randomAdapter(inside("one"), folder, config, 1);
      const out = inside("merged");
      await merge(host, folder, [adapter], { out });
      using merged = await openFolder(out);
      using engines = await openAdapted(folder, [adapter]);
      using engine = engines.open(undefined, "one");
      const expected = await logitsOf(merged, IDS);
      const error = farthest(await logitsOf(engine, IDS), expected);
      const most = Math.max(...expected.flat().map(Math.abs));
      assert.ok(error < 1e-5 * Math.max(1, most), `the logits differ by ${error} of ${most}`);
    });

  test("leaves the base what it was, and other adapters what they are", async () => {
    const folder = modelFolder("llama");
    const adapters = [
      randomAdapter(inside("a"), folder, { targets: ["q_proj", "o_proj"], rank: 2 }, 1),
      randomAdapter(inside("b"), folder, { targets: ["o_proj", "down_proj"], rank: 5, dora: true }, 2),
    ];
    using plain = await openFolder(folder);
    using engines = await openAdapted(folder, adapters);
    using base = engines.open();
    assert.deepEqual(await logitsOf(base, IDS), await logitsOf(plain, IDS));
    for (const [name, adapter] of [
      ["a", adapters[0]!],
      ["b", adapters[1]!],
    ] as const) {
      const out = inside("merged");
      await merge(host, folder, [adapter], { out });
      using merged = await openFolder(out);
      using engine = engines.open(undefined, name);
      assert.ok(farthest(await logitsOf(engine, IDS), await logitsOf(merged, IDS)) < 1e-5);
    }
    assert.throws(() => engines.open(undefined, "c"), { code: "BAD_OPTION", message: /got "c", expected one of a, b/ });
  });
});

const PROMPT = "the cat sat on the mat";

describe("a model with adapters", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const [tone, facts] = ["tone", "facts"].map((name, i) =>
    randomAdapter(
      path.join(temporaryFolder(), name),
      folder,
      { targets: ["q_proj", "up_proj"], baseModel: folder },
      i + 1,
    ),
  ) as [string, string];

  /** What the model merged with an adapter goes on with. */
  async function mergedText(adapter: string | undefined): Promise<readonly number[]> {
    const out = inside("merged");
    if (adapter !== undefined) await merge(host, folder, [adapter], { out });
    using opened = await openModel(host, runtime!, adapter === undefined ? folder : out);
    return (await finish(streamAfter(opened, promptIdsOf(opened, PROMPT), { maxNewTokens: 12 }, 0))).ids;
  }

  const idsOf = async (opened: OpenModel, adapterName?: string) =>
    (await finish(streamAfter(opened, promptIdsOf(opened, PROMPT), { maxNewTokens: 12, adapterName }, 0))).ids;

  for (const quantize of [undefined, 4, 8] as const)
    test(`goes on as each of them merged, chosen at each request${quantize ? `, over ${quantize} bits as the base alone` : ""}`, async () => {
      using opened = await openModel(host, runtime!, folder, { adapter: [tone, `other=${facts}`], quantize });
      assert.deepEqual([opened.adapters, opened.adapter], [["tone", "other"], "tone"]);
      if (quantize) {
        using plain = await openModel(host, runtime!, folder, { quantize });
        assert.deepEqual(await idsOf(opened, "none"), await idsOf(plain));
        return;
      }
      const [first, second, base] = [await mergedText(tone), await mergedText(facts), await mergedText(undefined)];
      assert.equal(new Set([first, second, base].map(String)).size, 3);
      assert.deepEqual(await idsOf(opened), first);
      assert.deepEqual(await idsOf(opened, "other"), second);
      assert.deepEqual(await idsOf(opened, "none"), base);
      assert.deepEqual(await Promise.all(["tone", "none", "other"].map((name) => idsOf(opened, name))), [
        first,
        base,
        second,
      ]);
      assert.deepEqual(await idsOf(opened.withAdapter("other")), second);
    });

  test("is opened by an adapter's folder, on the base that it names", async () => {
    using opened = await openModel(host, runtime!, tone);
    assert.deepEqual([opened.folder, opened.adapter], [folder, "tone"]);
    assert.deepEqual(await idsOf(opened), await mergedText(tone));
  });

  test("of a GGUF file are as over its folder", async () => {
    const gguf = inside("model.gguf");
    exportGguf(host, folder, { gguf, type: "f32" });
    using opened = await openModel(host, runtime!, gguf, { adapter: [tone] });
    assert.deepEqual(await idsOf(opened), await mergedText(tone));
  });

  test("runs a packed base with an adapter near what the float base gives", async () => {
    using floats = await openModel(host, runtime!, folder, { adapter: [tone] });
    using packed = await openModel(host, runtime!, folder, { adapter: [tone], quantize: 8 });
    const logits = async (opened: OpenModel) => {
      using loan = opened.borrow();
      return logitsOf(loan.engine, IDS);
    };
    const [exact, rounded] = [await logits(floats), await logits(packed)];
    const spread = Math.max(...exact.flat()) - Math.min(...exact.flat());
    assert.ok(farthest(exact, rounded) < 0.05 * spread);
    assert.ok(farthest(exact, rounded) > 0);
  });

  test("refuses names that are not there, names twice, and whole weights beside others", async () => {
    using opened = await openModel(host, runtime!, folder, { adapter: [tone] });
    await assert.rejects(idsOf(opened, "facts"), { code: "BAD_OPTION", message: /got "facts", expected one of tone/ });
    using plain = await openModel(host, runtime!, folder);
    await assert.rejects(idsOf(plain, "tone"), { code: "BAD_OPTION", message: /the model has none/ });
    const open = (adapter: readonly string[]) => openModel(host, runtime!, folder, { adapter });
    await assert.rejects(open([tone, `tone=${facts}`]), { code: "BAD_OPTION", message: /two of the name tone/ });
    const whole = randomAdapter(inside("whole"), folder, { targets: ["q_proj"], modulesToSave: ["norm"] }, 3);
    using alone = await open([whole]);
    assert.throws(() => alone.withAdapter(undefined), { code: "UNSUPPORTED", message: /brings whole weights/ });
    await assert.rejects(open([tone, whole]), { code: "UNSUPPORTED", message: /brings whole weights .*only one/ });
  });

  test("names the key where the base is not given and not there", async () => {
    const lost = randomAdapter(inside("lost"), folder, { targets: ["q_proj"], baseModel: "/no/such/model" }, 1);
    await assert.rejects(openModel(host, runtime!, lost), { code: "NOT_FOUND", message: /base_model_name_or_path/ });
    const none = randomAdapter(inside("none"), folder, { targets: ["q_proj"], baseModel: undefined }, 1);
    await assert.rejects(openModel(host, runtime!, none), {
      code: "BAD_CONFIG",
      message: /base_model_name_or_path: is missing/,
    });
  });
});

describe("rows of one batch with adapters of their own", { skip: skipWithoutRuntime }, () => {
  const CHOSEN = ["a", undefined, "b", "c", "a"];

  for (const [says, dora, quantize] of [
    ["LoRA", false, undefined],
    ["LoRA and DoRA", true, undefined],
    ["LoRA over packed weights", false, 8],
  ] as const)
    test(`${says}: have the logits that each has alone, also as texts join and leave`, async () => {
      const folder = modelFolder("llama");
      const adapter = [
        randomAdapter(path.join(temporaryFolder(), "a"), folder, { targets: ["q_proj", "down_proj"], rank: 2 }, 1),
        randomAdapter(path.join(temporaryFolder(), "b"), folder, { targets: ["q_proj", "o_proj"], rank: 5, dora }, 2),
        randomAdapter(path.join(temporaryFolder(), "c"), folder, { targets: ["up_proj"], rank: 3 }, 3),
      ];
      using opened = await openModel(host, runtime!, folder, { adapter, quantize });
      using batch = opened.withAdapter(undefined).openBatch!(CHOSEN.length);
      const prompts = CHOSEN.map((_, i) => IDS.slice(0, 3 + i));
      const made: number[][][] = [];
      for (const [slot, name] of CHOSEN.entries()) {
        batch.use(slot, name);
        made.push([[...(await batch.append(slot, prompts[slot]!))]]);
      }
      for (const [step, slots] of [
        [0, 1, 2, 3, 4],
        [4, 0, 2],
        [3, 1],
        [0, 4],
        [2, 3, 1],
      ].entries()) {
        const logits = await batch.step(
          slots,
          slots.map((slot) => 10 * slot + step),
        );
        for (const [i, slot] of slots.entries()) {
          made[slot]!.push([...logits[i]!]);
          prompts[slot] = [...prompts[slot]!, 10 * slot + step];
        }
      }
      for (const [slot, name] of CHOSEN.entries()) {
        using loan = opened.withAdapter(name).borrow();
        const alone = (await logitsOf(loan.engine, prompts[slot]!)).slice(2 + slot);
        const most = Math.max(1, ...alone.flat().map(Math.abs));
        const error = farthest(made[slot]!, alone);
        assert.ok(error < (quantize ? 1e-3 : 1e-5) * most, `slot ${slot}, ${name}: off by ${error} of ${most}`);
      }
    });

  test("lose what they hold where a slot is given another adapter, and copy it with their text", async () => {
    const folder = modelFolder("llama");
    const adapter = [randomAdapter(path.join(temporaryFolder(), "a"), folder, { targets: ["q_proj"] }, 1)];
    using opened = await openModel(host, runtime!, folder, { adapter });
    using batch = opened.openBatch!(2);
    assert.deepEqual([batch.adapterOf(0), batch.adapterOf(1)], ["a", "a"]);
    await batch.append(0, IDS);
    batch.use(1, undefined);
    batch.copy(0, 1, 4);
    assert.deepEqual([batch.idsOf(1), batch.adapterOf(1)], [IDS.slice(0, 4), "a"]);
    batch.use(0, undefined);
    assert.deepEqual([batch.idsOf(0), batch.adapterOf(0)], [[], undefined]);
    assert.throws(() => batch.use(0, "b"), { code: "BAD_OPTION", message: /expected one of a/ });
  });

  test("are what texts of several requests become in one batch", async () => {
    const folder = modelFolder("llama");
    const adapter = ["a", "b"].map((name, i) =>
      randomAdapter(path.join(temporaryFolder(), name), folder, { targets: ["q_proj", "up_proj"] }, i),
    );
    using opened = await openModel(host, runtime!, folder, { adapter });
    const names = ["a", "none", "b", "b", "a"];
    const prompts = names.map((_, i) => promptIdsOf(opened, PROMPT.slice(0, 10 + i)));
    const options = (i: number) => ({ maxNewTokens: 9, adapterName: names[i]! });
    const alone: (readonly number[])[] = [];
    for (const [i, ids] of prompts.entries()) alone.push((await finish(streamAfter(opened, ids, options(i), 0))).ids);
    const asks = prompts.map((promptIds, i) => {
      return { promptIds, request: requestOf(withChosen(opened, names[i]), promptIds, options(i), 0) };
    });
    const together: (readonly number[])[] = [];
    for await (const [stream] of drawnTogether(opened, asks, 3)) together.push((await finish(stream!)).ids);
    assert.deepEqual(together, alone);
  });
});
