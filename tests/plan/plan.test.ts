import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { modelFromConfig } from "../../src/models/registry.ts";
import { anatomyOf } from "../../src/plan/anatomy.ts";
import { GPUS, gpuOf } from "../../src/plan/gpus.ts";
import { adapterParameters, fewestDevices, trainingMemory, weightBytes, wholeNodes } from "../../src/plan/memory.ts";
import { NAMED_MODELS } from "../../src/plan/named.ts";
import { planModel } from "../../src/plan/plan.ts";
import { gpuHours, trainingFlops, UTILISATION } from "../../src/plan/training.ts";
import { repoRoot } from "../helpers/paths.ts";

const modelOf = (name: string) => modelFromConfig(NAMED_MODELS.get(name)!.config, name);
const planOf = (name: string, options = {}) => planModel(modelOf(name), options, { run: NAMED_MODELS.get(name)!.run });
const anatomy = (name: string) => anatomyOf(modelOf(name));

function near(got: number, expected: number, within = 0.05): void {
  assert.ok(Math.abs(got / expected - 1) <= within, `got ${got}, expected ${expected} within ${100 * within} %`);
}

/** As model cards and transformers' `num_parameters()` count them. */
const PARAMETERS: Readonly<Record<string, number>> = {
  gpt2: 124_439_808,
  "gpt2-medium": 354_823_168,
  "gpt2-large": 774_030_080,
  "gpt2-xl": 1_557_611_200,
  "llama2-7b": 6_738_415_616,
  "llama2-13b": 13_015_864_320,
  "llama2-70b": 68_976_648_192,
  "llama3-8b": 8_030_261_248,
  "llama3-70b": 70_553_706_496,
  "llama3-405b": 405_853_388_800,
  "llama3.2-1b": 1_235_814_400,
  "llama3.2-3b": 3_212_749_824,
  "mistral-7b": 7_241_732_096,
  "mixtral-8x7b": 46_702_792_704,
  "qwen2.5-0.5b": 494_032_768,
  "qwen2.5-7b": 7_615_616_512,
  "smollm2-135m": 134_515_008,
  "smollm2-360m": 361_821_120,
  "smollm2-1.7b": 1_711_376_384,
};

describe("the parameters of published models", () => {
  for (const [name, expected] of Object.entries(PARAMETERS))
    test(`of ${name} are ${expected}`, () => assert.equal(anatomy(name).parameters, expected));

  test("of every named model are the sum of its parts", () => {
    for (const name of NAMED_MODELS.keys()) {
      const { parts, parameters } = anatomy(name);
      assert.equal(
        Object.values(parts).reduce((sum, count) => sum + count, 0),
        parameters,
        name,
      );
      assert.equal(parts.other, undefined, name);
    }
  });

  test("of Mixtral are 12.9 billion for a token (Jiang et al. 2024: 13B active)", () => {
    near(anatomy("mixtral-8x7b").activeParameters, 12.9e9, 0.005);
  });
});

describe("the figures of the GPT-3 paper (Brown et al. 2020)", () => {
  const plan = planOf("gpt3-175b");

  test("are 175B parameters (table 2.1: 174,600M in table D.1), 300B tokens, 3.14e23 FLOPs, 3,640 petaflop/s-days", () => {
    near(plan.parameters, 175e9);
    near(plan.parameters, 174.6e9, 0.001);
    assert.equal(plan.tokens, 300e9);
    near(plan.trainingFlops, 3.14e23);
    near(plan.petaflopsDays, 3640);
  });

  test("of the 6.7B model are 1.20e22 FLOPs and 139 petaflop/s-days (table D.1)", () => {
    const smaller = planOf("gpt3-6.7b");
    near(smaller.trainingFlops, 1.2e22);
    near(smaller.petaflopsDays, 139);
  });

  test("take 10,000 V100 at 24.6 TFLOP/s each 14.8 days (Patterson et al. 2021, table 4)", () => {
    near(gpuHours(plan.trainingFlops, { peakFlops: 24.6e12 }, 1) / 10_000 / 24, 14.8);
    near(plan.utilisation, 24.6 / 125);
    near(planOf("gpt3-175b", { gpu: "v100", gpus: 10_000, utilisation: 24.6 / 125 }).cluster!.days, 14.8);
  });
});

describe("the figures of the Llama 3 paper and model cards", () => {
  test("of 405B are 3.8e25 FLOPs on 15.6T tokens (Grattafiori et al. 2024, section 1)", () => {
    const plan = planOf("llama3-405b");
    near(plan.parameters, 405e9);
    assert.equal(plan.tokens, 15.6e12);
    near(plan.trainingFlops, 3.8e25);
  });

  test("of 405B are 30.84M H100 hours at 38 % of the peak for 90 % of the time (table 4, section 3.3.4), without a look at the hours", () => {
    const plan = planOf("llama3-405b", { gpu: "h100", utilisation: UTILISATION });
    assert.equal(plan.utilisation, 0.38 * 0.9);
    near(plan.gpuHours, 30.84e6);
  });

  test("of 405B lie between what 38 % and 43 % of the peak give, before interruptions", () => {
    const hours = (mfu: number) => planOf("llama3-405b", { gpu: "h100", utilisation: mfu }).gpuHours;
    assert.ok(hours(0.43) < hours(0.38) && hours(0.38) < 30.84e6);
    near(hours(0.38) / 0.9, 30.84e6);
  });

  const cards = {
    "llama3-8b": 1.3e6,
    "llama3-70b": 6.4e6,
    "llama3.1-8b": 1.46e6,
    "llama3.1-70b": 7e6,
    "llama3-405b": 30.84e6,
  };
  for (const [name, hours] of Object.entries(cards))
    test(`of ${name} are ${hours} H100 hours at the utilisation that its card implies`, () => {
      const plan = planOf(name);
      assert.equal(plan.gpu, "h100");
      near(plan.gpuHours, hours);
      assert.match(plan.utilisationSource, /imply.*model card/);
    });

  test("imply 16, 28 and 35 % of the H100's 989 TFLOP/s", () => {
    const implied = ["llama3-8b", "llama3-70b", "llama3-405b"].map((name) => planOf(name).published!.utilisation!);
    assert.deepEqual(
      implied.map((each) => Math.round(100 * each)),
      [16, 28, 35],
    );
  });

  test("of Llama 2 are reached at 38 to 43 % of an A100 (Touvron et al. 2023, table 2)", () => {
    for (const name of ["llama2-7b", "llama2-13b", "llama2-70b"]) {
      const { utilisation } = planOf(name);
      assert.ok(utilisation > 0.37 && utilisation < 0.43, `${name}: ${utilisation}`);
    }
  });
});

describe("memory", () => {
  const shape = { method: "full", tokens: 0, rank: 16, width: 4096, vocabSize: 32000 } as const;

  test("of 7.5B parameters is 120 GB on one device and 1.9 GB of state on 64 (Rajbhandari et al. 2020, figure 1)", () => {
    const like = { ...anatomy("llama2-7b"), parameters: 7.5e9 };
    near(trainingMemory(like, { ...shape, devices: 1 }).total, 120e9, 0.001);
    const { weights, gradients, optimiser } = trainingMemory(like, { ...shape, devices: 64 });
    near(weights + gradients + optimiser, 1.9e9, 0.02);
  });

  test("of activations is 34 s b h bytes a layer for GPT-3, less two for dropout's masks (Korthikanti et al. 2022, equation 2 without scores)", () => {
    const { keptElements, layers } = anatomy("gpt3-175b");
    assert.equal(2 * keptElements, layers * 12288 * (34 - 2));
  });

  test("of LoRA is 39,976,960 parameters for Llama 2 7B at rank 16 and 41,943,040 for Llama 3 8B, as PEFT counts all linear layers", () => {
    assert.equal(adapterParameters(anatomy("llama2-7b"), 16), 39_976_960);
    assert.equal(adapterParameters(anatomy("llama3-8b"), 16), 41_943_040);
  });

  test("of keys and values is 320 KiB a token for Llama 3 70B at 16 bits", () => {
    assert.equal(planOf("llama3-70b").kvBytesPerToken, 320 * 1024);
  });

  test("of weights is two bytes a parameter at 16 bits, and 4.5 bits a packed one", () => {
    const llama = anatomy("llama3-8b");
    assert.equal(weightBytes(llama, 16), 2 * llama.parameters);
    near(weightBytes(llama, 4), (4.5 / 8) * llama.parameters, 0.001);
  });

  test("fits on the fewest devices found, and on no smaller number of whole nodes", () => {
    const llama = anatomy("llama3-8b");
    const cases = fc.record({
      method: fc.constantFrom("full" as const, "lora" as const, "qlora" as const),
      tokens: fc.integer({ min: 1, max: 200_000 }),
      rank: fc.integer({ min: 1, max: 256 }),
      usable: fc.integer({ min: 1, max: 400 }).map((gib) => gib * 2 ** 30),
    });
    fc.assert(
      fc.property(cases, ({ usable, ...rest }) => {
        const step = { ...rest, width: 4096, vocabSize: 128256 };
        const on = (devices: number) => trainingMemory(llama, { ...step, devices }).total;
        const fewest = fewestDevices(llama, step, usable);
        if (fewest === undefined) return assert.ok(on(1) > usable && on(1e9) >= usable * (1 - 1e-6));
        assert.equal(wholeNodes(fewest), fewest);
        assert.ok(on(fewest) <= usable * (1 + 1e-9));
        const fewer = fewest > 8 ? fewest - 8 : fewest / 2;
        if (fewest > 1) assert.ok(on(fewer) > usable * (1 - 1e-9), `${fewer} would do`);
      }),
    );
  });
});

describe("a plan", () => {
  test("of a model without a published run has Chinchilla's 20 tokens a parameter", () => {
    const plan = planOf("gpt2");
    assert.equal(plan.tokens, 20 * 124_439_808);
    assert.equal(plan.trainingFlops, 6 * 124_439_808 * plan.tokens);
    assert.match(plan.tokensSource, /Hoffmann/);
    assert.deepEqual(
      plan.budgets.map(({ name }) => name),
      ["planned", "chinchilla", "llama-style"],
    );
    near(plan.budgets[2]!.tokensPerParameter, 1868, 0.001);
  });

  test("for some days is on enough devices, in whole nodes, and never on fewer than fit", () => {
    const plan = planOf("llama3-8b", { days: 30, gpu: "a100" });
    const { gpus, days, fits } = plan.cluster!;
    assert.ok(fits && days <= 30 && gpus % 8 === 0);
    assert.ok(plan.gpuHours / 24 / (gpus - 8) > 30);
    assert.equal(planOf("llama3-70b", { days: 1e6 }).cluster!.gpus, planOf("llama3-70b").training.full.gpus);
  });

  test("on as many devices as asked for says whether it fits there", () => {
    assert.equal(planOf("llama3-70b", { gpus: 8 }).cluster!.fits, false);
    assert.equal(planOf("llama3-70b", { gpus: 64 }).cluster!.fits, true);
  });

  test("has no cluster where a sequence alone is too long", () => {
    const plan = planOf("llama3.1-405b", { context: 131072 });
    assert.equal(plan.cluster, undefined);
    assert.equal(plan.training.full.gpus, undefined);
  });

  test("takes price, utilisation and tokens as they are given", () => {
    const plan = planOf("gpt2", { price: 2, utilisation: 0.5, tokens: 1e9, gpu: "A100".toLowerCase() });
    near(plan.gpuHours, trainingFlops(124_439_808, 1e9) / (0.5 * 312e12) / 3600, 1e-9);
    near(plan.cost, 2 * plan.gpuHours, 1e-9);
  });

  test("of days on a machine is the work over three quarters of its peak", () => {
    const plan = planModel(modelOf("gpt2"), {}, { machine: { flopsPerSecond: 2e11, availableBytes: 1e9 } });
    near(plan.machine!.days, plan.trainingFlops / 1.5e11 / 86_400, 1e-9);
    assert.equal(plan.machine!.trainingBytes, 24 * 124_439_808);
    assert.equal(plan.machine!.fits, false);
  });

  test("refuses a context that the model has not, and devices that nobody knows", () => {
    assert.throws(() => planOf("gpt2", { context: 1025 }), { code: "BAD_OPTION", message: /context: got 1025.*1024/ });
    assert.throws(() => planOf("gpt2", { gpu: "h1000" }), { code: "BAD_OPTION", message: /gpu: got "h1000"/ });
    assert.throws(() => gpuOf("a10"), { code: "BAD_OPTION", message: /Did you mean a100/ });
    for (const name of GPUS.keys()) assert.equal(gpuOf(name.toUpperCase()).name, name);
  });

  test("is made of every family, whose parts are all known", () => {
    const folder = path.join(repoRoot, "tests/golden/families");
    for (const name of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      const file = path.join(folder, name.name, "config.json");
      const model = modelFromConfig(JSON.parse(readFileSync(file, "utf8")), file);
      const { activeParameters, parameters, parts } = planModel(model);
      assert.ok(activeParameters > 0 && activeParameters <= parameters, name.name);
      assert.equal(parts.other, undefined, name.name);
      assert.ok(parts.attention! > 0 && parts.feedForward! + (parts.experts ?? 0) !== 0, name.name);
    }
  });
});
