/** What a plan can be asked for: declared once, for the command line and the library. */
import type { OptionSpecs } from "../base/options.ts";
import { GPUS } from "./gpus.ts";

const NAMES = [...GPUS.keys()] as [string, ...string[]];

/** Options of `plan`. */
export const PLAN_OPTIONS = {
  tokens: {
    kind: "number",
    min: 1,
    max: 1e18,
    auto: "as published, else 20 a parameter",
    help: "Tokens to train on, such as 15e12",
  },
  gpu: { kind: "choice", choices: NAMES, auto: "as published, else h100", help: "Accelerator to plan for" },
  gpus: { kind: "int", min: 1, max: 1e6, auto: "the fewest that fit", help: "How many of them" },
  days: { kind: "number", min: 0.001, max: 1e6, help: "Train within this long: how many are needed" },
  utilisation: {
    kind: "number",
    min: 0.001,
    max: 1,
    auto: "as published, else 0.342",
    help: "Share of the peak that training reaches, interruptions included",
  },
  price: {
    kind: "number",
    min: 0,
    max: 1e6,
    auto: "a round figure for each kind",
    help: "US dollars for an hour of one accelerator",
  },
  context: {
    kind: "int",
    min: 1,
    max: 2 ** 31 - 1,
    auto: "the model's own, at most 8192",
    help: "Tokens of a sequence",
  },
  batch: { kind: "int", min: 1, max: 2 ** 20, default: 1, help: "Sequences on each device at once" },
  rank: { kind: "int", min: 1, max: 65536, default: 16, help: "Rank of LoRA's matrices" },
} as const satisfies OptionSpecs;
