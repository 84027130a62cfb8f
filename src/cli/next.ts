/** The verb `next`: the distribution of the next token as a picture, or the tree of the most probable continuations. */
import type { GivenOptions } from "../base/options.ts";
import { type NextOptions, nextTokens, type TextBranch } from "../generate/next.ts";
import { MODEL_OPTIONS, NEXT_OPTIONS } from "../generate/options.ts";
import { promptIdsOf, type TextCandidate, tokenizerOf } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { barPicture } from "./chart.ts";
import { modelAndText, openForVerb } from "./model-operand.ts";
import { columnsOf, wantsUnicode } from "./terminal.ts";
import { displayWidth, fitText, padText } from "./text.ts";
import { tokenText } from "./token-text.ts";
import { type Io, verb } from "./verb.ts";

type Given = NextOptions & GivenOptions<typeof MODEL_OPTIONS>;

export const NEXT = verb({
  name: "next",
  summary: "Show which tokens may come next, and how probably",
  operands: '[model] "prompt"',
  arity: [1, 2],
  options: { ...NEXT_OPTIONS, ...MODEL_OPTIONS },
  examples: [
    ['ownlm next mymodel "Once upon a"', "the ten most probable next tokens"],
    ['ownlm next mymodel "Once upon a" --tree --depth 4 --top 2', "two tokens, two after each, four deep"],
    ['ownlm next mymodel "Once upon a" --top 50 --json', "fifty of them, for a program"],
  ],
  async run(io, { operands, given }) {
    const read = { verb: "next", what: "prompt", trimmed: true };
    const { model, text: prompt } = await modelAndText(io, operands, read);
    const { context, threads, quantize, cacheType, adapter, ...options } = given as Given;
    using opened = await openForVerb(io, model, { context, threads, quantize, cacheType, adapter });
    const found = await nextTokens(opened, promptIdsOf(opened, prompt), { ...options, signal: io.signal });
    if (io.machine) io.json(found);
    else if (found.tree) for (const line of treeLines(io, tokenizerOf(opened), found.tree)) io.print(line);
    else for (const line of pictureOf(io, tokenizerOf(opened), found.candidates)) io.print(line);
  },
});

function pictureOf(io: Io, tokenizer: Tokenizer, candidates: readonly TextCandidate[]): string[] {
  const items = candidates.map(({ id, probability }) => ({ label: tokenText(tokenizer, id), value: probability }));
  const width = Math.min(100, columnsOf(io.stdout) - 1);
  return [...barPicture(items, { width, unicode: wantsUnicode(io.env, io.platform) }), restText(candidates)];
}

function restText(candidates: readonly Pick<TextCandidate, "probability">[]): string {
  const shown = candidates.reduce((sum, { probability }) => sum + probability, 0);
  return `${(100 * Math.max(0, 1 - shown)).toFixed(1)}% for all other tokens`;
}

/** Columns of the two shares and their spaces. */
const SHARES = 18;

function treeLines(io: Io, tokenizer: Tokenizer, tree: readonly TextBranch[]): string[] {
  const unicode = wantsUnicode(io.env, io.platform);
  const columns = columnsOf(io.stdout) - 1;
  const ellipsis = unicode ? "…" : "~";
  const rows = treeRows(tree, unicode, "", (id) => `"${tokenText(tokenizer, id)}"`);
  const most = Math.max(10, columns - SHARES);
  const width = Math.min(most, Math.max(5, ...rows.map(({ label }) => displayWidth(label))));
  return [
    `${padText("token", width, ellipsis)}        P   together`,
    ...rows.map(({ label, branch }) => {
      const shown = padText(fitText(label, width, ellipsis), width, ellipsis);
      return `${shown} ${percent(branch.probability)}  ${percent(branch.jointProbability)}`;
    }),
    restText(tree),
  ];
}

interface TreeRow {
  readonly label: string;
  readonly branch: TextBranch;
}

function treeRows(
  branches: readonly TextBranch[],
  unicode: boolean,
  indent: string,
  show: (id: number) => string,
): TreeRow[] {
  const [fork, end, trunk, gap] = unicode ? ["├─ ", "└─ ", "│  ", "   "] : ["|- ", "`- ", "|  ", "   "];
  return branches.flatMap((branch, i) => {
    const isLast = i === branches.length - 1;
    const label = `${indent}${isLast ? end : fork}${show(branch.id)}`;
    return [{ label, branch }, ...treeRows(branch.children, unicode, indent + (isLast ? gap : trunk), show)];
  });
}

/** A share in eight columns, with enough digits for small ones. */
function percent(probability: number): string {
  const share = 100 * probability;
  return `${share >= 0.01 ? share.toFixed(2) : share.toExponential(0)}%`.padStart(8);
}
