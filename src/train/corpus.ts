/** From files of text to a tokenizer and the tokens that train and validate. Knows no model. */
import { fingerprint } from "../data/fingerprint.ts";
import { type Tokens, tokenPacker } from "../data/pack.ts";
import { readTexts } from "../data/read.ts";
import { type SplitText, splitDocuments } from "../data/split.ts";
import type { TextDocument } from "../data/types.ts";
import type { Host } from "../host/types.ts";
import { trainBpe } from "../tokenizer/train-bpe.ts";
import { trainChar } from "../tokenizer/train-char.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { TrainEvent } from "./events.ts";

/** The options that decide the tokens. */
export interface CorpusOptions {
  readonly tokenizer: "bpe" | "char";
  /** Tokens of a "bpe" vocabulary. */
  readonly vocab?: number;
  readonly valFraction: number;
  readonly seed: number;
  readonly strict: boolean;
}

/** Tokens to train on and to validate with. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  readonly train: Tokens;
  /** Empty where nothing validates. */
  readonly validation: Tokens;
  /** UTF-8 bytes of the validation text. */
  readonly valBytes: number;
  /** Equal for equal tokens. */
  readonly fingerprint: string;
}

const DEFAULT_VOCAB = 2048;

/** Stands between texts. */
const END_OF_TEXT = "<|endoftext|>";

/** Reads texts and cuts them into tokens; `tokenizer` is a run's own when it is continued. */
export function readCorpus(
  host: Host,
  texts: readonly string[],
  options: CorpusOptions,
  tell: (event: TrainEvent) => void,
  tokenizer?: Tokenizer,
): Corpus {
  tell({ event: "stage", stage: "text", message: `reading ${texts.join(", ")}` });
  const { documents, warnings } = readTexts(host, texts, { strict: options.strict });
  for (const message of warnings) tell({ event: "warning", message });
  const used = tokenizer ?? learnTokenizer(documents, options, tell);
  const split = splitDocuments(documents, { valFraction: options.valFraction, seed: options.seed });
  const [train, validation] = [tokensOf(split.train, used), tokensOf(split.validation, used)];
  return {
    tokenizer: used,
    train,
    validation,
    valBytes: bytesOf(split.validation),
    fingerprint: fingerprint(() => host.sha256(), train, { validation: fingerprint(() => host.sha256(), validation) }),
  };
}

function learnTokenizer(
  documents: readonly TextDocument[],
  { tokenizer: kind, vocab = DEFAULT_VOCAB }: CorpusOptions,
  tell: (event: TrainEvent) => void,
): Tokenizer {
  const chunks = documents.flatMap(({ chunks: pieces }) => pieces);
  if (kind === "char") return trainChar(chunks, { specialTokens: documents.length > 1 ? [END_OF_TEXT] : [] });
  tell({ event: "stage", stage: "tokenizer", message: `learning ${vocab} tokens` });
  const tokenizer = trainBpe(chunks, { vocabSize: vocab, specialTokens: [END_OF_TEXT] });
  if (tokenizer.vocabSize < vocab)
    tell({
      event: "warning",
      message: `the text gives ${tokenizer.vocabSize} tokens, fewer than the ${vocab} asked for`,
    });
  return tokenizer;
}

function tokensOf(documents: readonly SplitText[], tokenizer: Tokenizer): Tokens {
  const packer = tokenPacker({ vocabSize: tokenizer.vocabSize, separator: tokenizer.eosId });
  for (const { chunks } of documents) {
    for (const chunk of chunks) packer.add(tokenizer.encode(chunk, { addSpecialTokens: false }));
    packer.endDocument();
  }
  return packer.finish();
}

function bytesOf(documents: readonly SplitText[]): number {
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const { chunks } of documents) for (const chunk of chunks) bytes += encoder.encode(chunk).length;
  return bytes;
}
