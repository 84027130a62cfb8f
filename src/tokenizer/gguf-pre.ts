/** The pre-tokenizers that llama.cpp names in `tokenizer.ggml.pre`, as `tokenizer.json` has them. Knows no vocabulary. */
import { fail } from "../base/errors.ts";
import { describe } from "./json-fields.ts";
import { patterns, pretokenizerJson, readPatterns } from "./patterns.ts";

/** How a named kind of file cuts text. */
export interface GgufPre {
  readonly normalizer: object | null;
  readonly preTokenizer: object;
  /** A whole pre-token that is a token is taken as it is. */
  readonly ignoreMerges: boolean;
  /** Whether BOS goes in front where the file does not say. */
  readonly addBos: boolean;
}

const wholeBytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const digits = { type: "Digits", individual_digits: true };

const split = (pattern: string) => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});

/** Several cuts, one after the other. */
const cuts = (...all: (string | object)[]): object => ({
  type: "Sequence",
  pretokenizers: [...all.map((cut) => (typeof cut === "string" ? split(cut) : cut)), wholeBytes],
});

const pre = (preTokenizer: object, more: Partial<GgufPre> = {}): GgufPre => ({
  normalizer: null,
  preTokenizer,
  ignoreMerges: false,
  addBos: false,
  ...more,
});

const HAN = "[一-龥ࠀ-一가-퟿]+";

const gpt2 = pre(pretokenizerJson("gpt2").preTokenizer);
const gpt2Digits = pre(cuts(digits, patterns.gpt2));
const llama3 = pretokenizerJson("llama3").preTokenizer;
const qwen2 = pre(pretokenizerJson("qwen2").preTokenizer, { normalizer: { type: "NFC" } });

/** By the names of llama.cpp's source (src/llama-vocab.cpp); where that adapts a published pattern, the published one. */
const TABLE: readonly (readonly [names: string, pre: GgufPre])[] = [
  [
    "gpt-2 phi-2 mpt olmo jais jina-es jina-de jina-v2-es jina-v2-de gigachat mellum trillion granite-docling exaone4",
    gpt2,
  ],
  ["starcoder refact command-r smollm codeshell exaone minerva-7b", gpt2Digits],
  [
    "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2",
    pre(llama3, { ignoreMerges: true, addBos: true }),
  ],
  ["dbrx smaug-bpe glm4 chatglm-bpe", pre(llama3)],
  ["qwen2 deepseek-r1-qwen kormo hunyuan megrez", qwen2],
  ["stablelm2 grok-2", pre(qwen2.preTokenizer)],
  ["tekken", pre(cuts(readPatterns.tekken), { ignoreMerges: true, addBos: true })],
  ["gpt-4o llama4", pre(cuts(readPatterns.o200k))],
  ["falcon", pre(cuts(`${String.raw`[\p{P}\$\+<=>\^~\|`}\`]+`, patterns.gpt2, "[0-9][0-9][0-9]"))],
  ["default", pre(cuts(String.raw`[\p{P}\$\+<=>\^~\|]+`, patterns.gpt2, String.raw`\p{N}+`, "[0-9][0-9][0-9]"))],
  [
    "deepseek-coder",
    pre(cuts(String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, HAN, String.raw`\p{N}`)),
  ],
];

const BY_NAME = new Map(TABLE.flatMap(([names, value]) => names.split(" ").map((name) => [name, value] as const)));

/** The pre-tokenizer of a name. Throws UNSUPPORTED with the key for names that this version does not know. */
export function ggufPre(name: string, where: string): GgufPre {
  return (
    BY_NAME.get(name) ??
    fail(
      "UNSUPPORTED",
      `${where}: tokenizer.ggml.pre: got ${describe(name)}, expected one of ${[...BY_NAME.keys()].join(", ")}`,
    )
  );
}
