/** What tuning a model on data would take, each way there is: memory as the run plans it, and its work. Loads no weight. */
import { fail } from "../base/errors.ts";
import type { Example } from "../data/example.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { readConfig } from "../generate/config.ts";
import { isGguf } from "../generate/gguf-model.ts";
import { parameterShapes } from "../generate/load.ts";
import { packingOf } from "../generate/packed.ts";
import type { PackedGroup } from "../graph/pack.ts";
import type { Host } from "../host/types.ts";
import { packPlan, suitedBlock } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { saysMxfp4 } from "../weights/mxfp4.ts";
import { readQuantization } from "../weights/quantization.ts";
import { readTuneData, type TuneData } from "./data.ts";
import { KINDS, type KindWorld } from "./kinds.ts";
import { lengthOfRun, longestExample } from "./length.ts";
import { decideTune, type RunTune, type TuneOptions } from "./options.ts";
import { describeFit, fittingTune, type PlannedBase, planTune } from "./plan.ts";
import { taskFor } from "./run-task.ts";

/** One way to tune. */
export interface TuneWay {
  readonly method: RunTune["method"];
  /** Bits of the frozen weights; absent for float32. */
  readonly quantize?: 4 | 8;
  /** As the run would plan it, with the settings below. */
  readonly bytes: number;
  readonly fits: boolean;
  /** Options that make it fit, as they are typed; empty where it fits without. */
  readonly settings: string;
  readonly trainedParameters: number;
  readonly batch: number;
  readonly accumulation: number;
  readonly rowTokens: number;
  readonly steps: number;
  /** Floating-point operations of all steps' products. */
  readonly flops: number;
}

/** A model and a data set, and the ways to tune the one on the other. */
export interface TuneForecast {
  readonly model: string;
  readonly modelType: string;
  readonly parameters: number;
  readonly objective: RunTune["objective"];
  readonly trainExamples: number;
  readonly valExamples: number;
  readonly tokens: number;
  readonly lossTokens: number;
  readonly warnings: readonly string[];
  readonly ways: readonly TuneWay[];
}

/** Where the model and the data are, and what there is of memory. */
export interface ForecastOperands {
  readonly name: string;
  readonly folder: string;
  readonly data: readonly string[];
  readonly availableBytes: number;
}

const WAYS = [{ method: "full" }, { method: "lora" }, { method: "lora", quantize: 8 }, { method: "lora", quantize: 4 }] as const; // biome-ignore format: one line

/** Forecasts every way. Throws what reading config, tokenizer and data throws, BAD_OPTION, and UNSUPPORTED for packed models. */
export async function forecastTune(
  host: Host,
  { name, folder, data: paths, availableBytes }: ForecastOperands,
  given: TuneOptions,
  showName: (name: string) => string = (plain) => plain,
): Promise<TuneForecast> {
  const { file, model } = readConfig(host, folder);
  if (isGguf(host, folder) || readQuantization(model.config, file) || saysMxfp4(model.config))
    fail("UNSUPPORTED", `${name}: its weights are packed, expected float types. Try the model that it was made of`);
  const decided = decideTune({ ...given, out: "out" }, host.cpuThreads(), showName);
  const { objective } = decided;
  if (objective === "distill" || objective === "grpo")
    fail("UNSUPPORTED", `${showName("objective")}: got ${objective}, whose time hangs on another model or on answers`);
  const maxLength = longestExample(model, decided, showName);
  const warnings: string[] = [];
  const world = { host, showName, turn: async () => {}, warn: (message: string) => void warnings.push(message) };
  const tokenizer = openChatTokenizer(host, folder);
  const date = new Date().toISOString();
  const data = await readTuneData(world, paths, { ...decided, maxLength }, tokenizer, KINDS[objective], { date });
  const shapes = parameterShapes(model);
  const kindWorld = { teacher: undefined, rewards: {}, examples: data.train.examples, tokenizer, endIds: [] };
  const ways = WAYS.map((way): TuneWay => {
    const chosen = { ...decided, ...way };
    const options = lengthOfRun(model, data, { ...chosen, maxLength }, showName);
    const groups = "quantize" in way ? plannedGroups(model, way.quantize) : [];
    return forecastWay({ model, shapes, groups }, data, options, kindWorld, { availableBytes, showName });
  });
  return {
    model: name,
    modelType: model.modelType,
    parameters: [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0),
    objective,
    trainExamples: data.train.examples.length,
    valExamples: data.validation.examples.length,
    tokens: data.report.tokens,
    lossTokens: data.report.lossTokens,
    warnings,
    ways,
  };
}

/** The weights that a model packed to so many bits has in blocks. */
function plannedGroups(model: CausalLm, bits: 4 | 8): PackedGroup[] {
  const plan = packPlan(model, packingOf(bits, suitedBlock(model)));
  return plan.map((group) =>
    group.map(({ name, rows, width, format }) => ({ name, rows, width, bits: format.bits, blockSize: format.block })),
  );
}

function forecastWay(
  base: PlannedBase,
  data: TuneData,
  asked: RunTune,
  world: KindWorld<Example>,
  { availableBytes, showName }: { readonly availableBytes: number; readonly showName: (name: string) => string },
): TuneWay {
  const taskOf = (options: RunTune) => taskFor(base, data, options, world);
  const own = planTune(base, asked, taskOf(asked));
  const fitting = own.totalBytes <= availableBytes ? asked : fittingTune(base, asked, { availableBytes, taskOf });
  const options = fitting ?? asked;
  const plan = options === asked ? own : planTune(base, options, taskOf(options));
  const { method, quantize, batch, accumulation, rowTokens, steps } = options;
  // Products with blocks are not counted where they are: the work is that of the float model.
  const flopsPerStep = quantize ? planTune({ ...base, groups: [] }, options, taskFor({ ...base, groups: [] }, data, options, world)).flopsPerStep : plan.flopsPerStep; // biome-ignore format: one line
  return {
    method,
    ...(quantize && { quantize }),
    bytes: plan.totalBytes,
    fits: fitting !== undefined,
    settings: fitting && fitting !== asked ? describeFit(fitting, asked, showName) : "",
    trainedParameters: plan.parameters,
    batch,
    accumulation,
    rowTokens,
    steps,
    flops: steps * flopsPerStep,
  };
}
