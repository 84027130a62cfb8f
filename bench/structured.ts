/**
 * What a form of the text costs a step of decoding: `node dist/bench/structured.js MODEL [--json] [--tokens 150] [--quantize 4|8]`.
 * Step and mask are timed in the same run; the texts are drawn at temperature 1, which meets more of a grammar than greedy text
 * does. "cold" texts meet masks for the first time, "warm" ones follow with another seed.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { fail } from "../src/base/errors.ts";
import { type OpenModel, openModel, openRuntimeFor } from "../src/generate/load.ts";
import { createSampler } from "../src/generate/sampler.ts";
import { constraintFor, type TextForm } from "../src/generate/structured.ts";
import { host } from "../src/host/node.ts";
import { median } from "./measure.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    tokens: { type: "string", default: "150" },
    quantize: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 60 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    email: { type: "string", format: "email" },
    tags: { type: "array", items: { type: "string" }, maxItems: 5 },
    score: { type: "number", minimum: 0, maximum: 1 },
    note: { type: "string" },
  },
  required: ["name", "age", "email", "tags", "score", "note"],
};
const FORMS: Readonly<Record<string, TextForm>> = {
  schema: { jsonSchema: JSON.stringify(PERSON) },
  json: { responseFormat: { type: "json_object" } },
  regex: { regex: "([A-Z][a-z]{2,12} ){4,20}\\d{3}-\\d{4}" },
  lines: {
    grammar:
      'root ::= line{3,40}\nline ::= [a-z]+ " = " (number | string) "\\n"\nnumber ::= [0-9]{1,9}\nstring ::= "\'" [^\'\\n]* "\'"',
  },
};

interface Row {
  readonly form: string;
  readonly masks: "cold" | "warm";
  readonly tokens: number;
  readonly compileMs: number;
  readonly stepMs: number;
  readonly maskMs: number;
  readonly medianMaskMs: number;
  readonly maskPerStep: number;
}

/** One text of a form. */
async function measured(model: OpenModel, name: string, masks: Row["masks"], most: number): Promise<Row> {
  const prompt = [1, 2, 3, 4, 5];
  const { eosTokenIds } = model.defaults;
  const start = performance.now();
  const constraint = constraintFor(
    FORMS[name]!,
    () => model.tokenizer!,
    eosTokenIds,
    prompt.length === 0 ? [] : prompt,
  )!;
  const compileMs = performance.now() - start;
  const span = { promptIds: prompt, maxNewTokens: most };
  const sample = createSampler({ temperature: 1, seed: masks === "cold" ? 7 : 8 }, span);
  const seen = [...prompt];
  const [steps, costs]: [number[], number[]] = [[], []];
  using loan = model.borrow();
  let pending: readonly number[] = prompt;
  while (steps.length < most) {
    const begin = performance.now();
    const logits = await loan.engine.append(pending);
    const ran = performance.now();
    constraint.process(logits, seen);
    const cut = performance.now();
    const id = sample(logits, seen);
    if (pending !== prompt) {
      steps.push(ran - begin);
      costs.push(cut - ran);
    }
    seen.push(id);
    if (eosTokenIds.includes(id) || constraint.isFinished(seen)) break;
    pending = [id];
  }
  const mean = (ms: readonly number[]) => ms.reduce((sum, x) => sum + x, 0) / ms.length;
  const [stepMs, maskMs] = [mean(steps), mean(costs)];
  return {
    form: name,
    masks,
    tokens: steps.length,
    compileMs,
    stepMs,
    maskMs,
    medianMaskMs: median(costs),
    maskPerStep: maskMs / stepMs,
  };
}

const folder = positionals[0] ?? fail("USAGE", "structured: got no model");
const quantize = values.quantize === undefined ? undefined : (Number(values.quantize) as 4 | 8);
const runtime = await openRuntimeFor(host);
using model = await openModel(host, runtime, folder, { threads: Number(values.threads), quantize, context: 1024 });
const rows: Row[] = [];
for (const form of Object.keys(FORMS))
  for (const masks of ["cold", "warm"] as const) rows.push(await measured(model, form, masks, Number(values.tokens)));
const result = { model: folder, rows };
process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, undefined, 2)}\n`);
