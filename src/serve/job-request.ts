/** A request for a fine-tune as a run of `tune`. Knows no files and no process. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import type { TuneOptions } from "../tune/options.ts";
import { defaultRate } from "../tune/sizes.ts";
import { readFields } from "./body.ts";

/** What a fine-tune is asked to be. */
export interface JobRequest {
  readonly trainingFile: string;
  readonly validationFile: string | undefined;
  readonly suffix: string | undefined;
  readonly seed: number;
  readonly kind: Kind;
  /** As they were given; "auto" where they were not. */
  readonly hyperparameters: JsonObject;
  readonly metadata: JsonObject | null;
}

type Kind = "supervised" | "dpo";

const CREATE = {
  seed: { kind: "int", min: 0, max: 2 ** 31 - 1, help: "Seed" },
} as const satisfies OptionSpecs;

const FIELDS = {
  options: CREATE,
  others: [
    ...["model", "training_file", "validation_file", "hyperparameters", "method", "suffix", "metadata"],
    "integrations",
  ],
  ignored: [],
};

/** Ranges of the hyperparameters, and whether they are whole numbers. */
const RANGES: Readonly<Record<string, readonly [min: number, max: number, whole: boolean]>> = {
  n_epochs: [1, 10_000, true],
  batch_size: [1, 4096, true],
  learning_rate_multiplier: [1e-6, 1e4, false],
  beta: [1e-6, 1e3, false],
};

/** Reads a request's body. Throws BAD_OPTION, UNSUPPORTED. */
export function readJobRequest(body: JsonObject): JobRequest {
  const { seed = 0 } = readFields(body, FIELDS);
  if (Array.isArray(body.integrations) && body.integrations.length > 0)
    fail("UNSUPPORTED", "integrations: this server has none. Leave it out");
  const [kind, hyperparameters] = methodOf(body);
  return {
    trainingFile: textOf(body, "training_file") ?? fail("BAD_OPTION", "training_file: expected the id of a file"),
    validationFile: textOf(body, "validation_file"),
    suffix: suffixOf(textOf(body, "suffix")),
    seed,
    kind,
    hyperparameters,
    metadata: metadataOf(body.metadata),
  };
}

/** Options of `tune` for a model of that width. */
export function tuneOptionsOf({ kind, hyperparameters, seed }: JobRequest, width: number): TuneOptions {
  const given = (name: string) => {
    const value = hyperparameters[name];
    return typeof value === "number" ? value : undefined;
  };
  const objective = kind === "dpo" ? "dpo" : "sft";
  const [epochs, batch, multiplier, beta] = ["n_epochs", "batch_size", "learning_rate_multiplier", "beta"].map(given);
  return {
    objective,
    seed,
    ...(epochs !== undefined && { epochs }),
    // A batch is counted in examples: one a row.
    ...(batch !== undefined && { batch, ...(objective === "sft" && { packing: "padded" as const }) }),
    ...(multiplier !== undefined && { lr: multiplier * defaultRate({ method: "lora", objective }, width) }),
    ...(beta !== undefined && { beta }),
  };
}

/** A line of a file in OpenAI's form of preferences, as `tune` reads it; others are as they are. */
export function trainingRecord(record: JsonObject): JsonObject {
  const { input, preferred_output: chosen, non_preferred_output: rejected } = record;
  if (!isJsonObject(input) || chosen === undefined || rejected === undefined) return record;
  return { prompt: input.messages, chosen, rejected, ...(input.tools !== undefined && { tools: input.tools }) };
}

function methodOf(body: JsonObject): [Kind, JsonObject] {
  const { method } = body;
  if (method === undefined || method === null)
    return ["supervised", hyperparametersOf(body.hyperparameters, "hyperparameters", "supervised")];
  if (!isJsonObject(method)) return fail("BAD_OPTION", `method: got ${showJson(method)}, expected an object`);
  const { type } = method;
  if (type !== "supervised" && type !== "dpo")
    return fail("UNSUPPORTED", `method.type: got ${showJson(type)}, expected supervised or dpo`);
  const other = Object.keys(method).find((key) => key !== "type" && key !== type);
  if (other !== undefined) fail("BAD_OPTION", `method: got ${showJson(other)} beside the type ${type}. Leave it out`);
  const own = method[type] ?? {};
  if (!isJsonObject(own)) return fail("BAD_OPTION", `method.${type}: got ${showJson(own)}, expected an object`);
  const given = own.hyperparameters ?? body.hyperparameters;
  return [type, hyperparametersOf(given, `method.${type}.hyperparameters`, type)];
}

function hyperparametersOf(given: unknown, where: string, kind: Kind): JsonObject {
  const names = Object.keys(RANGES).filter((name) => name !== "beta" || kind === "dpo");
  const values = given ?? {};
  if (!isJsonObject(values)) return fail("BAD_OPTION", `${where}: got ${showJson(values)}, expected an object`);
  const stray = Object.keys(values).find((name) => !names.includes(name));
  if (stray !== undefined) fail("BAD_OPTION", `${where}: got ${showJson(stray)}, expected ${names.join(", ")}`);
  return Object.fromEntries(
    names.map((name) => [name, checked(values[name] ?? "auto", `${where}.${name}`, RANGES[name]!)]),
  );
}

function checked(value: unknown, where: string, [min, max, whole]: readonly [number, number, boolean]): unknown {
  if (value === "auto") return value;
  const fits = typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value));
  if (!fits)
    fail(
      "BAD_OPTION",
      `${where}: got ${showJson(value)}, expected ${whole ? "a whole number" : "a number"} from ${min} to ${max}, or "auto"`,
    );
  return value;
}

function textOf(body: JsonObject, name: string): string | undefined {
  const value = body[name] ?? undefined;
  if (value !== undefined && typeof value !== "string")
    fail("BAD_OPTION", `${name}: got ${showJson(value)}, expected a text`);
  return value as string | undefined;
}

function suffixOf(suffix: string | undefined): string | undefined {
  if (suffix !== undefined && !/^[\w.-]{1,64}$/.test(suffix))
    fail("BAD_OPTION", `suffix: got ${showJson(suffix)}, expected 1 to 64 letters, digits, "-", "_" or "."`);
  return suffix;
}

function metadataOf(value: unknown): JsonObject | null {
  if (value === undefined || value === null) return null;
  const isFine =
    isJsonObject(value) &&
    Object.keys(value).length <= 16 &&
    Object.entries(value).every(([key, text]) => key.length <= 64 && typeof text === "string" && text.length <= 512);
  return isFine ? value : fail("BAD_OPTION", "metadata: expected at most 16 texts of at most 512 characters");
}
