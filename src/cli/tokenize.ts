/** The verb `tokenize`: a text as ids, and ids as a text. */
import { fail } from "../base/errors.ts";
import { formatCount } from "../base/format.ts";
import { openTokenizer } from "../generate/load.ts";
import { TOKENIZE_OPTIONS } from "../generate/options.ts";
import { tokenizeText } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { locateForVerb, modelAndText, stdinText } from "./model-operand.ts";
import { safeText } from "./text.ts";
import { tokenText } from "./token-text.ts";
import { type Io, verb } from "./verb.ts";

export const TOKENIZE = verb({
  name: "tokenize",
  summary: "Turn a text into token ids, or ids into text",
  operands: '[model] "text"',
  arity: [1, 2],
  options: {
    stdin: { kind: "flag", help: 'Read the text from standard input, as "-" does' },
    ...TOKENIZE_OPTIONS,
    decode: { kind: "flag", help: "The text is ids, for which text is wanted" },
  },
  examples: [
    ['ownlm tokenize mymodel "Once upon a time"', "each token with its id"],
    ["ownlm tokenize mymodel/tokenizer.json --stdin --json < book.txt", "all ids of a file, for a program"],
    ['ownlm tokenize mymodel --decode "12 5 301"', "the text of ids"],
  ],
  async run(io, { operands, options }) {
    const { model, text } = options.stdin
      ? await withStdin(io, operands)
      : await modelAndText(io, operands, { verb: "tokenize", what: "text" });
    const tokenizer = openTokenizer(io.host, await locateForVerb(io, model, "tokenizer"));
    if (options.decode) return showText(io, tokenizer, readIds(text));
    const tokenized = tokenizeText(tokenizer, text, !options.noSpecial);
    if (io.machine) return io.json(tokenized);
    for (const line of tokenLines(tokenizer, text, tokenized.ids)) io.print(line);
  },
});

async function withStdin(io: Io, operands: readonly string[]): Promise<{ model: string; text: string }> {
  const [model, ...rest] = operands as [string, ...string[]];
  if (rest.length > 0) fail("USAGE", `tokenize: got --stdin and the text ${rest[0]}, expected one of them`);
  return { model, text: await stdinText(io) };
}

/** Ids between spaces or commas, also as a JSON array. */
function readIds(text: string): number[] {
  const words = text.match(/[^\s,[\]]+/g) ?? [];
  return words.map((word) =>
    /^\d{1,9}$/.test(word) ? Number(word) : fail("USAGE", `--decode: got ${JSON.stringify(word)}, expected token ids`),
  );
}

function showText(io: Io, tokenizer: Tokenizer, ids: readonly number[]): void {
  const text = tokenizer.decode(ids);
  if (io.machine) io.json({ ids, text });
  else io.print(io.stdout.isTTY ? safeText(text) : text);
}

function tokenLines(tokenizer: Tokenizer, text: string, ids: readonly number[]): string[] {
  const width = String(ids.reduce((most, id) => Math.max(most, id), 0)).length;
  const bytes = new TextEncoder().encode(text).length;
  const summary = `${formatCount(ids.length)} tokens, ${formatCount(bytes)} bytes`;
  return [
    ...ids.map((id) => `${String(id).padStart(width)} "${tokenText(tokenizer, id)}"`),
    ids.length ? `${summary} (${(bytes / ids.length).toFixed(2)} bytes a token)` : summary,
  ];
}
