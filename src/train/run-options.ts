/** Options that every run of steps has, from nothing or of a model that is there. Knows no verb. */
import type { OptionSpecs } from "../base/options.ts";
import { SCHEDULES } from "../optim/schedule.ts";

/** To be declared among a verb's own, each where it belongs. */
export const RUN_OPTIONS = {
  resume: { kind: "flag", help: "Continue the run in --out from its last whole checkpoint, to the same last bit" },
  accumulation: { kind: "int", min: 1, max: 2 ** 16, default: 1, help: "Batches whose gradients make one step" },
  checkpointing: { kind: "flag", help: "Save memory: compute activations again in the backward pass" },
  minLr: { kind: "number", min: 0, max: 10, auto: "a tenth of --lr", help: "Learning rate at the end" },
  warmup: { kind: "int", min: 0, max: 1e9, auto: "a twentieth of the steps", help: "Steps of rising learning rate" },
  schedule: { kind: "choice", choices: SCHEDULES, default: "cosine", help: "How the learning rate falls" },
  beta1: { kind: "number", min: 0, max: 0.999999, default: 0.9, help: "AdamW's memory of gradients" },
  clip: { kind: "number", min: 0, max: 1e6, default: 1, help: "Largest norm of the gradients; 0 for any" },
  checkpointEvery: {
    kind: "int",
    min: 0,
    max: 1e9,
    auto: "about a minute",
    help: "Steps between checkpoints; 0 for none",
  },
  keep: { kind: "int", min: 1, max: 1000, default: 2, help: "Newest checkpoints that are kept" },
  seed: { kind: "int", min: 0, max: Number.MAX_SAFE_INTEGER, default: 0, help: "Seed of everything random" },
  threads: { kind: "int", min: 1, max: 256, auto: "the number of cores", help: "Threads" },
} as const satisfies OptionSpecs;
