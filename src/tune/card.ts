/** The README.md of a tuned model or adapter, in the hub's form, from the record of its run. Says nothing that the record does not. */
import { formatCount, formatDuration } from "../base/format.ts";
import { readModelName } from "../hub/id.ts";
import type { TuneRecord } from "./record.ts";
import { shownNumber, shownShare, threadsText } from "./report-text.ts";

/** What the record does not know. */
export interface CardFacts {
  /** The license of the base, as its own card names it. */
  readonly license?: string;
  /** Data sets of the hub that the data came from. */
  readonly datasets?: readonly string[];
}

/** Samples that are shown, and characters of each. */
const [SAMPLES, SAMPLE_CHARACTERS] = [3, 400];

const WHAT: Readonly<Record<TuneRecord["done"]["result"], string>> = {
  model: "A fine-tuned copy of",
  adapter: "A LoRA adapter for",
  "reward model": "A reward model, which gives an answer one score, made of",
  "reward adapter": "A reward model, which gives an answer one score, as a LoRA adapter for",
};

const isAdapter = ({ result }: TuneRecord["done"]): boolean => result.endsWith("adapter");
const isReward = ({ result }: TuneRecord["done"]): boolean => result.startsWith("reward");

/** The card's text. */
export function tuneCard(record: TuneRecord, facts: CardFacts = {}): string {
  const { done, settings } = record;
  const base = hubBase(record);
  const named = base ? `[${base}](https://huggingface.co/${base})` : code(settings.base.name);
  const what = WHAT[done.result];
  return [
    ...frontMatter(record, base, facts),
    "",
    `# ${line(settings.options.out.split(/[\\/]/).filter(Boolean).at(-1) ?? "model")}`,
    "",
    `${what} ${named}, made with ownlm. ${sentence(record)}`,
    "",
    ...results(record),
    ...usage(record, base),
    ...answers(record),
    ...training(record),
    "## Limits",
    "",
    "To be written by whoever trained it.",
    "",
  ].join("\n");
}

/** The base's id, where it came from the hub and was not a folder here. */
function hubBase({ settings: { base } }: TuneRecord): string | undefined {
  const id = readModelName(base.name)?.id;
  // Python's cache, which is ours too, keeps a model under its id.
  return id && base.folder.includes(`models--${id.replaceAll("/", "--")}`) ? id : undefined;
}

function frontMatter({ done, start }: TuneRecord, base: string | undefined, facts: CardFacts): string[] {
  const adapter = isAdapter(done);
  const tags = ["ownlm", start.objective, ...(adapter ? ["lora"] : []), start.model];
  return [
    "---",
    ...(facts.license === undefined ? [] : [`license: ${JSON.stringify(facts.license)}`]),
    ...(base === undefined ? [] : [`base_model: ${base}`, `base_model_relation: ${adapter ? "adapter" : "finetune"}`]),
    ...(facts.datasets && facts.datasets.length > 0
      ? ["datasets:", ...facts.datasets.map((id) => `- ${JSON.stringify(id)}`)]
      : []),
    `library_name: ${adapter ? "peft" : "transformers"}`,
    `pipeline_tag: ${isReward(done) ? "text-classification" : "text-generation"}`,
    "tags:",
    ...[...new Set(tags)].filter((tag) => /^[\w-]+$/.test(tag)).map((tag) => `- ${tag}`),
    "---",
  ];
}

function sentence({ start, done, data, settings }: TuneRecord): string {
  const trained =
    start.method === "full"
      ? "Every weight was trained"
      : `${formatCount(done.trainedParameters)} parameters were trained`;
  const best =
    done.resultStep === done.step ? "" : `; the weights are those of step ${formatCount(done.resultStep)}, the best`;
  return `${trained} on ${formatCount(data.trainExamples)} examples for ${formatCount(done.step)} steps (${start.objective}), in ${formatDuration(1000 * done.seconds)} on ${threadsText(settings.options.threads)} of a processor${best}.`;
}

function results({ done }: TuneRecord): string[] {
  const row = (name: string, before: number | undefined, after: number | undefined, show: (value: number) => string) =>
    after === undefined ? [] : [`| ${name} | ${before === undefined ? "" : show(before)} | ${show(after)} |`];
  const rows = [
    ...row("validation loss", done.valLossBefore, done.valLoss, shownNumber),
    ...row("exact answers", done.exactMatchBefore, done.exactMatch, shownShare),
    ...row("token accuracy", undefined, done.tokenAccuracy, shownShare),
  ];
  return rows.length === 0 ? [] : ["| | before | after |", "|---|---|---|", ...rows, ""];
}

function usage({ done }: TuneRecord, base: string | undefined): string[] {
  const from = JSON.stringify(base ?? "BASE");
  const name = isReward(done) ? "AutoModelForSequenceClassification" : "AutoModelForCausalLM";
  const labels = isReward(done) ? ", num_labels=1" : "";
  const python = isAdapter(done)
    ? [
        "from peft import PeftModel",
        `from transformers import ${name}, AutoTokenizer`,
        "",
        `model = PeftModel.from_pretrained(${name}.from_pretrained(${from}${labels}), "THIS_FOLDER")`,
      ]
    : [`from transformers import ${name}, AutoTokenizer`, "", `model = ${name}.from_pretrained("THIS_FOLDER")`];
  const tokenizer = 'tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")';
  return ["```python", ...python, tokenizer, "```", ""];
}

function answers({ before, after }: TuneRecord): string[] {
  if (!after || after.samples.length === 0) return [];
  const shown = after.samples
    .slice(0, SAMPLES)
    .flatMap(({ prompt, text }, i) => [
      ...block("prompt", prompt),
      ...(before?.samples[i] ? block("before", before.samples[i].text) : []),
      ...block("after", text),
    ]);
  return ["## Answers", "", ...shown];
}

/** A text between fences that it does not hold. */
function block(label: string, text: string): string[] {
  const cut = text.length > SAMPLE_CHARACTERS ? `${text.slice(0, SAMPLE_CHARACTERS)}...` : text;
  const fence = fenceFor(cut, 3);
  return [`${label}:`, `${fence}text`, cut, fence, ""];
}

function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return "`".repeat(Math.max(least, longest + 1));
}

function training({ command, data, start }: TuneRecord): string[] {
  const { report } = data;
  return [
    "## Training",
    "",
    ...block("command", command),
    `${formatCount(report.records)} records; ${formatCount(report.tokens)} tokens, of which ${formatCount(report.lossTokens)} carry loss; ${formatCount(start.steps)} steps of ${formatCount(start.tokensPerStep / start.rowTokens)} rows of ${formatCount(start.rowTokens)} tokens at a peak learning rate of ${shownNumber(start.lr)}. Curves, data and every setting are in report.html.`,
    "",
  ];
}

/** A text inside a line of Markdown. */
function code(text: string): string {
  const flat = text.replace(/\s+/g, " ");
  const fence = fenceFor(flat, 1);
  return `${fence} ${flat} ${fence}`;
}

/** A name as a heading: what Markdown or HTML would read is escaped. */
function line(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>()#+!|~&-]/g, (character) => `\\${character}`);
}
