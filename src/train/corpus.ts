/** From files of text to a tokenizer and the tokens that train and validate. Knows no model. */
import { inTurns } from "../base/pause.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { type Tokens, tokenPacker } from "../data/pack.ts";
import { readTexts } from "../data/read.ts";
import { type SplitText, splitDocuments } from "../data/split.ts";
import type { TextDocument } from "../data/types.ts";
import type { Host } from "../host/types.ts";
import { bpeTraining, END_OF_TEXT } from "../tokenizer/train-bpe.ts";
import { trainChar } from "../tokenizer/train-char.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { TrainEvent } from "./events.ts";
import { holdsRun } from "./settings.ts";

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

/** What reading is done with. */
export interface CorpusWorld {
  readonly host: Host;
  readonly tell: (event: TrainEvent) => void;
  /** Lets the rest of the process have its turn; throws when the run is to stop. */
  readonly turn: () => Promise<void>;
}

/**
 * Reads texts and cuts them into tokens; `tokenizer` is a run's own when it is continued. Folders of runs among folders
 * of text are left out: their logs are no text.
 */
export async function readCorpus(
  world: CorpusWorld,
  texts: readonly string[],
  options: CorpusOptions,
  tokenizer?: Tokenizer,
): Promise<Corpus> {
  const { host, tell, turn } = world;
  tell({ event: "stage", stage: "text", message: `reading ${texts.join(", ")}` });
  const leaveOut = (folder: string) => holdsRun(host, folder);
  const { documents, warnings } = readTexts(host, texts, { strict: options.strict, leaveOut });
  for (const message of warnings) tell({ event: "warning", message });
  await turn();
  const used = tokenizer ?? (await learnTokenizer(world, documents, options));
  const split = splitDocuments(documents, { valFraction: options.valFraction, seed: options.seed });
  const train = await tokensOf(split.train, used, turn);
  const validation = await tokensOf(split.validation, used, turn);
  return {
    tokenizer: used,
    train,
    validation,
    valBytes: bytesOf(split.validation),
    fingerprint: fingerprint(() => host.sha256(), train, { validation: fingerprint(() => host.sha256(), validation) }),
  };
}

async function learnTokenizer(
  { tell, turn }: CorpusWorld,
  documents: readonly TextDocument[],
  { tokenizer: kind, vocab = DEFAULT_VOCAB }: CorpusOptions,
): Promise<Tokenizer> {
  const chunks = documents.flatMap(({ chunks: pieces }) => pieces);
  if (kind === "char") return trainChar(chunks, { specialTokens: documents.length > 1 ? [END_OF_TEXT] : [] });
  tell({ event: "stage", stage: "tokenizer", message: `learning ${vocab} tokens` });
  const tokenizer = await inTurns(bpeTraining(chunks, { vocabSize: vocab, specialTokens: [END_OF_TEXT] }), turn);
  if (tokenizer.vocabSize < vocab)
    tell({
      event: "warning",
      message: `the text gives ${tokenizer.vocabSize} tokens, fewer than the ${vocab} asked for`,
    });
  return tokenizer;
}

async function tokensOf(
  documents: readonly SplitText[],
  tokenizer: Tokenizer,
  turn: () => Promise<void>,
): Promise<Tokens> {
  const packer = tokenPacker({ vocabSize: tokenizer.vocabSize, separator: tokenizer.eosId });
  for (const { chunks } of documents) {
    for (const chunk of chunks) {
      packer.add(tokenizer.encodeIds(chunk, { addSpecialTokens: false }));
      await turn();
    }
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
