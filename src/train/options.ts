/** What a training run can be told, and how what was left out is decided. Knows no files. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, type OptionSpecs, type OptionValues, readOptions } from "../base/options.ts";
import { RUN_OPTIONS } from "./run-options.ts";

/** Sizes that go together, smallest first. */
export const PRESETS = {
  nano: { vocab: 1024, layers: 3, heads: 4, dim: 128, context: 128, batch: 16 },
  tiny: { vocab: 2048, layers: 4, heads: 4, dim: 256, context: 256, batch: 8 },
  small: { vocab: 4096, layers: 6, heads: 6, dim: 384, context: 256, batch: 16 },
  medium: { vocab: 8192, layers: 8, heads: 8, dim: 512, context: 512, batch: 8 },
  base: { vocab: 16384, layers: 12, heads: 12, dim: 768, context: 1024, batch: 4 },
} as const;

type PresetName = keyof typeof PRESETS;
const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];
const PRESET = "the preset's";
/** Peak learning rates with Muon: its own, and AdamW's for what is left to it. Measured: docs/optim.md. */
const [MUON_LR, BESIDE_MUON_LR] = [0.01, 0.01];

/** Options of `train`. */
export const TRAIN_OPTIONS = {
  out: { kind: "text", placeholder: "DIR", help: "Folder for the model, its checkpoints and its log" },
  resume: RUN_OPTIONS.resume,
  minutes: { kind: "number", min: 0.01, max: 1e6, auto: "10 where no length is given", help: "Train about this long" },
  steps: { kind: "int", min: 1, max: 1e9, help: "Train this many steps" },
  epochs: { kind: "number", min: 0.001, max: 1e6, help: "See every token this often" },
  preset: { kind: "choice", choices: PRESET_NAMES, default: "tiny", help: "Sizes that go together" },
  arch: { kind: "choice", choices: ["llama", "gpt2"], default: "llama", help: "Model family" },
  layers: { kind: "int", min: 1, max: 1024, auto: PRESET, help: "Blocks" },
  heads: { kind: "int", min: 1, max: 1024, auto: PRESET, help: "Attention heads" },
  kvHeads: { kind: "int", min: 1, max: 1024, auto: "as many as --heads", help: "Heads of keys and values" },
  dim: { kind: "int", min: 1, max: 2 ** 16, auto: PRESET, help: "Width of the hidden state" },
  feedForward: { kind: "int", min: 1, max: 2 ** 18, auto: "8/3 or 4 x --dim", help: "Width of the feed-forward layer" },
  untied: { kind: "flag", help: "Give Llama an output head of its own instead of the embedding" },
  context: { kind: "int", min: 2, max: 2 ** 20, auto: PRESET, help: "Tokens the model sees at once" },
  tokenizer: { kind: "choice", choices: ["bpe", "char"], default: "bpe", help: "Byte pairs, or single characters" },
  vocab: { kind: "int", min: 257, max: 2 ** 22, auto: PRESET, help: "Tokens in the vocabulary of --tokenizer bpe" },
  batch: { kind: "int", min: 1, max: 2 ** 16, auto: PRESET, help: "Rows computed at once" },
  accumulation: RUN_OPTIONS.accumulation,
  checkpointing: RUN_OPTIONS.checkpointing,
  lr: {
    kind: "number",
    min: 0,
    max: 10,
    auto: "0.36 / --dim, at most 0.005; 0.01 with Muon",
    help: "Peak learning rate",
  },
  optimizer: {
    kind: "choice",
    choices: ["adamw", "muon"],
    default: "adamw",
    help: "AdamW for everything, or Muon for the matrices of the blocks",
  },
  muonLr: { kind: "number", min: 0, max: 10, auto: `${MUON_LR}`, help: "Muon's peak learning rate, in step with --lr" },
  minLr: RUN_OPTIONS.minLr,
  warmup: RUN_OPTIONS.warmup,
  schedule: RUN_OPTIONS.schedule,
  weightDecay: { kind: "number", min: 0, max: 10, default: 0.1, help: "Decoupled decay of matrices" },
  beta1: RUN_OPTIONS.beta1,
  beta2: { kind: "number", min: 0, max: 0.999999, default: 0.99, help: "AdamW's memory of squared gradients" },
  clip: RUN_OPTIONS.clip,
  valFraction: { kind: "number", min: 0, max: 0.5, default: 0.1, help: "Part of the text that only validates" },
  evalEvery: {
    kind: "int",
    min: 0,
    max: 1e9,
    auto: "a tenth of the steps",
    help: "Steps between validations; 0 for none",
  },
  evalTokens: { kind: "int", min: 1, max: 1e12, default: 2 ** 15, help: "Most tokens of a validation on the way" },
  prompt: { kind: "text", placeholder: "TEXT", help: "Continue this at each validation, to watch it learn" },
  checkpointEvery: RUN_OPTIONS.checkpointEvery,
  keep: RUN_OPTIONS.keep,
  seed: RUN_OPTIONS.seed,
  strict: { kind: "flag", help: "Refuse text that is no UTF-8 instead of replacing what is not" },
  threads: RUN_OPTIONS.threads,
} as const satisfies OptionSpecs;

/** Options as `train` takes them. */
export type TrainOptions = GivenOptions<typeof TRAIN_OPTIONS>;

/** Options with everything decided but the length, which may depend on the speed. */
export type DecidedOptions = OptionValues<typeof TRAIN_OPTIONS> &
  Required<
    Pick<
      OptionValues<typeof TRAIN_OPTIONS>,
      "out" | "layers" | "heads" | "kvHeads" | "dim" | "context" | "batch" | "lr" | "minLr" | "threads"
    >
  >;

/** Decides what does not depend on the text. Throws BAD_OPTION for values out of range or at odds with each other. */
export function decideOptions(
  given: TrainOptions,
  cpuThreads: number,
  showName?: (name: string) => string,
): DecidedOptions {
  const options = readOptions(TRAIN_OPTIONS, given, showName);
  const name = showName ?? ((plain: string) => plain);
  if (options.out === undefined) fail("BAD_OPTION", `${name("out")}: got nothing, expected a folder for the model`);
  const lengths = (["steps", "epochs", "minutes"] as const).filter((key) => options[key] !== undefined);
  if (lengths.length > 1)
    fail("BAD_OPTION", `${lengths.map(name).join(" and ")}: expected one of them: they all say how long to train`);
  const sizes = PRESETS[options.preset];
  const dim = options.dim ?? sizes.dim;
  const heads = options.heads ?? nearestDivisor(dim, sizes.heads);
  const byPairs = options.tokenizer === "bpe";
  if (!byPairs && options.vocab !== undefined)
    fail("BAD_OPTION", `${name("vocab")}: characters have as many tokens as the text has. Leave it out`);
  const { vocab, ...others } = sizes;
  return {
    ...others,
    ...(byPairs && { vocab }),
    ...options,
    out: options.out!,
    dim,
    heads,
    kvHeads: options.kvHeads ?? heads,
    ...decideRates(options, dim, name),
    threads: options.threads ?? cpuThreads,
  };
}

/** Peak and last learning rates. */
function decideRates(
  { optimizer, ...given }: Pick<OptionValues<typeof TRAIN_OPTIONS>, "optimizer" | "lr" | "minLr" | "muonLr">,
  dim: number,
  name: (plain: string) => string,
): { lr: number; minLr: number; muonLr?: number } {
  const lr = given.lr ?? (optimizer === "muon" ? BESIDE_MUON_LR : Math.min(0.005, 0.36 / dim));
  const minLr = given.minLr ?? lr / 10;
  if (minLr > lr) fail("BAD_OPTION", `${name("minLr")}: got ${minLr}, expected at most ${name("lr")} ${lr}`);
  const muon = `${name("optimizer")} muon`;
  if (optimizer === "adamw" && given.muonLr !== undefined)
    fail("BAD_OPTION", `${name("muonLr")}: AdamW has ${name("lr")} alone. Leave it out, or add ${muon}`);
  if (optimizer === "adamw") return { lr, minLr };
  if (lr === 0)
    fail("BAD_OPTION", `${name("lr")}: got 0, expected more: with ${muon} both rates rise and fall together`);
  return { lr, minLr, muonLr: given.muonLr ?? MUON_LR };
}

/** The divisor of `whole` that is nearest to `wanted`, the smaller of two. */
function nearestDivisor(whole: number, wanted: number): number {
  for (let distance = 0; distance < wanted; distance++)
    for (const candidate of [wanted - distance, wanted + distance])
      if (candidate <= whole && whole % candidate === 0 && (whole / candidate) % 2 === 0) return candidate;
  return 1;
}

/** What depends on the number of steps. */
export interface Intervals {
  readonly warmup: number;
  readonly evalEvery: number;
}

/** Decides the intervals of a run of `steps`. */
export function decideIntervals(options: Pick<DecidedOptions, "warmup" | "evalEvery">, steps: number): Intervals {
  return {
    warmup: options.warmup ?? Math.min(2000, Math.ceil(steps / 20)),
    evalEvery: options.evalEvery ?? Math.max(1, Math.ceil(steps / 10)),
  };
}
