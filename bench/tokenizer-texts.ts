/** Texts for the tokenizer's benchmark, some of them generated from a seed. Knows no tokenizer. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { rng } from "../src/base/rng.ts";
import { repoRoot, sharedData } from "../tests/helpers/paths.ts";

/** The names of the texts. */
export const TEXTS = ["shakespeare", "docs", "code", "chinese", "thai", "arabic", "emoji"] as const;

/** Texts by name; Shakespeare is missing where the shared test data is. */
export function benchTexts(): Partial<Record<string, string>> {
  const shakespeare = sharedData("text", "tinyshakespeare.txt");
  return {
    ...(shakespeare ? { shakespeare: readFileSync(shakespeare, "utf8") } : {}),
    docs: filesUnder(["docs", "node_modules"], ".md"),
    code: filesUnder(["src", "tests"], ".ts"),
    chinese: generated([[0x4e00, 0x9fa5]], 2, "", ["，", "。", "\n", "1", "！"]),
    thai: generated([[0x0e01, 0x0e2e]], 6, "", [" ", "\n", "๑", "ๆ "]),
    arabic: generated([[0x0621, 0x064a]], 5, " ", ["، ", ".\n", "؟ "]),
    emoji: generated(
      [
        [0x1f600, 0x1f64f],
        [0x61, 0x7a],
      ],
      4,
      " ",
      ["👩‍👩‍👧", "\n", "🇫🇷", "❤️"],
    ),
  };
}

/** Pieces of about 4 kB, as a corpus of short documents has them. */
export function documentsOf(text: string): string[] {
  const documents = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + 4096);
    if (end < text.length && text.charCodeAt(end) >= 0xdc00 && text.charCodeAt(end) <= 0xdfff) end++;
    documents.push(text.slice(at, end));
    at = end;
  }
  return documents;
}

function filesUnder(folders: readonly string[], extension: string): string {
  const files = folders
    .map((folder) => path.join(repoRoot, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(extension))
        .sort()
        .map((name) => path.join(folder, name)),
    );
  let text = "";
  for (const file of files) if (text.length < 1 << 20) text += readFileSync(file, "utf8");
  return text;
}

type Range = readonly [first: number, last: number];

/** Words of letters from the ranges, by Zipf's frequencies out of 20,000, with marks between some. */
function generated(ranges: readonly Range[], longest: number, between: string, marks: readonly string[]): string {
  const random = rng(1, "texts");
  const letter = () => {
    const [first, last] = ranges[random.below(ranges.length)]!;
    return String.fromCodePoint(first + Math.floor((last - first + 1) * random.uniform() ** 2));
  };
  const word = () => Array.from({ length: 1 + random.below(longest) }, letter).join("");
  const lexicon = Array.from({ length: 20_000 }, word);
  const parts = [];
  for (let made = 0; made < 150_000; ) {
    const next = lexicon[Math.floor(lexicon.length ** random.uniform()) - 1]!;
    parts.push(next, random.below(8) === 0 ? marks[random.below(marks.length)]! : between);
    made += next.length + 1;
  }
  return parts.join("");
}
