/** The one file that says what a fine-tuning run is: tune.json, everything resolved. Knows no tensors. */
import { fail, messageOf } from "../base/errors.ts";
import { shellPath } from "../base/format.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { flagName, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { readJson } from "../weights/folder.ts";
import { writeText } from "../weights/safetensors.ts";
import { type RunTune, TUNE_OPTIONS, type TuneOptions } from "./options.ts";

/** The version of tune.json; a newer one is refused. */
const FORMAT = 1;
const FILE = "tune.json";

/** A run, as tune.json keeps it. */
export interface TuneSettings {
  readonly format: typeof FORMAT;
  /** The model as it was named, where it was found, and a fingerprint of its weights. */
  readonly base: { readonly name: string; readonly folder: string; readonly fingerprint: string };
  /** Absolute paths. */
  readonly data: readonly string[];
  readonly options: RunTune;
  /** The fingerprint of the examples' tokens and masks. */
  readonly tokens: string;
  /** The chat template that the data went through, where there was one: its source. */
  readonly chatTemplate?: string;
  /** The command line that begins it. */
  readonly command: string;
  /** When the run was begun: the date of chat templates that write it. */
  readonly date: string;
  /** The content of config.json. */
  readonly model: JsonObject;
}

/** Settings of a new run. */
export function tuneSettings(parts: Omit<TuneSettings, "format">): TuneSettings {
  return { format: FORMAT, ...parts };
}

/** A command line that begins a run, as it can be pasted into a shell. */
export function commandOf(name: string, data: readonly string[], given: TuneOptions): string {
  const words = Object.entries(given).flatMap(([option, value]) => {
    if (value === undefined || value === false || option === "resume") return [];
    if (value === true) return [flagName(option)];
    return [value].flat().flatMap((each) => [flagName(option), shellPath(String(each))]);
  });
  return ["ownlm tune", ...[name, ...data].map(shellPath), ...words].join(" ");
}

/** True when a folder holds a run. */
export function holdsTune(host: Host, out: string): boolean {
  return host.kindOf(host.join(out, FILE)) === "file";
}

/** Names that a run writes. A folder that has any of them but no run is somebody's. */
const RUN_FILES = [
  ...[FILE, "train.json", "config.json", "tokenizer.json", "model.safetensors", "model.safetensors.index.json"],
  ...["adapter_config.json", "adapter_model.safetensors", "checkpoints", "log.jsonl"],
];

/** Throws EXISTS when a new run would overwrite something in `out`. */
export function requireEmpty(host: Host, out: string, showName: (name: string) => string): void {
  if (holdsTune(host, out))
    fail(
      "EXISTS",
      `${out}: holds a run already. Continue it with ${showName("resume")}, or choose another ${showName("out")}`,
    );
  if (!["folder", undefined].includes(host.kindOf(out)))
    fail("EXISTS", `${out}: is a file, expected a folder. Choose another ${showName("out")}`);
  const found = RUN_FILES.find((name) => host.kindOf(host.join(out, name)) !== undefined);
  if (found !== undefined) fail("EXISTS", `${out}: holds ${found} already. Choose another ${showName("out")}`);
}

/** Writes tune.json. From then on the folder holds a run. */
export function saveTune(host: Host, out: string, settings: TuneSettings): void {
  writeText(host, host.join(out, FILE), `${JSON.stringify(settings, null, 2)}\n`);
  host.syncFolder(out);
}

/** Reads tune.json. Throws BAD_CHECKPOINT when it is not one. */
export function readTune(host: Host, out: string): TuneSettings {
  const file = host.join(out, FILE);
  const json = readJson(host, file);
  const bad = (what: string) => fail("BAD_CHECKPOINT", `${file}: ${what}`);
  if (!isJsonObject(json)) return bad("got no JSON object, expected the settings of a run");
  if (json.format !== FORMAT) bad(`format: got ${JSON.stringify(json.format)}, expected ${FORMAT}`);
  if (!Array.isArray(json.data) || !json.data.every((path) => typeof path === "string" && path !== ""))
    bad("data: expected a list of paths");
  const { base, chatTemplate } = json;
  if (!isJsonObject(base) || [base.name, base.folder, base.fingerprint].some((text) => typeof text !== "string"))
    bad("base: expected a name, a folder and a fingerprint");
  if (!["string", "undefined"].includes(typeof chatTemplate)) bad("chatTemplate: expected a template");
  if (!isJsonObject(json.options)) return bad("options: expected an object");
  if (!isJsonObject(json.model)) bad("model: expected an object");
  if (typeof json.tokens !== "string") bad("tokens: expected a fingerprint");
  if (typeof json.command !== "string") bad("command: expected a text");
  if (Number.isNaN(Date.parse(String(json.date)))) bad("date: expected a date");
  return { ...(json as unknown as TuneSettings), options: checkedOptions(json.options, file) };
}

/** What every run has decided. */
const DECIDED: readonly (keyof RunTune)[] = [
  ...(["out", "threads", "maxLength", "steps", "batch", "lr", "minLr", "warmup", "evalEvery"] as const),
];

function checkedOptions({ rowTokens, ...json }: JsonObject, file: string): RunTune {
  try {
    const options = readOptions(TUNE_OPTIONS, json, (name) => `${file}: options.${name}`);
    const missing = DECIDED.find((name) => options[name as keyof typeof options] === undefined);
    if (missing) fail("BAD_CHECKPOINT", `${file}: options.${missing} is missing`);
    if (!Number.isSafeInteger(rowTokens) || (rowTokens as number) < 1)
      fail("BAD_CHECKPOINT", `${file}: options.rowTokens: got ${JSON.stringify(rowTokens)}, expected a whole number`);
    return { ...options, rowTokens } as RunTune;
  } catch (error) {
    return fail("BAD_CHECKPOINT", messageOf(error), error);
  }
}

/** May differ when a run is continued: they change nothing of what is computed. */
const FREE: ReadonlySet<string> = new Set(["keep", "checkpointEvery", "checkpointing", "strict"]);
/** Where and that a run is continued are not among its settings. */
const CALL: ReadonlySet<string> = new Set(["out", "resume"]);
/** Paths, which may have moved: their content is what counts. */
const PATHS: ReadonlySet<string> = new Set(["val", "prompts", "chatTemplate"]);

/**
 * The settings of a run that is continued in `out`, which may have moved, with those given that may differ. Throws
 * BAD_OPTION where somebody asks to continue it as another one.
 */
export function continuedTune(
  settings: TuneSettings,
  out: string,
  given: TuneOptions,
  showName: (name: string) => string,
): TuneSettings {
  const recorded: Readonly<Record<string, unknown>> = { ...settings.options };
  const asked = Object.entries(given).filter(([name, value]) => value !== undefined && !CALL.has(name));
  for (const [name, value] of asked) {
    if (FREE.has(name) || PATHS.has(name) || JSON.stringify(value) === JSON.stringify(recorded[name])) continue;
    const begun = recorded[name] ?? "none";
    fail(
      "BAD_OPTION",
      `${showName(name)}: got ${value}, but the run was begun with ${begun}. Leave it out with ${showName("resume")}`,
    );
  }
  const free = Object.fromEntries(asked.filter(([name]) => FREE.has(name) || PATHS.has(name)));
  return { ...settings, options: { ...settings.options, ...free, out } };
}
