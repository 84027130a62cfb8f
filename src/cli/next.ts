/** The verb `next`: the distribution of the next token, as a picture. */
import type { GivenOptions } from "../base/options.ts";
import { MODEL_OPTIONS, NEXT_OPTIONS } from "../generate/options.ts";
import { nextAfter, promptIdsOf, type TextCandidate, tokenizerOf } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { barPicture } from "./chart.ts";
import { modelAndText, openForVerb } from "./model-operand.ts";
import { columnsOf, wantsUnicode } from "./terminal.ts";
import { tokenText } from "./token-text.ts";
import { type Io, verb } from "./verb.ts";

export const NEXT = verb({
  name: "next",
  summary: "Show which tokens may come next, and how probably",
  operands: '[model] "prompt"',
  arity: [1, 2],
  options: { ...NEXT_OPTIONS, ...MODEL_OPTIONS },
  examples: [
    ['ownlm next mymodel "Once upon a"', "the ten most probable next tokens"],
    ['ownlm next mymodel "Once upon a" --top 50 --json', "fifty of them, for a program"],
  ],
  async run(io, { operands, options, given }) {
    const read = { verb: "next", what: "prompt", trimmed: true };
    const { model, text: prompt } = await modelAndText(io, operands, read);
    using opened = await openForVerb(io, model, given as GivenOptions<typeof MODEL_OPTIONS>);
    const candidates = await nextAfter(opened, promptIdsOf(opened, prompt), options.top);
    if (io.machine) io.json({ candidates });
    else for (const line of pictureOf(io, tokenizerOf(opened), candidates)) io.print(line);
  },
});

function pictureOf(io: Io, tokenizer: Tokenizer, candidates: readonly TextCandidate[]): string[] {
  const items = candidates.map(({ id, probability }) => ({ label: tokenText(tokenizer, id), value: probability }));
  const width = Math.min(100, columnsOf(io.stdout) - 1);
  const shown = candidates.reduce((sum, { probability }) => sum + probability, 0);
  return [
    ...barPicture(items, { width, unicode: wantsUnicode(io.env, io.platform) }),
    `${(100 * Math.max(0, 1 - shown)).toFixed(1)}% for all other tokens`,
  ];
}
