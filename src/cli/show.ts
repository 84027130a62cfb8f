/** The verb `show`: what a model is, what it takes and how fast it will be, without running it. */
import { formatBytes, formatCount } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntimeFor } from "../generate/load.ts";
import { SHOW_OPTIONS, type ShownModel, showModel } from "../inspect/show.ts";
import { locateForVerb, noModel } from "./model-operand.ts";
import { figure, partsText } from "./plan.ts";
import { visibleText } from "./text.ts";
import { verb } from "./verb.ts";

export const SHOW = verb({
  name: "show",
  summary: "Show what a model is: parameters by part, files, memory, context, licence, the speed to expect",
  operands: "[model]",
  arity: [0, 1],
  options: SHOW_OPTIONS,
  examples: [
    ["ownlm show mymodel", "a folder, packed or not"],
    ["ownlm show model-q4_0.gguf --json", "a GGUF file, for a program"],
    ["ownlm show mymodel --quantize 4", "what it would take with weights of 4 bits"],
  ],
  async run(io, { operands, given }) {
    const path = await locateForVerb(io, operands[0] ?? noModel("show"));
    const runtime = () => openRuntimeFor(io.host);
    const shown = await showModel(io.host, path, given, { runtime, onWarning: io.warn, showName: flagName });
    if (io.machine) io.json(shown);
    else for (const line of shownLines(shown)) io.print(line);
  },
});

function shownLines(shown: ShownModel): string[] {
  const rows: [string, string][] = [
    ["parts", partsText(shown.parts)],
    ["shape", shapeText(shown)],
    ["context", `${formatCount(shown.context)} tokens`],
    ["weights", weightsText(shown)],
    ["memory", `${formatBytes(shown.memoryBytes)} of weights here`],
    [
      "cache",
      `${formatBytes(shown.kvBytesPerToken)} a token, ${formatBytes(shown.kvBytesPerToken * shown.context)} for all of the context`,
    ],
    ["tokenizer", tokenizerText(shown)],
    ["licence", licenceText(shown)],
  ];
  if (shown.baseModel !== undefined) rows.push(["made from", visibleText(shown.baseModel)]);
  if (shown.speed) rows.push(["speed", speedText(shown.speed)]);
  return [
    `${visibleText(shown.model)}: ${shown.modelType}, ${formatCount(shown.parameters)} parameters${activeText(shown)}`,
    ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`),
    ...(shown.unsupported === undefined ? [] : [`  It does not run here: ${visibleText(shown.unsupported)}`]),
  ];
}

function activeText({ parameters, activeParameters }: ShownModel): string {
  return parameters === activeParameters ? "" : `, of which a token uses ${formatCount(activeParameters)}`;
}

function shapeText({ layers, hiddenSize, kvHeads, headDim, vocabSize, tiedHead }: ShownModel): string {
  const head = tiedHead ? ", the embedding is the head" : "";
  return `${layers} blocks of width ${hiddenSize}, ${kvHeads} key heads of ${headDim}, vocabulary ${formatCount(vocabSize)}${head}`;
}

function weightsText({ formats, files, diskBytes, quantization }: ShownModel): string {
  if (!formats) return "none: config.json alone";
  const listed = Object.entries(formats).map(([format, bytes]) => `${visibleText(format)} ${formatBytes(bytes)}`);
  const where = files === 1 ? "" : ` in ${formatCount(files!)} files`;
  const packed = quantization === undefined ? "" : `; ${visibleText(JSON.stringify(quantization))}`;
  return `${formatBytes(diskBytes!)} on the disk${where}: ${listed.join(", ")}${packed}`;
}

function tokenizerText({ tokenizer }: ShownModel): string {
  if (!tokenizer) return "none";
  const { tokens, chatTemplates } = tokenizer;
  const names = chatTemplates.filter((name) => name !== "default").map(visibleText);
  const chat = chatTemplates.length === 0 ? "no chat template" : "a chat template";
  return `${formatCount(tokens)} tokens, ${chat}${names.length > 0 ? ` (${names.join(", ")})` : ""}`;
}

function licenceText({ licence, licenceName, licenceLink }: ShownModel): string {
  const said = [licence, licenceName, licenceLink].filter((text) => text !== undefined).map(visibleText);
  return said.length > 0 ? said.join(", ") : "not said";
}

function speedText({
  tokensPerSecondExpected,
  tokensPerSecondAtMost,
  bytesPerToken,
  readBandwidth,
}: NonNullable<ShownModel["speed"]>): string {
  return `about ${figure(tokensPerSecondExpected)} tokens/s, at most ${figure(tokensPerSecondAtMost)}: a token reads ${formatBytes(bytesPerToken)}, memory is read at ${(readBandwidth / 1e9).toFixed(1)} GB/s now`;
}
