/** A Hugging Face model as a GGUF file's: keys, and which weights make each tensor. The inverse of gguf.ts. Reads no file. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { printGraph } from "../graph/print.ts";
import type { Graph } from "../graph/types.ts";
import { trainingBuilder } from "../nn/builder.ts";
import { blockFormat } from "../weights/blocks.ts";
import type { GgufTensor } from "../weights/gguf.ts";
import type { GgufValue } from "../weights/gguf-values.ts";
import type { GgufField } from "../weights/gguf-write.ts";
import { ARCHITECTURES, ggufModel } from "./gguf.ts";
import type { GgufArchitecture, KeyPair } from "./gguf-architectures.ts";
import { statedConfig } from "./gguf-defaults.ts";
import { ropeFields, type SmallTensor } from "./gguf-rope-export.ts";
import { type Heads, inverseOrder, rowOrder, type TensorRule } from "./gguf-rules.ts";
import { modelFromConfig } from "./registry.ts";
import type { CausalLm } from "./types.ts";

/** A tensor to be written from weights of Hugging Face's. */
export interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The weights that make it, one after the other. */
  readonly weights: readonly string[];
  /** Row i is row `rows[i]` of the weight. */
  readonly rows?: Int32Array;
  /** The weight is (columns, rows) of it. */
  readonly transposed?: true;
  /** One is added to the weight. */
  readonly plusOne?: true;
}

/** What a file of the model holds besides its tokenizer. */
export interface GgufPlan {
  readonly architecture: string;
  readonly fields: readonly GgufField[];
  readonly tensors: readonly PlannedTensor[];
  /** Tensors that are no weights: divisors of the rotation. */
  readonly small: readonly SmallTensor[];
}

/**
 * The plan of a file. `shapes` are of the model's parameters, by Hugging Face's names. A reader of the file would get the
 * same graph: it is made and compared, and a model of which the format cannot say everything is UNSUPPORTED naming a key.
 */
export function ggufPlan(model: CausalLm, shapes: ReadonlyMap<string, readonly number[]>, where: string): GgufPlan {
  const config = statedConfig(model, shapes);
  const architecture = architectureFor(model.modelType, where);
  const { fields: rope, small } = ropeFields(architecture, config, where);
  const own = [...pairFields(architecture, config, where), ...(architecture.fields?.(config) ?? []), ...rope];
  const fields: GgufField[] = [
    { key: "general.architecture", type: "string", value: architecture.name },
    ...own.map((field) => ({ ...field, key: `${architecture.name}.${field.key}` })),
  ];
  const tensors = plannedTensors(architecture.rules(config), shapes, headsOf(model), where);
  const plan = { architecture: architecture.name, fields, tensors, small };
  checkSame(model, plan, where);
  return plan;
}

function architectureFor(modelType: string, where: string): GgufArchitecture {
  const all = [...ARCHITECTURES.values()];
  const known = all.flatMap(({ modelTypes }) => modelTypes).join(", ");
  return (
    all.find(({ modelTypes }) => modelTypes.includes(modelType)) ??
    fail("UNSUPPORTED", `${where}: model_type: got ${modelType}, and this version writes GGUF only of ${known}`)
  );
}

function headsOf(model: CausalLm): Heads {
  return { heads: Number(model.config.num_attention_heads ?? model.config.n_head), kvHeads: model.cache.kvHeads };
}

function pairFields({ pairs }: GgufArchitecture, config: JsonObject, where: string): GgufField[] {
  return pairs.flatMap(([key, hf, kind]: KeyPair): GgufField[] => {
    const value = config[hf] ?? undefined;
    if (value === undefined && kind.endsWith("?")) return [];
    if (kind === "bool" && typeof value === "boolean") return [{ key, type: "bool", value }];
    if (typeof value === "number" && Number.isFinite(value))
      return [{ key, type: kind.startsWith("int") ? "uint32" : "float32", value }];
    return fail(
      "BAD_CONFIG",
      `${where}: ${hf}: got ${JSON.stringify(value) ?? "nothing"}, which a GGUF file has to state`,
    );
  });
}

/** The first number in a name is a layer's, the second an expert's or a head's. */
function patternOf(name: string): { pattern: string; layer: string; expert: number } {
  const numbers = name.split(".").filter((part) => /^\d+$/.test(part));
  let seen = 0;
  const pattern = name.replace(/(?<=\.)\d+(?=\.)/g, () => ["{l}", "{e}"][seen++] ?? "?");
  return { pattern, layer: numbers[0] ?? "", expert: Number(numbers[1] ?? 0) };
}

function plannedTensors(
  rules: readonly TensorRule[],
  shapes: ReadonlyMap<string, readonly number[]>,
  heads: Heads,
  where: string,
): PlannedTensor[] {
  const byPattern = new Map(rules.map((rule) => [rule.hf, rule]));
  const stacks = new Map<string, { rule: TensorRule; weights: string[]; shape: readonly number[] }>();
  for (const [weight, shape] of shapes) {
    const { pattern, layer, expert } = patternOf(weight);
    const rule =
      byPattern.get(pattern) ?? fail("UNSUPPORTED", `${where}: ${weight}: a weight that GGUF has no name for`);
    const name = rule.gguf.replace("{l}", layer);
    const stack = stacks.get(name) ?? { rule, weights: [], shape };
    stack.weights[expert] = weight;
    stacks.set(name, stack);
  }
  return [...stacks].map(([name, { rule, weights, shape }]) => {
    const order = rowOrder(rule.via, shape[0]!, heads, `${where}: ${weights[0]}`);
    return {
      name,
      weights,
      shape: rule.via === "transposed" ? shape.toReversed() : rule.via === "stack" ? [weights.length, ...shape] : shape,
      ...(order && { rows: inverseOrder(order) }),
      ...(rule.via === "transposed" && { transposed: true as const }),
      ...(rule.via === "plusOne" && { plusOne: true as const }),
    };
  });
}

/** Throws UNSUPPORTED unless the file's model computes what this one does, to the last bit of every constant. */
function checkSame(model: CausalLm, plan: GgufPlan, where: string): void {
  const config = readBack(plan, where);
  const read = modelFromConfig(config, where);
  if (read.longAfter === model.longAfter && sameGraph(graphOf(model), graphOf(read))) return;
  const differing = Object.keys(config).filter(
    (key) => JSON.stringify(config[key]) !== JSON.stringify(model.config[key]),
  );
  fail(
    "UNSUPPORTED",
    `${where}: GGUF's ${plan.architecture} cannot state this model; look at ${differing.join(", ")} in config.json`,
  );
}

/** The config that a reader of the file gets. */
function readBack({ fields, tensors, small }: GgufPlan, where: string): JsonObject {
  const type = blockFormat("F32");
  const tensor = ({ name, shape }: { name: string; shape: readonly number[] }): [string, GgufTensor] => [
    name,
    { name, shape, type, file: where, offset: 0, length: 0 },
  ];
  const metadata = new Map(
    fields.map(({ key, type, value }): [string, GgufValue] => [
      key,
      type === "float32" ? Math.fround(value) : (value as GgufValue),
    ]),
  );
  const values = new Map(small.map(({ name, values }) => [name, values]));
  const all = new Map([...tensors, ...small].map(tensor));
  return ggufModel(metadata, all, where, ({ name }) => values.get(name)!, { rotation: "halves" }).config;
}

function graphOf(model: CausalLm): Graph {
  const b = trainingBuilder("model", 1, Math.min(model.maxPositions, 64));
  model.head(b, model.hidden(b));
  return b.graph;
}

function sameGraph(a: Graph, b: Graph): boolean {
  if (printGraph(a) !== printGraph(b)) return false;
  return a.constants.every(({ data }, i) => {
    const other = b.constants[i]!.data;
    const values: ArrayLike<unknown> = data;
    return data.length === other.length && Array.from(values).every((value, j) => Object.is(value, other[j]));
  });
}
