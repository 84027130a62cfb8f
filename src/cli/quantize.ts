/** The verb `quantize`: a model in a quarter or an eighth of its bytes, and what that costs. */
import { formatBytes, formatCount, shellPath } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntimeFor } from "../generate/load.ts";
import { QUANTIZE_OPTIONS } from "../quantize/options.ts";
import { type QuantizeProgress, type QuantizeResult, quantize } from "../quantize/quantize.ts";
import { locateForVerb } from "./model-operand.ts";
import { liveArea } from "./terminal.ts";
import { type Io, verb } from "./verb.ts";

export const QUANTIZE = verb({
  name: "quantize",
  summary: "Write a model with weights of 4 or 8 bits, and say what that costs",
  operands: "MODEL",
  arity: [1, 1],
  options: QUANTIZE_OPTIONS,
  examples: [
    ["ownlm quantize mymodel --out mymodel-4bit", "4 bits, compared with mymodel on stories in the box"],
    ["ownlm quantize mymodel --bits 8 --text book.txt --max-kl 0.005 --out small", "or nothing, if it is worse"],
  ],
  async run(io, { operands, given }) {
    const result = await quantizing(io, await locateForVerb(io, operands[0]!), given);
    if (io.machine) io.json(result);
    else for (const line of resultLines(result)) io.print(line);
  },
});

async function quantizing(io: Io, model: string, given: Parameters<typeof quantize>[3]): Promise<QuantizeResult> {
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
  try {
    return await quantize(io.host, await openRuntimeFor(io.host), model, given, {
      signal: io.signal,
      onProgress: (progress) => area?.draw([progressLine(progress)]),
      onWarning: io.warn,
      showName: flagName,
    });
  } finally {
    area?.finish();
  }
}

const STAGES = {
  calibrate: ["read", "tokens to learn from"],
  pack: ["packed", "weights"],
  compare: ["compared", "tokens"],
} as const;

function progressLine({ stage, done, total }: QuantizeProgress): string {
  const [did, what] = STAGES[stage];
  return `${did} ${formatCount(done)} of ${formatCount(total)} ${what}`;
}

function resultLines({ out, bytesBefore, bytes, bitsPerWeight, text, comparison }: QuantizeResult): string[] {
  const size = `${formatBytes(bytesBefore)} to ${formatBytes(bytes)}, ${bitsPerWeight.toFixed(2)} bits per weight`;
  const last = `Your model is in ${out}. Try: ownlm generate ${shellPath(out)} "Once upon a time"`;
  if (!comparison) return [size, last];
  const { tokens, referencePerplexity, perplexity, meanKl, kl99, topAgreement } = comparison;
  return [
    size,
    `perplexity ${referencePerplexity.toPrecision(4)} to ${perplexity.toPrecision(4)} (x ${(perplexity / referencePerplexity).toFixed(4)}) on ${formatCount(tokens)} tokens of ${text}`,
    `KL divergence ${meanKl.toPrecision(3)} on average, ${kl99.toPrecision(3)} at the 99th percentile; the same first choice ${(100 * topAgreement).toFixed(1)}% of the time`,
    last,
  ];
}
