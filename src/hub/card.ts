/** The README.md of a model: what it is, in the hub's form, from the model's own files. Says nothing that they do not. */
import { formatCount } from "../base/format.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { openWeights, readJson } from "../weights/folder.ts";

/**
 * A card for a model folder: front matter for the hub's filters, size and shape, and how to run it. License, language
 * and data are for its owner to add. Throws what reading config.json and the weights throws.
 */
export function modelCard(host: Host, folder: string, id: string): string {
  const config = readJson(host, host.join(folder, "config.json"));
  const facts = isJsonObject(config) ? config : {};
  const weights = [...openWeights(host, folder).values()];
  const parameters = weights.reduce((sum, { shape }) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
  const dtypes = [...new Set(weights.map(({ dtype }) => dtype))];
  const rows = [
    ["architecture", textOf(facts.model_type)],
    ["parameters", formatCount(parameters)],
    ["context", textOf(facts.max_position_embeddings ?? facts.n_positions, "tokens")],
    ["vocabulary", textOf(facts.vocab_size, "tokens")],
    ["weights", dtypes.join(", ")],
  ].filter((row) => row[1] !== "");
  return [
    "---",
    ...frontMatter(facts),
    "---",
    "",
    `# ${id.slice(id.indexOf("/") + 1)}`,
    "",
    "A causal language model made with ownlm.",
    "",
    "| | |",
    "|---|---|",
    ...rows.map(([what, value]) => `| ${what} | ${value} |`),
    "",
    "```",
    `npx ownlm generate ${id} "Once upon a time"`,
    "```",
    "",
    "```python",
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    "",
    `tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(id)})`,
    `model = AutoModelForCausalLM.from_pretrained(${JSON.stringify(id)})`,
    "```",
    "",
    "## Data, limits, license",
    "",
    "To be written by whoever trained it.",
    "",
  ].join("\n");
}

function frontMatter(config: JsonObject): string[] {
  const packed = "quantization_config" in config;
  return [
    "pipeline_tag: text-generation",
    ...(packed ? [] : ["library_name: transformers"]),
    "tags:",
    "- ownlm",
    ...(typeof config.model_type === "string" && /^[\w-]+$/.test(config.model_type) ? [`- ${config.model_type}`] : []),
  ];
}

/** A number or a plain word for a table; nothing for anything else. */
function textOf(value: unknown, unit = ""): string {
  if (typeof value === "number" && Number.isFinite(value)) return `${formatCount(value)} ${unit}`.trim();
  return typeof value === "string" && /^[\w.-]+$/.test(value) ? value : "";
}
