/** What a fine-tuning run can be told, and how what was left out is decided. Knows no files. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, type OptionSpecs, type OptionValues, readOptions } from "../base/options.ts";
import { SHAPES } from "../data/example.ts";
import type { LoraOptions } from "../nn/lora.ts";
import { RUN_OPTIONS } from "../train/run-options.ts";
import { GRPO_LOSSES, REWARD_SCALES } from "./objectives/advantages.ts";
import { LESSONS } from "./objectives/types.ts";

/** What moves. */
export const METHODS = ["lora", "full"] as const;
/** What is learnt. */
export const OBJECTIVES = ["sft", "dpo", "orpo", "simpo", "kto", "reward", "distill", "grpo"] as const;

const LORA_ONLY = "of adapters";

/** Options of `tune`. */
export const TUNE_OPTIONS = {
  out: { kind: "text", placeholder: "DIR", help: "Folder for the result, its checkpoints and its log" },
  resume: RUN_OPTIONS.resume,
  method: { kind: "choice", choices: METHODS, default: "lora", help: "Train adapters (LoRA), or every weight" },
  quantize: {
    kind: "choice",
    choices: [4, 8],
    help: "Keep the frozen weights in so many bits (QLoRA); packed models stay as they are",
  },
  activations: {
    kind: "choice",
    choices: ["float32", "int8"],
    default: "float32",
    help: "Beside packed weights: multiply float32, or what is rounded to 8 bits, as answers do, which is faster",
  },
  objective: {
    kind: "choice",
    choices: OBJECTIVES,
    default: "sft",
    help: "What is learnt: answers; of two answers the better; scores of answers; another model's words; what is rewarded",
  },
  shape: { kind: "choice", choices: SHAPES, auto: "recognised", help: "What the records of the data look like" },
  field: { kind: "list", placeholder: "A=B", help: "Read field B of the records as A, as in prompt=question" },
  maxExamples: { kind: "int", min: 1, max: 1e12, help: "Examples beyond it are not read" },
  strict: { kind: "flag", help: "Refuse bad records and unfit examples instead of leaving them out" },
  loss: {
    kind: "choice",
    choices: ["assistant", "all"],
    default: "assistant",
    help: "Learn what the assistant wrote, or prompts too",
  },
  chatTemplate: {
    kind: "text",
    placeholder: "FILE",
    auto: "the model's, else a simple one",
    help: "Chat template (Jinja) for the data and the result",
  },
  maxLength: {
    kind: "int",
    min: 2,
    max: 2 ** 20,
    auto: "the model's positions, at most 2048",
    help: "Tokens of an example; longer ones are cut",
  },
  packing: {
    kind: "choice",
    choices: ["packed", "padded"],
    default: "packed",
    help: "Several examples in a row, each for itself, or one",
  },
  val: { kind: "list", placeholder: "FILE", help: "Validate with these data files instead of a part of the data" },
  valFraction: { kind: "number", min: 0, max: 0.5, default: 0.1, help: "Part of the examples that only validates" },
  epochs: { kind: "number", min: 0.001, max: 1e6, auto: "3", help: "See every example this often" },
  steps: { kind: "int", min: 1, max: 1e9, auto: "by --epochs", help: "Train this many steps" },
  batch: { kind: "int", min: 1, max: 2 ** 16, auto: "by the size of the data", help: "Rows computed at once" },
  accumulation: RUN_OPTIONS.accumulation,
  checkpointing: RUN_OPTIONS.checkpointing,
  rank: { kind: "int", min: 1, max: 4096, auto: "16", help: `Width ${LORA_ONLY}` },
  alpha: { kind: "number", min: 0.001, max: 1e6, auto: "twice --rank", help: `Scale ${LORA_ONLY}, over --rank` },
  rslora: { kind: "flag", help: "Scale adapters by the root of --rank instead" },
  dora: { kind: "flag", help: "Train each output's magnitude by itself as well (DoRA)" },
  dropout: { kind: "number", min: 0, max: 0.99, auto: "0", help: `Part of the inputs ${LORA_ONLY} that a step drops` },
  modulesToSave: {
    kind: "list",
    placeholder: "A,B",
    separator: ",",
    help: "Modules trained whole beside adapters, by the ends of their names: embed_tokens,lm_head",
  },
  targets: {
    kind: "list",
    placeholder: "A,B",
    separator: ",",
    auto: "every linear layer but the head",
    help: "Layers that have adapters, by the ends of their names: q_proj,v_proj",
  },
  beta: {
    kind: "number",
    min: 1e-6,
    max: 1e3,
    auto: "0.1; of simpo 2; of grpo 0",
    help: "How closely dpo, kto and grpo keep to the model, and the scale of orpo and simpo",
  },
  gamma: { kind: "number", min: 0, max: 1e3, auto: "0.5", help: "How much better simpo wants the chosen answer" },
  labelSmoothing: {
    kind: "number",
    min: 0,
    max: 0.499,
    auto: "0",
    help: "Part of dpo's pairs held to be the wrong way round",
  },
  desirableWeight: { kind: "number", min: 0, max: 1e3, auto: "1", help: "What good answers count for in kto" },
  undesirableWeight: { kind: "number", min: 0, max: 1e3, auto: "1", help: "What bad answers count for in kto" },
  centre: { kind: "number", min: 0, max: 1e3, auto: "0", help: "How strongly the scores of reward are kept around 0" },
  teacher: { kind: "text", placeholder: "MODEL", help: "The model that distill learns from" },
  temperature: {
    kind: "number",
    min: 0.01,
    max: 100,
    auto: "1",
    help: "How soft distill makes both models' choices; how freely grpo draws answers",
  },
  lessons: {
    kind: "choice",
    choices: LESSONS,
    auto: "logits where both models have the same tokens, else text",
    help: "What distill learns: the teacher's logits, or the answers that it writes first",
  },
  teacherShare: {
    kind: "number",
    min: 0,
    max: 1,
    auto: "0.5",
    help: "The teacher's part of distill's loss; the rest is the data's",
  },
  topLogits: { kind: "int", min: 1, max: 2 ** 22, auto: "64", help: "Most probable tokens of the teacher that count" },
  reward: {
    kind: "list",
    placeholder: "FILE",
    help: "JavaScript modules whose functions score the answers of grpo: (prompt, completions, record) => numbers",
  },
  group: { kind: "int", min: 2, max: 1024, auto: "8", help: "Answers to a prompt that grpo compares" },
  answerTokens: {
    kind: "int",
    min: 1,
    max: 2 ** 20,
    auto: "128",
    help: "Most tokens of an answer that grpo or a teacher writes",
  },
  grpoLoss: {
    kind: "choice",
    choices: GRPO_LOSSES,
    auto: "dapo",
    help: "What grpo weighs alike: tokens (dapo), answers (grpo), tokens of a longest answer (dr_grpo)",
  },
  rewardScale: {
    kind: "choice",
    choices: REWARD_SCALES,
    auto: "group",
    help: "Whether rewards are divided by their group's deviation",
  },
  lr: {
    kind: "number",
    min: 0,
    max: 10,
    auto: "0.4 / the model's width for adapters, 0.04 / it for all weights; of preferences a twentieth",
    help: "Peak learning rate",
  },
  minLr: RUN_OPTIONS.minLr,
  warmup: RUN_OPTIONS.warmup,
  schedule: RUN_OPTIONS.schedule,
  weightDecay: { kind: "number", min: 0, max: 10, default: 0, help: "Decoupled decay of matrices" },
  beta1: RUN_OPTIONS.beta1,
  beta2: { kind: "number", min: 0, max: 0.999999, default: 0.999, help: "AdamW's memory of squared gradients" },
  clip: RUN_OPTIONS.clip,
  evalEvery: {
    kind: "int",
    min: 0,
    max: 1e9,
    auto: "a tenth of the steps",
    help: "Steps between validations; 0 for none on the way",
  },
  evalTokens: {
    kind: "int",
    min: 1,
    max: 1e12,
    default: 2 ** 16,
    help: "Most tokens of a validation, padding included",
  },
  patience: {
    kind: "int",
    min: 0,
    max: 1e9,
    default: 0,
    help: "Stop after so many validations without a lower loss; 0: never",
  },
  result: {
    kind: "choice",
    choices: ["best", "last"],
    default: "best",
    help: "Weights to keep: of the lowest validation loss, or the last",
  },
  prompts: {
    kind: "text",
    placeholder: "FILE",
    help: "Answer these before and after: a text, one prompt a line, or data",
  },
  samples: {
    kind: "int",
    min: 0,
    max: 1e6,
    default: 4,
    help: "Validation examples to answer where there are no --prompts",
  },
  sampleTokens: { kind: "int", min: 1, max: 2 ** 20, default: 64, help: "Most tokens of such an answer" },
  checkpointEvery: RUN_OPTIONS.checkpointEvery,
  keep: RUN_OPTIONS.keep,
  seed: RUN_OPTIONS.seed,
  threads: RUN_OPTIONS.threads,
} as const satisfies OptionSpecs;

/** Options as `tune` takes them. */
export type TuneOptions = GivenOptions<typeof TUNE_OPTIONS>;

type Read = OptionValues<typeof TUNE_OPTIONS>;

/** Options with everything decided that needs neither model nor data. */
export type DecidedTune = Read & Required<Pick<Read, "out" | "threads">>;

/** Options that only some objectives have. */
const OWN: Partial<Record<keyof typeof TUNE_OPTIONS, readonly (typeof OBJECTIVES)[number][]>> = {
  beta: ["dpo", "orpo", "simpo", "kto", "grpo"],
  gamma: ["simpo"],
  labelSmoothing: ["dpo"],
  desirableWeight: ["kto"],
  undesirableWeight: ["kto"],
  centre: ["reward"],
  teacher: ["distill"],
  temperature: ["distill", "grpo"],
  teacherShare: ["distill"],
  lessons: ["distill"],
  topLogits: ["distill"],
  reward: ["grpo"],
  group: ["grpo"],
  answerTokens: ["grpo", "distill"],
  grpoLoss: ["grpo"],
  rewardScale: ["grpo"],
  val: OBJECTIVES.filter((name) => name !== "grpo"),
  valFraction: OBJECTIVES.filter((name) => name !== "grpo"),
  patience: OBJECTIVES.filter((name) => name !== "grpo"),
  packing: ["sft", "distill"],
  loss: ["sft", "distill"],
  prompts: OBJECTIVES.filter((name) => name !== "reward"),
  samples: OBJECTIVES.filter((name) => name !== "reward"),
};

/** Options that only make sense with adapters. */
const OF_LORA = [
  "quantize",
  "activations",
  "rank",
  "alpha",
  "rslora",
  "dora",
  "dropout",
  "modulesToSave",
  "targets",
] as const;

/** Decides what does not depend on model and data. Throws BAD_OPTION for values out of range or at odds with each other. */
export function decideTune(
  given: TuneOptions,
  cpuThreads: number,
  name: (plain: string) => string = (plain) => plain,
): DecidedTune {
  const options = readOptions(TUNE_OPTIONS, given, name);
  if (options.out === undefined) fail("BAD_OPTION", `${name("out")}: got nothing, expected a folder for the result`);
  if (options.epochs !== undefined && options.steps !== undefined)
    fail("BAD_OPTION", `${name("epochs")} and ${name("steps")}: expected one of them: both say how long to train`);
  if (options.val.length > 0 && given.valFraction !== undefined)
    fail("BAD_OPTION", `${name("val")} and ${name("valFraction")}: expected one of them: both say what validates`);
  if (options.prompts !== undefined && given.samples !== undefined)
    fail("BAD_OPTION", `${name("prompts")} and ${name("samples")}: expected one of them: both say what is answered`);
  const other = Object.entries(OWN).find(
    ([key, of]) => given[key as keyof TuneOptions] !== undefined && !of.includes(options.objective),
  );
  if (other)
    fail(
      "BAD_OPTION",
      `${name(other[0])}: is of ${name("objective")} ${other[1].join(", ")}, got ${options.objective}. Leave it out`,
    );
  if (options.objective === "distill" && options.teacher === undefined)
    fail(
      "BAD_OPTION",
      `${name("teacher")}: got nothing, expected the model that ${name("objective")} distill learns from`,
    );
  const stray = options.method === "full" ? OF_LORA.find((key) => given[key] !== undefined) : undefined;
  if (stray !== undefined)
    fail(
      "BAD_OPTION",
      `${name(stray)}: ${name("method")} full has no adapters. Leave it out, or use ${name("method")} lora`,
    );
  if (options.lr !== undefined && (options.minLr ?? 0) > options.lr)
    fail("BAD_OPTION", `${name("minLr")}: got ${options.minLr}, expected at most ${name("lr")} ${options.lr}`);
  for (const field of options.field)
    if (!/^[^=]+=[^=]+$/.test(field))
      fail("BAD_OPTION", `${name("field")}: got ${JSON.stringify(field)}, expected such as prompt=question`);
  return { ...options, out: options.out!, threads: options.threads ?? cpuThreads };
}

/** The fields of {@link TUNE_OPTIONS} `field` as an object. */
export function fieldsOf(field: readonly string[]): Readonly<Record<string, string>> | undefined {
  return field.length === 0 ? undefined : Object.fromEntries(field.map((pair) => pair.split("=") as [string, string]));
}

/** Adapters as the options say; undefined where all weights are trained. */
export function loraOf(
  options: Pick<Read, "method" | "rank" | "alpha" | "rslora" | "dora" | "dropout" | "modulesToSave" | "targets">,
): LoraOptions | undefined {
  if (options.method !== "lora") return undefined;
  const { rank = 16, rslora: rsLora, dora, dropout = 0, modulesToSave } = options;
  const targets = options.targets.length > 0 ? options.targets : "all-linear";
  return { rank, alpha: options.alpha ?? 2 * rank, rsLora, dora, dropout, modulesToSave, targets };
}

/** Options with nothing left open. */
export type RunTune = DecidedTune &
  Required<Pick<Read, "maxLength" | "steps" | "batch" | "lr" | "minLr" | "warmup" | "evalEvery">> & {
    readonly rowTokens: number;
  };
