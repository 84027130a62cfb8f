import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { flagName } from "../../src/base/options.ts";
import { host } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";
import { decideTune, type TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { baseModel, chats, FEW, file, lines, newOut, PAIRS, pairs, stopAt, tuned, warnings } from "./tuning.ts";

describe("options of fine-tuning", () => {
  const cases: readonly [given: Record<string, unknown>, says: RegExp][] = [
    [{ out: undefined }, /^--out: got nothing/],
    [{ rnak: 3 }, /^--rnak: there is no such option. Did you mean --rank\?/],
    [{ rank: 0 }, /^--rank: got 0, expected a whole number from 1/],
    [{ rank: 1.5 }, /^--rank: got 1.5/],
    [{ epochs: 1, steps: 5 }, /^--epochs and --steps: expected one of them/],
    [{ val: ["a.jsonl"], valFraction: 0.2 }, /^--val and --val-fraction: expected one/],
    [{ method: "full", rank: 8 }, /^--rank: --method full has no adapters/],
    [{ method: "qlora" }, /^--method: got "qlora", expected lora or full/],
    [{ lr: 0.1, minLr: 0.2 }, /^--min-lr: got 0.2, expected at most --lr 0.1/],
    [{ field: ["prompt"] }, /^--field: got "prompt", expected such as prompt=question/],
    [{ beta: 0.1 }, /^--beta: is of --objective dpo, orpo, simpo, kto, grpo, got sft/],
    [{ objective: "dpo", packing: "packed" }, /^--packing: is of --objective sft, distill, got dpo/],
    [{ objective: "distill" }, /^--teacher: got nothing/],
    [{ prompts: "p.txt", samples: 3 }, /^--prompts and --samples: expected one/],
  ];
  for (const [given, says] of cases)
    test(`${JSON.stringify(given)} is refused`, () => {
      const options = { out: "x", ...given } as TuneOptions;
      assert.throws(() => decideTune(options, 2, flagName), { code: "BAD_OPTION", message: says });
    });
});

describe("fine-tuning refuses", { skip: skipWithoutRuntime }, () => {
  const refused = async (code: string, says: RegExp, options: TuneOptions, data: string[], keeps = false) => {
    const out = newOut();
    await assert.rejects(tuned(out, options, {}, data), { code, message: says });
    assert.equal(existsSync(out), keeps, "a run that was refused leaves no folder");
  };
  const preferences = file(
    "pref.jsonl",
    lines(PAIRS.map(({ prompt, completion }) => ({ prompt, chosen: completion, rejected: " no" }))),
  );

  const cases: readonly [says: string, code: string, message: RegExp, options: TuneOptions, data: string[]][] = [
    ["no such file", "NOT_FOUND", /nowhere.jsonl: there is no such file/, {}, ["nowhere.jsonl"]],
    ["an empty file", "BAD_DATA", /empty.jsonl: is empty/, {}, [file("empty.jsonl", "")]],
    [
      "a file without a good record",
      "BAD_DATA",
      /got no good record: .*line 1: is no JSON/,
      {},
      [file("bad.jsonl", "{\n[1]\n")],
    ],
    ["records of no shape", "BAD_DATA", /got records with the fields "a"/, {}, [file("a.jsonl", '{"a":1}\n')]],
    ["bytes that are no text", "BAD_DATA", /NUL bytes/, {}, [file("x.jsonl", new Uint8Array(64))]],
    [
      "pairs of answers for sft",
      "BAD_DATA",
      /prompt, chosen and rejected, and objective sft learns from/,
      {},
      [preferences],
    ],
    [
      "texts for dpo",
      "BAD_DATA",
      /objective dpo learns from prompt, chosen and rejected/,
      { objective: "dpo" },
      [pairs],
    ],
    [
      "bad records with strict",
      "BAD_DATA",
      /line 2: is no JSON/,
      { strict: true },
      [file("two.jsonl", `${lines([PAIRS[0]])}{\n`)],
    ],
    [
      "examples that are cut before what carries loss",
      "BAD_DATA",
      /no token that carries loss within/,
      { maxLength: 2 },
      [pairs],
    ],
    [
      "more positions than the model has",
      "BAD_OPTION",
      /maxLength: got 65, expected at most the model's 64/,
      { maxLength: 65 },
      [pairs],
    ],
    ["a target that is no layer", "BAD_OPTION", /targets: got nose/, { targets: ["nose"] }, [pairs]],
    ["a module that is none", "BAD_OPTION", /modulesToSave: got nose/, { modulesToSave: ["nose"] }, [pairs]],
    ["a template that is none", "BAD_CHAT", /t.jinja/, { chatTemplate: file("t.jinja", "{% if %}") }, [chats]],
    [
      "no prompts where there are to be some",
      "NOT_FOUND",
      /nowhere.txt/,
      { prompts: "nowhere.txt", samples: undefined },
      [pairs],
    ],
  ];
  for (const [says, code, message, options, data] of cases) test(says, () => refused(code, message, options, data));

  test("what does not fit in memory, and says what would", async () => {
    const scarce: Host = { ...host, availableMemoryBytes: () => 152e6 };
    const model = await baseModel();
    const operands = { name: model, folder: model, data: [pairs] };
    const options = { ...FEW, method: "full", batch: 16, out: newOut() } as const;
    const error = {
      code: "OUT_OF_MEMORY",
      message: /this run needs .* Try (--method lora )?(--batch \d --accumulation \d+)/,
    };
    await assert.rejects(tune(scarce, runtime!, operands, options, { showName: flagName }), error);
  });

  test("a folder that holds something, and a run begun otherwise", async () => {
    const out = newOut();
    await stopAt(out, (event) => event.event === "step" && event.step === 2);
    await assert.rejects(tuned(out), { code: "EXISTS", message: /holds a run already. Continue it with resume/ });
    await assert.rejects(tuned(out, { resume: true, rank: 3 }), {
      code: "BAD_OPTION",
      message: /rank: got 3, but the run was begun with none/,
    });
    const other = file("others.jsonl", lines(PAIRS.slice(1)));
    await assert.rejects(tuned(out, { resume: true }, {}, [other]), {
      code: "BAD_DATA",
      message: /others.jsonl: the data are not those/,
    });
    const model = newOut();
    cpSync(await baseModel(), model, { recursive: true });
    const weights = path.join(model, "model.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 3]! ^= 1;
    writeFileSync(weights, bytes);
    const operands = { name: model, folder: model };
    await assert.rejects(tune(host, runtime!, operands, { out, resume: true }), {
      code: "BAD_DATA",
      message: /is not the model that the run/,
    });
    await tune(host, runtime!, {}, { out, resume: true });
  });

  test("settings of a run that somebody wrote into", async () => {
    const out = newOut();
    await stopAt(out, (event) => event.event === "step" && event.step === 2);
    const settings = path.join(out, "tune.json");
    const whole = readFileSync(settings, "utf8");
    const broken: readonly [from: RegExp, to: string, says: RegExp][] = [
      [/"format": 1/, '"format": 2', /format: got 2, expected 1/],
      [/"rowTokens": \d+/, '"rowTokens": -1', /options.rowTokens: got -1/],
      [/"batch": \d+/, '"batch": "many"', /options.batch: got "many"/],
      [/"lr": [\d.e-]+,/, "", /options.lr is missing/],
      [/"objective": "sft"/, '"objective": "psychic"', /options.objective: got "psychic"/],
      [/^\{/, "", /no JSON/],
    ];
    for (const [from, to, says] of broken) {
      writeFileSync(settings, whole.replace(from, to));
      await assert.rejects(tune(host, runtime!, {}, { out, resume: true }), says);
    }
  });

  test("a base of packed weights, naming the key", async () => {
    const model = newOut();
    mkdirSync(model);
    const base = await baseModel();
    for (const name of ["tokenizer.json", "tokenizer_config.json", "model.safetensors"])
      copyFileSync(path.join(base, name), path.join(model, name));
    const config = JSON.parse(readFileSync(path.join(base, "config.json"), "utf8"));
    writeFileSync(
      path.join(model, "config.json"),
      JSON.stringify({ ...config, quantization_config: { quant_method: "mxfp4" } }),
    );
    const operands = { name: model, folder: model, data: [pairs] };
    await assert.rejects(tune(host, runtime!, operands, { ...FEW, out: newOut() }), {
      message: /quantization_config: got mxfp4/,
    });
  });
});

describe("data that are not all good", { skip: skipWithoutRuntime }, () => {
  test("are learnt from as far as they go, and what was left out is told", async () => {
    const mixed = file(
      "mixed.jsonl",
      `${lines(PAIRS.slice(0, 30))}{"prompt": \n${lines([{ prompt: "x" }, { prompt: "y", completion: "" }])}`,
    );
    const { events } = await tuned(newOut(), {}, {}, [mixed]);
    const data = events.find((event) => event.event === "data");
    assert.ok(data?.event === "data");
    assert.equal(data.report.badCount, 3);
    assert.match(
      data.report.badRecords.join("\n"),
      /line 31: is no JSON[\s\S]*line 32: "completion" is missing[\s\S]*line 33/,
    );
    assert.deepEqual(warnings(events), []);
  });

  test("are cut where they are too long, and counted", async () => {
    const long = { prompt: "mon 1", completion: " 11".repeat(200) };
    const { events } = await tuned(newOut(), {}, {}, [file("long.jsonl", lines([long, ...PAIRS.slice(0, 10)]))]);
    const data = events.find((event) => event.event === "data");
    assert.ok(data?.event === "data");
    assert.equal(data.report.truncated, 1);
    assert.ok(data.report.cutTokens > 100);
  });
});
