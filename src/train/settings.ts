/** The one file that says what a run is: train.json, everything resolved. Knows no tensors. */
import { fail, messageOf } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { readJson } from "../weights/folder.ts";
import { writeText } from "../weights/safetensors.ts";
import { type DecidedOptions, type Intervals, TRAIN_OPTIONS, type TrainOptions } from "./options.ts";

/** The version of train.json; a newer one is refused. */
const FORMAT = 1;
const FILE = "train.json";

/** Options with nothing left open. */
export type RunOptions = DecidedOptions & Intervals & { readonly steps: number };

/** A run, as train.json keeps it. */
export interface RunSettings {
  readonly format: typeof FORMAT;
  /** Absolute paths. */
  readonly texts: readonly string[];
  readonly options: RunOptions;
  /** The fingerprint of its tokens. */
  readonly data: string;
  /** The content of config.json. */
  readonly model: JsonObject;
}

/** Settings of a new run. */
export function runSettings(parts: Omit<RunSettings, "format">): RunSettings {
  return { format: FORMAT, ...parts };
}

/** Names that a run writes. A folder that has any of them but no run is somebody's model. */
const RUN_FILES = [FILE, "config.json", "tokenizer.json", "model.safetensors", "checkpoints", "log.jsonl"];

/** True when a folder holds a run. */
export function holdsRun(host: Host, out: string): boolean {
  return host.kindOf(host.join(out, FILE)) === "file";
}

/** Throws EXISTS when a new run would overwrite something in `out`. */
export function requireFree(host: Host, out: string): void {
  if (holdsRun(host, out))
    fail("EXISTS", `${out}: holds a run already. Continue it with --resume, or choose another --out`);
  if (!["folder", undefined].includes(host.kindOf(out)))
    fail("EXISTS", `${out}: is a file, expected a folder. Choose another --out`);
  const found = RUN_FILES.find((name) => host.kindOf(host.join(out, name)) !== undefined);
  if (found !== undefined) fail("EXISTS", `${out}: holds ${found} already. Choose another --out`);
}

/** Writes train.json. From then on the folder holds a run. */
export function saveSettings(host: Host, out: string, settings: RunSettings): void {
  writeText(host, host.join(out, FILE), `${JSON.stringify(settings, null, 2)}\n`);
  host.syncFolder(out);
}

/** Reads train.json. Throws BAD_CHECKPOINT when it is not one. */
export function readSettings(host: Host, out: string): RunSettings {
  const file = host.join(out, FILE);
  const json = readJson(host, file);
  const bad = (what: string) => fail("BAD_CHECKPOINT", `${file}: ${what}`);
  if (!isJsonObject(json)) return bad("got no JSON object, expected the settings of a run");
  if (json.format !== FORMAT) bad(`format: got ${JSON.stringify(json.format)}, expected ${FORMAT}`);
  if (!Array.isArray(json.texts) || !json.texts.every((text) => typeof text === "string" && text !== ""))
    bad("texts: expected a list of paths");
  if (!isJsonObject(json.options)) return bad("options: expected an object");
  if (!isJsonObject(json.model)) bad("model: expected an object");
  if (typeof json.data !== "string") bad("data: expected a fingerprint");
  return { ...(json as unknown as RunSettings), options: checkedOptions(json.options, file) };
}

/** What every run has decided. */
const DECIDED: readonly (keyof RunOptions)[] = [
  ...(["layers", "heads", "kvHeads", "dim", "context", "batch", "lr", "minLr", "threads"] as const),
  ...(["out", "steps", "warmup", "evalEvery"] as const),
];

function checkedOptions(json: JsonObject, file: string): RunOptions {
  try {
    const options = readOptions(TRAIN_OPTIONS, json, (name) => `${file}: options.${name}`);
    const missing = DECIDED.find((name) => options[name] === undefined);
    if (missing) fail("BAD_CHECKPOINT", `${file}: options.${missing} is missing`);
    return options as RunOptions;
  } catch (error) {
    return fail("BAD_CHECKPOINT", messageOf(error), error);
  }
}

/** May differ when a run is continued: they change nothing of what is computed. */
const FREE: ReadonlySet<string> = new Set(["keep", "checkpointEvery", "checkpointing", "strict"]);
/** Where and that a run is continued are not among its settings. */
const CALL: ReadonlySet<string> = new Set(["out", "resume"]);

/**
 * The settings of a run that is continued in `out`, which may have moved, with those given that may differ. Throws
 * BAD_OPTION where somebody asks to continue it as another one.
 */
export function continuedSettings(
  settings: RunSettings,
  out: string,
  given: TrainOptions,
  showName: (name: string) => string,
): RunSettings {
  const recorded: Readonly<Record<string, unknown>> = { ...settings.options };
  const asked = Object.entries(given).filter(([name, value]) => value !== undefined && !CALL.has(name));
  for (const [name, value] of asked) {
    if (FREE.has(name) || value === recorded[name]) continue;
    const begun = recorded[name] ?? "none";
    fail(
      "BAD_OPTION",
      `${showName(name)}: got ${value}, but the run was begun with ${begun}. Leave it out with --resume`,
    );
  }
  const free = Object.fromEntries(asked.filter(([name]) => FREE.has(name)));
  return { ...settings, options: { ...settings.options, ...free, out } };
}

/** Throws BAD_CHECKPOINT where a run's model is not the one that its options make, as far as both tell. */
export function requireMade(model: JsonObject, expected: JsonObject, where: string): void {
  for (const [key, value] of Object.entries(expected)) {
    const [got, made] = [JSON.stringify(model[key]), JSON.stringify(value)];
    if (got !== undefined && got !== made)
      fail("BAD_CHECKPOINT", `${where}: model.${key}: got ${got.slice(0, 60)}, and its options make it ${made}`);
  }
}
