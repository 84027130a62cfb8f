/** What may come after a prompt: the next tokens, and the tree of the most probable continuations. Opens no model. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { OpenModel } from "./load.ts";
import type { Candidate } from "./logprobs.ts";
import { NEXT_OPTIONS } from "./options.ts";
import { nextAfter, type TextCandidate } from "./text.ts";
import { type Branch, continuationTree, type TreeOptions } from "./tree.ts";

/** A {@link Branch} and what it reads like. */
export interface TextBranch extends Candidate {
  /** Of the token alone; U+FFFD where it is a part of a character. */
  readonly text: string;
  /** Of all tokens from the prompt to this one. */
  readonly continuation: string;
  readonly jointProbability: number;
  readonly jointLogprob: number;
  readonly children: readonly TextBranch[];
}

/** {@link continuationTree} with texts, which are empty without a tokenizer. */
export async function treeAfter(
  opened: OpenModel,
  ids: readonly number[],
  options: Pick<TreeOptions, "depth" | "top" | "signal">,
): Promise<TextBranch[]> {
  const { tokenizer, defaults } = opened;
  using loan = opened.borrow(ids);
  const found = await continuationTree(loan.engine, ids, {
    ...options,
    endIds: defaults.eosTokenIds,
    idLimit: tokenizer?.vocabSize,
  });
  const decode = (path: readonly number[]) => tokenizer?.decode(path) ?? "";
  const withText = (branch: Branch, before: readonly number[]): TextBranch => {
    const path = [...before, branch.id];
    const { children, ...rest } = branch;
    return {
      ...rest,
      text: decode([branch.id]),
      continuation: decode(path),
      children: children.map((child) => withText(child, path)),
    };
  };
  return found.map((branch) => withText(branch, []));
}

/** What `next` finds, as `next --json` prints it. */
export interface NextResult {
  readonly candidates: readonly TextCandidate[];
  /** With `tree`: the candidates and what may follow them. */
  readonly tree?: readonly TextBranch[];
}

/** {@link NEXT_OPTIONS}, and a way to stop. */
export interface NextOptions extends GivenOptions<typeof NEXT_OPTIONS> {
  readonly signal?: AbortSignal | undefined;
}

const [CANDIDATES, CHILDREN, DEPTH] = [10, 3, 3] as const;

/** The most probable next tokens after ids, or the tree of them. Throws BAD_OPTION, CONTEXT_OVERFLOW or ABORTED. */
export async function nextTokens(
  opened: OpenModel,
  ids: readonly number[],
  options: NextOptions = {},
): Promise<NextResult> {
  const { signal, ...given } = options;
  const { tree: asTree, top, depth } = readOptions(NEXT_OPTIONS, given);
  if (!asTree && depth !== undefined) fail("BAD_OPTION", "depth: is a tree's. Leave it out, or ask for tree");
  if (!asTree) return { candidates: await nextAfter(opened, ids, top ?? CANDIDATES) };
  const tree = await treeAfter(opened, ids, { depth: depth ?? DEPTH, top: top ?? CHILDREN, signal });
  return {
    candidates: tree.map(({ id, probability, logprob, text }) => ({ id, probability, logprob, text })),
    tree,
  };
}
