/** Published pre-token patterns, as `tokenizer.json` spells them and as scanners. Knows no tokens. */
import { gpt2Scanner, llama3Scanner, type Scanner, threeDigitScanner } from "./scan.ts";
import { caseScanner } from "./scan-case.ts";

/** Names of the built-in patterns. */
export type PatternName = "gpt2" | "llama3" | "qwen2";

/** The patterns as `tokenizer.json` spells them (Oniguruma syntax). */
export const patterns: Readonly<Record<PatternName, string>> = {
  gpt2: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  llama3: llama3Pattern(String.raw`\p{N}{1,3}`),
  qwen2: llama3Pattern(String.raw`\p{N}`),
};

function llama3Pattern(digits: string): string {
  return String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
}

/** Patterns that are read but not made: of o200k (gpt-oss, Llama 4), of Tekken (Mistral Nemo), and Falcon's last cut. */
export const readPatterns = {
  o200k: casePattern("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", String.raw`\p{N}{1,3}`),
  tekken: casePattern("", String.raw`\p{N}`),
  threeDigits: "[0-9][0-9][0-9]",
} as const;

function casePattern(suffix: string, digits: string): string {
  const front = String.raw`[^\r\n\p{L}\p{N}]?`;
  const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
  const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  return `${front}${upper}*${lower}+${suffix}|${front}${upper}+${lower}*${suffix}|${digits}|${rest}`;
}

/** The hand-written scanner of a published pattern, or undefined for any other pattern. */
export function scannerOf(pattern: string): Scanner | undefined {
  switch (pattern) {
    case patterns.gpt2:
      return gpt2Scanner();
    case patterns.llama3:
      return llama3Scanner(3);
    case patterns.qwen2:
      return llama3Scanner(1);
    case readPatterns.o200k:
      return caseScanner({ maxDigits: 3, contractions: true });
    case readPatterns.tekken:
      return caseScanner({ maxDigits: 1, contractions: false });
    case readPatterns.threeDigits:
      return threeDigitScanner();
    default:
      return undefined;
  }
}

/** The `normalizer` and `pre_tokenizer` of `tokenizer.json` for a built-in pattern. */
export function pretokenizerJson(name: PatternName): { normalizer: object | null; preTokenizer: object } {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: name === "gpt2" };
  if (name === "gpt2") return { normalizer: null, preTokenizer: byteLevel };
  const split = { type: "Split", pattern: { Regex: patterns[name] }, behavior: "Isolated", invert: false };
  return {
    normalizer: name === "qwen2" ? { type: "NFC" } : null,
    preTokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
  };
}
