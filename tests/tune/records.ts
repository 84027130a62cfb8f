/** A record of a small run, for the pages that are made of it. */
import { decideTune } from "../../src/tune/options.ts";
import type { TuneRecord } from "../../src/tune/record.ts";
import { tuneSettings } from "../../src/tune/settings.ts";
import { decideLength } from "../../src/tune/sizes.ts";

const decided = decideTune({ out: "out/weekly", method: "full" }, 2);
const options = decideLength(
  decided,
  { width: 128, rows: 100, rowTokens: 128, maxLength: 128, rowsOfExample: 1 },
  (name) => name,
);
const report = {
  files: ["data.jsonl"],
  shape: "completion",
  alsoShapes: [],
  records: 120,
  badCount: 1,
  badReasons: { "is no JSON": 1 },
  badRecords: ["data.jsonl: line 3: is no JSON"],
  examples: 119,
  kept: 118,
  dropped: { "no token carries loss": 1 },
  droppedExamples: [],
  truncated: 2,
  cutTokens: 9,
  tokens: 5000,
  lossTokens: 900,
  lengths: { p50: 30, p95: 44, max: 61 },
} as unknown as TuneRecord["data"]["report"];
const sample = { prompt: "every week", expected: "0 0 * * 1" };

export const record = {
  command: "ownlm tune base data.jsonl --method full --out out/weekly",
  finishedAt: "2025-11-25T15:00:00.000Z",
  settings: tuneSettings({
    base: { name: "base", folder: "base", fingerprint: "f" },
    data: ["/data/data.jsonl"],
    options,
    tokens: "t",
    command: "",
    date: "2025-11-25T14:50:00.000Z",
    model: { model_type: "llama" },
  } as Parameters<typeof tuneSettings>[0]),
  data: {
    event: "data",
    report,
    trainExamples: 106,
    valExamples: 12,
    rows: 40,
    rowTokens: 128,
    filled: 0.97,
    example: {
      at: "data.jsonl: line 1",
      tokens: 12,
      lossTokens: 5,
      parts: [
        { text: "every week", loss: false },
        { text: " 0 0 * * 1", loss: true },
      ],
    },
  },
  start: {
    event: "start",
    out: "out/weekly",
    base: "base",
    model: "llama",
    method: "full",
    objective: "sft",
    parameters: 750_592,
    trainedParameters: 750_592,
    plannedBytes: 4e8,
    availableBytes: 2e10,
    batch: 16,
    rowTokens: 128,
    accumulation: 1,
    tokensPerStep: 2048,
    resumedFrom: 0,
    steps: 20,
    epochs: 3,
    lr: 0.003,
    tokensPerSecond: 30_000,
    minutes: 0.1,
  },
  steps: [],
  evals: [],
  before: { event: "samples", step: 0, when: "before", samples: [{ ...sample, text: "no" }], exactMatch: 0 },
  after: { event: "samples", step: 20, when: "after", samples: [{ ...sample, text: "0 0 * * 1" }], exactMatch: 0.75 },
  done: {
    event: "done",
    out: "out/weekly",
    result: "model",
    step: 20,
    resultStep: 20,
    loss: 0.2,
    valLoss: 0.25,
    valLossBefore: 1.5,
    tokenAccuracy: 0.93,
    exactMatch: 0.75,
    exactMatchBefore: 0,
    stoppedEarly: false,
    trainedParameters: 750_592,
    seconds: 61,
  },
} as unknown as TuneRecord;
