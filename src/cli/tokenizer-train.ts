/** The verb `tokenizer train`: a vocabulary learned from texts, as the files that go with it. */
import { fail } from "../base/errors.ts";
import { formatCount, shellPath } from "../base/format.ts";
import { createTurn, inTurns } from "../base/pause.ts";
import { readTexts } from "../data/read.ts";
import type { TextDocument } from "../data/types.ts";
import type { Host } from "../host/types.ts";
import type { PatternName } from "../tokenizer/patterns.ts";
import { bpeTraining, END_OF_TEXT, type TrainProgress } from "../tokenizer/train-bpe.ts";
import { trainChar } from "../tokenizer/train-char.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { tokenizerConfig } from "../tokenizer/write-json.ts";
import { discard } from "../weights/files.ts";
import { inFolder } from "../weights/folder.ts";
import { writeText } from "../weights/safetensors.ts";
import { liveArea } from "./terminal.ts";
import { type Io, verb } from "./verb.ts";

/** The tokenizer itself comes last. */
const FILES = ["tokenizer_config.json", "tokenizer.json"] as const;
/** Nobody knows yet for which model the vocabulary is. */
const NO_LIMIT = 2 ** 31 - 1;

interface Wanted {
  readonly type: "bpe" | "char";
  readonly vocab: number;
  readonly pattern: PatternName;
}

export const TOKENIZER_TRAIN = verb({
  name: "tokenizer train",
  summary: "Learn a vocabulary from files and folders of text",
  operands: "TEXT...",
  arity: [1, 100_000],
  options: {
    out: { kind: "text", short: "o", placeholder: "DIR", help: "Folder for tokenizer.json and tokenizer_config.json" },
    vocab: { kind: "int", min: 257, max: 2 ** 22, default: 4096, help: "Tokens of a bpe vocabulary" },
    type: { kind: "choice", choices: ["bpe", "char"], default: "bpe", help: "Byte-level BPE, or a token a character" },
    pattern: {
      kind: "choice",
      choices: ["gpt2", "llama3", "qwen2"],
      default: "gpt2",
      help: "How bpe cuts a text into words first",
    },
  },
  examples: [
    ["ownlm tokenizer train book.txt --out mytokenizer --vocab 2000", "then: ownlm tokenize mytokenizer Once"],
  ],
  async run(io, { operands, options }) {
    const out = options.out ?? fail("USAGE", "tokenizer train: got no --out, expected a folder to write to");
    const { host } = io;
    for (const file of FILES.map((name) => host.join(out, name)))
      if (host.kindOf(file) !== undefined) fail("EXISTS", `${file}: exists already. Choose another --out.`);
    const { documents, warnings } = readTexts(host, operands);
    for (const warning of warnings) io.warn(warning);
    const tokenizer = await inFolder(host, out, async () => {
      const learned = await learn(io, documents, options);
      save(host, out, learned);
      return learned;
    });
    if (options.type === "bpe" && tokenizer.vocabSize < options.vocab)
      io.warn(`the text gives ${tokenizer.vocabSize} tokens, fewer than the ${options.vocab} asked for`);
    if (io.machine) io.json({ out, type: tokenizer.kind, vocabSize: tokenizer.vocabSize });
    else io.print(doneLine(out, tokenizer));
  },
});

async function learn(io: Io, documents: readonly TextDocument[], { type, vocab, pattern }: Wanted): Promise<Tokenizer> {
  const chunks = documents.flatMap((document) => document.chunks);
  if (type === "char") return trainChar(chunks, { specialTokens: [END_OF_TEXT] });
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
  const training = bpeTraining(chunks, { vocabSize: vocab, specialTokens: [END_OF_TEXT], preTokenizer: pattern });
  const turn = createTurn(io.signal, "stopped: no tokenizer was written", io.host.nowMs);
  try {
    return await inTurns(training, turn, (progress) => area?.draw([progressLine(progress)]));
  } finally {
    area?.finish();
  }
}

/** Both files or none. */
function save(host: Host, out: string, tokenizer: Tokenizer): void {
  const contents = [tokenizerConfig(tokenizer, { modelMaxLength: NO_LIMIT }), tokenizer];
  try {
    for (const [i, name] of FILES.entries())
      writeText(host, host.join(out, name), `${JSON.stringify(contents[i], null, 2)}\n`);
  } catch (error) {
    for (const name of FILES) discard(host, host.join(out, name));
    throw error;
  }
}

const doneLine = (out: string, { vocabSize }: Tokenizer) =>
  `${formatCount(vocabSize)} tokens in ${out}. Try: ownlm tokenize ${shellPath(out)} "Once upon a time"`;

function progressLine(progress: TrainProgress): string {
  return progress.stage === "count"
    ? `${formatCount(progress.units)} characters read, ${formatCount(progress.words)} different words`
    : `${formatCount(progress.vocabSize)} of ${formatCount(progress.target)} tokens`;
}
