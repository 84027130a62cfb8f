/** The verb `score`: how probable a text or a whole file is, token by token. */

import { fail } from "../base/errors.ts";
import { formatCount } from "../base/format.ts";
import type { GivenOptions } from "../base/options.ts";
import { MODEL_OPTIONS, SCORE_OPTIONS } from "../generate/options.ts";
import { readWholeText, type Score, type ScoredToken, scoreCsv, scoreText } from "../generate/score-text.ts";
import { tokenizerOf } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type ModelAndText, modelAndText, openForVerb } from "./model-operand.ts";
import { columnsOf, liveArea, type Palette, palette, wantsColor, wantsUnicode } from "./terminal.ts";
import { displayWidth, fitText, padText } from "./text.ts";
import { tokenText } from "./token-text.ts";
import { type Io, verb } from "./verb.ts";

const OPTIONS = {
  ...SCORE_OPTIONS,
  file: { kind: "text", placeholder: "FILE", help: "Score a whole file of text, and show where it surprises most" },
  csv: { kind: "flag", help: "Write a line of comma-separated values for each token" },
  ...MODEL_OPTIONS,
} as const;

type Given = GivenOptions<typeof OPTIONS>;

export const SCORE = verb({
  name: "score",
  summary: "Show how probable a text is, token by token",
  operands: '[model] "text"',
  arity: [1, 2],
  options: OPTIONS,
  examples: [
    ['ownlm score mymodel "Once upon a time"', "each token's probability and surprise, and their sum"],
    ["ownlm score mymodel --file book.txt --context 1024 --stride 512", "perplexity and bits per byte of a file"],
    ["ownlm score mymodel --file book.txt --csv > tokens.csv", "every token of it, for a spreadsheet"],
    ["cat book.txt | ownlm score mymodel - --json", "the same from standard input, for a program"],
  ],
  async run(io, { operands, given }) {
    const { context, threads, quantize, cacheType, adapter, file, csv, ...options } = given as Given;
    if (csv && io.machine) fail("USAGE", "--csv and --json: expected one of them");
    const { model, text } = await textOf(io, operands, file);
    using opened = await openForVerb(io, model, { context, threads, quantize, cacheType, adapter });
    const score = await scoring(io, (hooks) => scoreText(opened, text, { ...options, ...hooks }));
    if (io.machine) io.json(score);
    else if (csv) io.stdout.write(scoreCsv(score));
    else {
      const tokenizer = tokenizerOf(opened);
      const lines =
        file === undefined ? tokenLines(io, tokenizer, score.tokens) : surpriseLines(tokenizer, score.tokens);
      for (const line of [...lines, "", ...summaryLines(score)]) io.print(line);
    }
  },
});

async function textOf(io: Io, operands: readonly string[], file: string | undefined): Promise<ModelAndText> {
  if (file === undefined) return modelAndText(io, operands, { verb: "score", what: "text" });
  if (operands.length > 1) fail("USAGE", "score: got a text and --file, expected one of them");
  return { model: operands[0]!, text: readWholeText(io.host, file) };
}

/** Long texts take a while. */
async function scoring(
  io: Io,
  run: (hooks: { signal: AbortSignal; onProgress: (done: number, total: number) => void }) => Promise<Score>,
): Promise<Score> {
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
  const onProgress = (done: number, total: number) => {
    if (done < total) area?.draw([`scored ${formatCount(done)} of ${formatCount(total)} tokens`]);
  };
  try {
    return await run({ signal: io.signal, onProgress });
  } finally {
    area?.finish([]);
  }
}

/** Bits of surprise that fill the bar of a token. */
const MOST_BITS = 16;

function tokenLines(io: Io, tokenizer: Tokenizer, tokens: readonly ScoredToken[]): string[] {
  const colors = palette(wantsColor(io.stdout, io.env));
  const columns = columnsOf(io.stdout) - 1;
  const unicode = wantsUnicode(io.env, io.platform);
  const labels = tokens.map(({ id }) => fitText(`"${tokenText(tokenizer, id)}"`, columns >> 1, unicode ? "…" : "~"));
  const width = labels.reduce((most, label) => Math.max(most, displayWidth(label)), 5);
  const room = Math.max(0, Math.min(MOST_BITS, columns - width - 20));
  const rows = tokens.map((token, i) => tokenLine(token, padText(labels[i]!, width), room, unicode, colors));
  return [colors.dim(`${"token".padEnd(width)}         P    bits`), ...rows];
}

/** Green, yellow and red for what was expected, less so, and a surprise. */
function tokenLine({ logprob }: ScoredToken, label: string, room: number, unicode: boolean, colors: Palette): string {
  if (logprob === null) return `${label} ${"-".padStart(9)} ${"-".padStart(7)}`;
  const bits = -logprob / Math.LN2;
  const paint = bits < 2 ? colors.green : bits < 7 ? colors.yellow : colors.red;
  const bar = (unicode ? "█" : "#").repeat(Math.round((Math.min(bits, MOST_BITS) / MOST_BITS) * room));
  return `${label} ${percent(Math.exp(logprob)).padStart(9)} ${bits.toFixed(2).padStart(7)} ${paint(bar)}`.trimEnd();
}

/** Tokens of a file that are shown, and tokens before each of them. */
const [SURPRISES, BEFORE] = [10, 8] as const;

/** The most surprising tokens of a file in the order of their surprise, each after those before it. */
function surpriseLines(tokenizer: Tokenizer, tokens: readonly ScoredToken[]): string[] {
  const places = tokens.flatMap(({ logprob }, i) => (logprob === null ? [] : [i]));
  places.sort((a, b) => tokens[a]!.logprob! - tokens[b]!.logprob! || a - b);
  const textOf = (i: number) => tokenText(tokenizer, tokens[i]!.id);
  const rows = places.slice(0, SURPRISES).map((place) => {
    const before = Array.from({ length: Math.min(BEFORE, place) }, (_, i) =>
      textOf(place - Math.min(BEFORE, place) + i),
    );
    const bits = (-tokens[place]!.logprob! / Math.LN2).toFixed(1).padStart(6);
    return `${bits} bits  token ${formatCount(place)}  "${before.join("")}" then "${textOf(place)}"`;
  });
  return ["The greatest surprises:", ...rows];
}

function summaryLines({ logprob, perplexity, bitsPerByte, scoredTokens, tokens, window, stride }: Score): string[] {
  const windows = tokens.length > window ? `, in windows of ${formatCount(window)} every ${formatCount(stride)}` : "";
  return [
    `log P = ${logprob.toFixed(3)} (${(-logprob / Math.LN2).toFixed(1)} bits) over ${formatCount(scoredTokens)} ${scoredTokens === 1 ? "token" : "tokens"}${windows}`,
    `perplexity ${perplexity.toPrecision(4)}, ${bitsPerByte.toFixed(3)} bits per byte`,
  ];
}

function percent(probability: number): string {
  const share = 100 * probability;
  return share >= 0.01 ? `${share.toFixed(2)}%` : `${share.toExponential(0)}%`;
}
