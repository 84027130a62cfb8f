/** Which texts are trained on and which only validate. Decides by content and seed, not by order or name. */
import { fail } from "../base/errors.ts";
import { rng } from "../base/rng.ts";
import type { TextDocument } from "./types.ts";
import { codePointIndex, countCodePoints } from "./utf8.ts";

/** What splitting needs of a text, and gives back. */
export type SplitText = Pick<TextDocument, "path" | "chunks" | "characters" | "sha256">;

/** How texts are split. */
export interface SplitOptions {
  /** The part of all characters that validates, from 0 (none) to 0.5. */
  readonly valFraction?: number;
  readonly seed?: number;
}

/** Texts to train on, and texts to validate with. */
export interface Split {
  readonly train: readonly SplitText[];
  readonly validation: readonly SplitText[];
}

/**
 * Splits texts. One text is cut behind `floor(characters * (1 - valFraction))` code points, as nanoGPT's
 * `data[:int(n * 0.9)]`. Several go whole to one side: texts of equal bytes together, in an order that seed and content
 * decide, until validation has its part; each side gets at least one. BAD_DATA when there is too little to split.
 */
export function splitDocuments(documents: readonly SplitText[], options: SplitOptions = {}): Split {
  const { valFraction = 0.1, seed = 0 } = options;
  if (!(valFraction >= 0 && valFraction <= 0.5))
    fail("BAD_OPTION", `valFraction: got ${valFraction}, expected 0 to 0.5`);
  if (documents.length === 0) fail("BAD_DATA", "split: got no text, expected at least one");
  if (valFraction === 0) return { train: documents, validation: [] };
  const groups = groupByContent(documents);
  return groups.length === 1 ? cutTail(groups[0]!, valFraction) : chooseWhole(groups, valFraction, seed);
}

function groupByContent(documents: readonly SplitText[]): SplitText[][] {
  const groups = new Map<string, SplitText[]>();
  for (const document of documents) {
    const group = groups.get(document.sha256);
    if (group) group.push(document);
    else groups.set(document.sha256, [document]);
  }
  return [...groups.values()];
}

/** Equal texts lose the same tail, which validates once. */
function cutTail(copies: readonly SplitText[], valFraction: number): Split {
  const first = copies[0]!;
  const count = Math.floor(first.characters * (1 - valFraction));
  if (count < 1 || count >= first.characters)
    fail(
      "BAD_DATA",
      `${first.path}: got ${first.characters} characters, too few to keep ${valFraction} of them for validation. Try more text`,
    );
  const cuts = copies.map((copy) => cutAt(copy, count));
  return { train: cuts.map(([head]) => head), validation: [cuts[0]![1]] };
}

/** The text before and behind a number of code points. */
function cutAt(document: SplitText, count: number): [SplitText, SplitText] {
  const before: string[] = [];
  const behind: string[] = [];
  let left = count;
  for (const chunk of document.chunks) {
    const length = countCodePoints(chunk);
    const index = left >= length ? chunk.length : codePointIndex(chunk, left);
    if (index > 0) before.push(chunk.slice(0, index));
    if (index < chunk.length) behind.push(chunk.slice(index));
    left -= Math.min(left, length);
  }
  const { path, characters, sha256 } = document;
  return [
    { path: `${path} (beginning)`, chunks: before, characters: count, sha256 },
    { path: `${path} (end)`, chunks: behind, characters: characters - count, sha256 },
  ];
}

function chooseWhole(groups: readonly (readonly SplitText[])[], valFraction: number, seed: number): Split {
  const sized = groups.map((group) => {
    const sha256 = group[0]!.sha256;
    const characters = group.reduce((sum, { characters }) => sum + characters, 0);
    return { group, sha256, characters, key: rng(seed, sha256).uniform() };
  });
  sized.sort((a, b) => a.key - b.key || (a.sha256 < b.sha256 ? -1 : 1));
  const wanted = valFraction * sized.reduce((sum, { characters }) => sum + characters, 0);
  const chosen = new Set<readonly SplitText[]>();
  let got = 0;
  for (const { group, characters } of sized) {
    // A text far larger than what is wanted would leave too little to train on.
    if (got >= wanted || got + characters > 1.5 * wanted) continue;
    chosen.add(group);
    got += characters;
  }
  if (chosen.size === 0) chosen.add(sized.reduce((a, b) => (b.characters < a.characters ? b : a)).group);
  return {
    train: groups.filter((group) => !chosen.has(group)).flat(),
    validation: groups.filter((group) => chosen.has(group)).flat(),
  };
}
