/** PEFT's adapter_config.json for LoRA (as peft 0.21 writes it): what it says, and a refusal by key of what cannot be honoured. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";

export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** What an adapter is: sizes, scales and the modules it belongs to, by PEFT's meanings. */
export interface AdapterConfig {
  /** r: the width between the two matrices where `rankPattern` says nothing. */
  readonly rank: number;
  readonly alpha: number;
  /** 0 to below 1; it matters in training only. */
  readonly dropout: number;
  /** Scales by alpha / sqrt(r) instead of alpha / r. */
  readonly rsLora: boolean;
  readonly dora: boolean;
  /** True where B has a bias. */
  readonly loraBias: boolean;
  /** Which biases of the base were trained. */
  readonly bias: "none" | "all" | "lora_only";
  /** Ends of modules' names, or one regular expression; empty where the config leaves it open. */
  readonly targets: readonly string[] | string;
  /** Ends of names of modules that were trained whole. */
  readonly modulesToSave: readonly string[];
  /** Ranks and alphas of their own, by patterns of modules' names. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** An embedding that is the head too stays so when it is trained. */
  readonly ensureWeightTying: boolean;
  /** What the config says of the layout of weights; the base model decides. */
  readonly fanInFanOut: boolean;
  readonly taskType?: string | undefined;
  /** A folder or a hub's id. */
  readonly baseModel?: string | undefined;
  readonly revision?: string | undefined;
}

/** A config with PEFT's defaults for what is not given. */
export function adapterConfig(given: Partial<AdapterConfig> & Pick<AdapterConfig, "rank" | "targets">): AdapterConfig {
  return {
    alpha: 8,
    dropout: 0,
    rsLora: false,
    dora: false,
    loraBias: false,
    bias: "none",
    modulesToSave: [],
    rankPattern: {},
    alphaPattern: {},
    ensureWeightTying: false,
    fanInFanOut: false,
    ...given,
  };
}

/** Ways to begin that change the base's weights: without those of the beginning the adapter means nothing. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq|lora_ga)/;

/** Keys that only tell how training began or who wrote the file. Whatever they hold, the adapter is what its tensors are. */
const NO_MATTER = new Set([
  "auto_mapping",
  "corda_config",
  "eva_config",
  "exclude_modules",
  "inference_mode",
  "init_lora_weights",
  "layers_pattern",
  "layers_to_transform",
  "loftq_config",
  "lora_ga_config",
  "megatron_core",
  "peft_version",
  "qalora_group_size",
  "runtime_config",
]);

const READ = new Set([
  "alpha_pattern",
  "base_model_name_or_path",
  "bias",
  "ensure_weight_tying",
  "fan_in_fan_out",
  "lora_alpha",
  "lora_bias",
  "lora_dropout",
  "modules_to_save",
  "peft_type",
  "r",
  "rank_pattern",
  "revision",
  "target_modules",
  "task_type",
  "use_dora",
  "use_rslora",
]);

/**
 * Reads a parsed adapter_config.json. Throws BAD_CONFIG naming file and key for what is no such value, and UNSUPPORTED
 * for adapters of another kind than LoRA and for every key, of this version of PEFT or a later one, that asks for more
 * than this version does. Keys that are null, false or empty ask for nothing.
 */
export function readAdapterConfig(json: unknown, where: string): AdapterConfig {
  if (!isJsonObject(json)) return fail("BAD_CONFIG", `${where}: got no JSON object, expected an adapter's config`);
  const r = reader(json, where);
  refuseOthers(json, where);
  const bias = r.text("bias") ?? "none";
  if (r.bool("use_dora") && r.bool("lora_bias"))
    fail("UNSUPPORTED", `${where}: lora_bias: this version has no bias in adapters with use_dora`);
  if (bias !== "none" && bias !== "all" && bias !== "lora_only") return r.bad("bias", "none, all or lora_only");
  return {
    rank: r.rank("r", r.get("r") ?? 8),
    alpha: r.number("lora_alpha", r.get("lora_alpha") ?? 8),
    dropout: r.dropout(),
    rsLora: r.bool("use_rslora"),
    dora: r.bool("use_dora"),
    loraBias: r.bool("lora_bias"),
    bias,
    targets: r.targets(),
    modulesToSave: r.texts("modules_to_save"),
    rankPattern: r.pattern("rank_pattern", r.rank),
    alphaPattern: r.pattern("alpha_pattern", r.number),
    ensureWeightTying: r.bool("ensure_weight_tying"),
    fanInFanOut: r.bool("fan_in_fan_out"),
    taskType: r.text("task_type"),
    baseModel: r.text("base_model_name_or_path"),
    revision: r.text("revision"),
  };
}

function refuseOthers(json: JsonObject, where: string): void {
  const refuse = (key: string, what: string): never =>
    fail("UNSUPPORTED", `${where}: ${key}: got ${showJson(json[key])}, and ${what}`);
  if (json.peft_type !== "LORA") refuse("peft_type", 'this version reads adapters of peft_type "LORA" only');
  const task = json.task_type ?? "CAUSAL_LM";
  if (task !== "CAUSAL_LM") refuse("task_type", 'this version runs adapters of task_type "CAUSAL_LM" only');
  const start = json.init_lora_weights;
  if (typeof start === "string" && CHANGES_BASE.test(start))
    refuse(
      "init_lora_weights",
      "such a start changes the base model's weights, which are not here. In Python, save_pretrained with path_initial_model_for_weight_conversion writes an adapter of the base model as it was.",
    );
  for (const [key, value] of Object.entries(json))
    if (!READ.has(key) && !NO_MATTER.has(key) && asksForMore(value)) refuse(key, "this version knows no such adapters");
}

function asksForMore(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}

function reader(json: JsonObject, where: string) {
  const get = (key: string): unknown => (Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined);
  const wrong = (key: string, got: unknown, expected: string): never =>
    fail("BAD_CONFIG", `${where}: ${key}: got ${showJson(got)}, expected ${expected}`);
  const bad = (key: string, expected: string): never => wrong(key, get(key), expected);
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "");
  const rank = (key: string, value: unknown): number =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_RANK
      ? (value as number)
      : wrong(key, value, `a whole number from 1 to ${MAX_RANK}`);
  const number = (key: string, value: unknown): number =>
    typeof value === "number" && Number.isFinite(value) ? value : wrong(key, value, "a finite number");
  return {
    get,
    bad,
    rank,
    number,
    bool(key: string): boolean {
      const value = get(key) ?? false;
      return typeof value === "boolean" ? value : bad(key, "true or false");
    },
    text(key: string): string | undefined {
      const value = get(key);
      return value === undefined || typeof value === "string" ? value : bad(key, "a string or null");
    },
    texts(key: string): readonly string[] {
      const value = get(key) ?? [];
      return isTexts(value) ? value : bad(key, "a list of modules' names");
    },
    dropout(): number {
      const value = number("lora_dropout", get("lora_dropout") ?? 0);
      return value >= 0 && value < 1 ? value : bad("lora_dropout", "0 to below 1");
    },
    targets(): readonly string[] | string {
      const value = get("target_modules") ?? [];
      return typeof value === "string" || isTexts(value) ? value : bad("target_modules", "names of modules");
    },
    pattern(key: string, read: (key: string, value: unknown) => number): Readonly<Record<string, number>> {
      const value = get(key) ?? {};
      if (!isJsonObject(value)) return bad(key, "an object of numbers by modules' names");
      const entries = Object.entries(value).map(([name, each]) => {
        if (!isPlainPattern(name))
          fail("UNSUPPORTED", `${where}: ${key}: got the pattern ${showJson(name)}, and ${PLAIN_PATTERNS}`);
        return [name, read(`${key}: ${showJson(name)}`, each)] as const;
      });
      return Object.fromEntries(entries);
    },
  };
}

const MAX_RANK = 65_536;

const PLAIN_PATTERNS =
  "this version knows names of modules and, as wild cards, `.*` and `\\d+`: no other regular expressions";

/** Names, with few wild cards: nothing that takes time beyond measure to match, or that Python and JavaScript see differently. */
function isPlainPattern(pattern: string): boolean {
  const wild = pattern.match(/\.\*|\\d\+/g)?.length ?? 0;
  return pattern.length <= 200 && wild <= 3 && /^\^?(?:[\w-]|\\\.|\.\*?|\\d\+)+\$?$/.test(pattern);
}

/** What the first pattern that fits a module's name gives it: all of the name, or its last parts (PEFT's `get_pattern_key`). */
function fromPattern(pattern: Readonly<Record<string, number>>, module: string): number | undefined {
  for (const [key, value] of Object.entries(pattern))
    if (new RegExp(`^(?:.*\\.)?(?:${key})$`).test(module)) return value;
  return undefined;
}

/** The rank of a module's matrices. */
export const rankOf = ({ rank, rankPattern }: AdapterConfig, module: string): number =>
  fromPattern(rankPattern, module) ?? rank;

/** The factor of a module's update: alpha / r, or alpha / sqrt(r) with rsLoRA (Kalajdzievski 2023). */
export function scaleOf(config: AdapterConfig, module: string): number {
  const rank = rankOf(config, module);
  const alpha = fromPattern(config.alphaPattern, module) ?? config.alpha;
  return alpha / (config.rsLora ? Math.sqrt(rank) : rank);
}

/** True for a module that `names` end the name of, as PEFT matches `target_modules` and `modules_to_save`. */
export const endsWithAny = (module: string, names: readonly string[]): boolean =>
  names.some((name) => module === name || module.endsWith(`.${name}`));

/** The content of adapter_config.json, with every key that PEFT 0.21 writes, in its order. */
export function adapterConfigJson(config: AdapterConfig): JsonObject {
  return {
    alora_invocation_tokens: null,
    alpha_pattern: config.alphaPattern,
    arrow_config: null,
    auto_mapping: null,
    base_model_name_or_path: config.baseModel ?? null,
    bias: config.bias,
    corda_config: null,
    ensure_weight_tying: config.ensureWeightTying,
    eva_config: null,
    exclude_modules: null,
    fan_in_fan_out: config.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    kasa_config: null,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_bias: config.loraBias,
    lora_dropout: config.dropout,
    lora_ga_config: null,
    megatron_config: null,
    megatron_core: "megatron.core",
    modules_to_save: config.modulesToSave.length > 0 ? config.modulesToSave : null,
    monteclora_config: null,
    peft_type: "LORA",
    peft_version: "0.21.2",
    qalora_group_size: 16,
    r: config.rank,
    rank_pattern: config.rankPattern,
    revision: config.revision ?? null,
    target_modules: config.targets,
    target_parameters: null,
    task_type: config.taskType ?? "CAUSAL_LM",
    trainable_token_indices: null,
    use_bdlora: null,
    use_dora: config.dora,
    use_qalora: false,
    use_rslora: config.rsLora,
    velora_config: null,
  };
}
