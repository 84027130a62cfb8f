/** The verb `score`: how probable a text is, token by token. */

import { formatCount } from "../base/format.ts";
import type { GivenOptions } from "../base/options.ts";
import { MODEL_OPTIONS, SCORE_OPTIONS } from "../generate/options.ts";
import { type Score, type ScoredToken, scoreText, tokenizerOf } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { modelAndText, openForVerb } from "./model-operand.ts";
import { columnsOf, type Palette, palette, wantsColor, wantsUnicode } from "./terminal.ts";
import { displayWidth, fitText, padText } from "./text.ts";
import { tokenText } from "./token-text.ts";
import { type Io, verb } from "./verb.ts";

type Given = GivenOptions<typeof SCORE_OPTIONS & typeof MODEL_OPTIONS>;

export const SCORE = verb({
  name: "score",
  summary: "Show how probable a text is, token by token",
  operands: '[model] "text"',
  arity: [1, 2],
  options: { ...SCORE_OPTIONS, ...MODEL_OPTIONS },
  examples: [
    ['ownlm score mymodel "Once upon a time"', "each token's probability and surprise, and their sum"],
    ["cat book.txt | ownlm score mymodel - --json", "perplexity and bits per byte of a file"],
  ],
  async run(io, { operands, given }) {
    const { model, text } = await modelAndText(io, operands, { verb: "score", what: "text" });
    const { context, threads, quantize, cacheType, ...options } = given as Given;
    using opened = await openForVerb(io, model, { context, threads, quantize, cacheType });
    const score = await scoreText(opened, text, { ...options, signal: io.signal });
    if (io.machine) io.json(score);
    else for (const line of scoreLines(io, tokenizerOf(opened), score)) io.print(line);
  },
});

/** Bits of surprise that fill the bar of a token. */
const MOST_BITS = 16;

function scoreLines(io: Io, tokenizer: Tokenizer, { tokens, logprob, perplexity, bitsPerByte }: Score): string[] {
  const colors = palette(wantsColor(io.stdout, io.env));
  const columns = columnsOf(io.stdout) - 1;
  const unicode = wantsUnicode(io.env, io.platform);
  const labels = tokens.map(({ id }) => fitText(`"${tokenText(tokenizer, id)}"`, columns >> 1, unicode ? "…" : "~"));
  const width = labels.reduce((most, label) => Math.max(most, displayWidth(label)), 5);
  const room = Math.max(0, Math.min(MOST_BITS, columns - width - 20));
  const rows = tokens.map((token, i) => tokenLine(token, padText(labels[i]!, width), room, unicode, colors));
  const scored = tokens.filter((token) => token.logprob !== null).length;
  return [
    colors.dim(`${"token".padEnd(width)}         P    bits`),
    ...rows,
    "",
    `log P = ${logprob.toFixed(3)} (${(-logprob / Math.LN2).toFixed(1)} bits) over ${formatCount(scored)} ${scored === 1 ? "token" : "tokens"}`,
    `perplexity ${perplexity.toPrecision(4)}, ${bitsPerByte.toFixed(3)} bits per byte`,
  ];
}

/** Green, yellow and red for what was expected, less so, and a surprise. */
function tokenLine({ logprob }: ScoredToken, label: string, room: number, unicode: boolean, colors: Palette): string {
  if (logprob === null) return `${label} ${"-".padStart(9)} ${"-".padStart(7)}`;
  const bits = -logprob / Math.LN2;
  const paint = bits < 2 ? colors.green : bits < 7 ? colors.yellow : colors.red;
  const bar = (unicode ? "█" : "#").repeat(Math.round((Math.min(bits, MOST_BITS) / MOST_BITS) * room));
  return `${label} ${percent(Math.exp(logprob)).padStart(9)} ${bits.toFixed(2).padStart(7)} ${paint(bar)}`.trimEnd();
}

function percent(probability: number): string {
  const share = 100 * probability;
  return share >= 0.01 ? `${share.toFixed(2)}%` : `${share.toExponential(0)}%`;
}
