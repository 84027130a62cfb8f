/** Writes the example's files: `node dist/examples/schedules/make.js FOLDER [SEED]`. */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { jsonLines, scheduleRecords } from "./data.ts";
import { timeProse } from "./prose.ts";

/** How much is written. */
export const SIZES = { prose: 1_200_000, train: 20_000, test: 500 } as const;

/** `prose.jsonl` for the base model; `train.jsonl` and `test.jsonl` of prompts and completions. */
export function makeFiles(folder: string, seed = 1): void {
  fs.mkdirSync(folder, { recursive: true });
  const prose = timeProse(seed, SIZES.prose).map((text) => `${JSON.stringify({ text })}\n`);
  fs.writeFileSync(path.join(folder, "prose.jsonl"), prose.join(""));
  for (const split of ["train", "test"] as const)
    fs.writeFileSync(
      path.join(folder, `${split}.jsonl`),
      jsonLines(scheduleRecords({ seed, split, count: SIZES[split] })),
    );
}

if (import.meta.filename === process.argv[1]) makeFiles(process.argv[2] ?? "schedules", Number(process.argv[3] ?? 1));
