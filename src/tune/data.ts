/** From data files to the tokens that train and validate, with a report of what was read. Knows no model. */
import { fail } from "../base/errors.ts";
import { type DataReport, dataReport } from "../data/data-report.ts";
import type { Example, SftExample } from "../data/example.ts";
import type { TokenExample } from "../data/example-tokens.ts";
import { type ExampleOptions, type Examples, readExamples } from "../data/examples.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { type RenderedExample, renderedExample } from "../data/rendered-example.ts";
import { SHAPE_NAMES } from "../data/shapes.ts";
import { splitExamples } from "../data/split-examples.ts";
import { type TokensOf, tokenizeExamples } from "../data/tokenize-examples.ts";
import type { Host } from "../host/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { type DecidedTune, fieldsOf } from "./options.ts";
import { type ChosenTemplate, chosenTemplate, isChat } from "./template.ts";

/** Examples and their tokens, side by side. */
export interface TokenSet<E extends Example> {
  readonly examples: readonly E[];
  readonly tokens: readonly TokensOf<E>[];
}

/** What a run learns from. */
export interface TuneData<E extends Example = SftExample> {
  readonly train: TokenSet<E>;
  /** Empty where nothing validates. */
  readonly validation: TokenSet<E>;
  readonly report: DataReport;
  /** The first example that is trained on. */
  readonly shown: RenderedExample & { readonly at: string };
  /** In place of the model's own. */
  readonly template: ChosenTemplate | undefined;
  /** Equal for equal tokens and masks. */
  readonly fingerprint: string;
}

/** What reading is done with. */
export interface DataWorld {
  readonly host: Host;
  readonly warn: (message: string) => void;
  readonly showName: (name: string) => string;
  /** Lets the rest of the process have its turn; throws when the run is to stop. */
  readonly turn: () => Promise<void>;
}

/** The kinds of examples that an objective learns from, for the check and for messages. */
export interface WantedExamples<E extends Example> {
  readonly kinds: readonly E["kind"][];
  /** "--objective sft learns from ...". */
  readonly says: string;
}

/** Of supervised fine-tuning. */
export const SFT_EXAMPLES: WantedExamples<SftExample> = {
  kinds: ["text", "chat", "completion"],
  says: "sft learns from messages, conversations, instruction and output, prompt and completion, or text",
};

/**
 * Reads, splits and tokenizes. `date` is that of templates which write it, `template` the run's own when it is continued. Throws BAD_DATA, BAD_OPTION, BAD_CHAT,
 * NOT_FOUND, UNSUPPORTED.
 */
export async function readTuneData<E extends Example>(
  world: DataWorld,
  paths: readonly string[],
  options: DecidedTune & { readonly maxLength: number },
  tokenizer: ChatTokenizer,
  wanted: WantedExamples<E>,
  { date, template }: { readonly date: string; readonly template?: ChosenTemplate | undefined },
): Promise<TuneData<E>> {
  const { host, showName } = world;
  const reading = readingOptions(options);
  const read = await readExamples(host, paths, reading);
  const examples = checkedKinds(read, wanted, showName);
  await world.turn();
  const held =
    options.val.length > 0 ? await readExamples(host, options.val, { ...reading, shape: read.shape }) : undefined;
  await world.turn();
  const isForChats = examples.some(isChat) || (held?.examples.some(isChat) ?? false);
  const chosen = template ?? chosenTemplate(host, options.chatTemplate, tokenizer, isForChats, showName);
  const tokenize = (of: readonly E[]) =>
    tokenizeExamples<E>(of, tokenizer, {
      loss: options.loss,
      maxLength: options.maxLength,
      strict: options.strict,
      now: new Date(date),
      ...(chosen && { template: chosen.source }),
    });
  const all = tokenize(examples);
  await world.turn();
  const tokensOf = new Map(all.examples.map((example, i) => [example, all.tokens[i]!]));
  const setOf = (of: readonly E[]): TokenSet<E> => ({
    examples: of,
    tokens: of.map((each) => tokensOf.get(each) as TokensOf<E>),
  });
  const split = held
    ? { train: all.examples, validation: [] }
    : splitExamples(all.examples, { valFraction: options.valFraction, seed: options.seed }, () => host.sha256());
  const { bad: heldBad = [] } = held ?? {};
  if (heldBad[0])
    world.warn(`${options.val.join(", ")}: ${heldBad.length} bad records left out: ${heldBad[0].problem}`);
  const validation = held ? tokenize(checkedKinds(held, wanted, showName)) : setOf(split.validation);
  const train = setOf(split.train);
  const first = train.examples[0]!;
  return {
    train,
    validation: validation as TokenSet<E>,
    report: dataReport(read, all.report),
    shown: { at: first.at, ...renderedExample(sequencesOf(train.tokens[0]!)[0]!, tokenizer) },
    template: chosen,
    fingerprint: fingerprintOf(host, [train, validation as TokenSet<E>]),
  };
}

function readingOptions(options: DecidedTune): ExampleOptions {
  const fields = fieldsOf(options.field);
  return {
    strict: options.strict,
    ...(options.shape && { shape: options.shape }),
    ...(fields && { fields }),
    ...(options.maxExamples !== undefined && { maxExamples: options.maxExamples }),
  };
}

function checkedKinds<E extends Example>(
  { examples, files, shape }: Examples,
  { kinds, says }: WantedExamples<E>,
  showName: (name: string) => string,
): readonly E[] {
  const other = examples.find(({ kind }) => !(kinds as readonly string[]).includes(kind));
  if (other)
    fail(
      "BAD_DATA",
      `${files[0]}: got records of the shape ${SHAPE_NAMES[shape]}, and ${showName("objective")} ${says}. Try another ${showName("objective")} or ${showName("shape")}`,
    );
  return examples as readonly E[];
}

/** The sequences of an example's tokens: one, or both answers of a preference. */
export function sequencesOf(tokens: TokensOf<Example>): readonly TokenExample[] {
  return "chosen" in tokens ? [tokens.chosen, tokens.rejected] : [tokens];
}

function fingerprintOf<E extends Example>(host: Host, sets: readonly TokenSet<E>[]): string {
  const hash = () => host.sha256();
  const parts = sets.map(({ tokens }) => {
    const sequences = tokens.flatMap((each) => sequencesOf(each as TokensOf<Example>));
    const ids = joined(sequences.map(({ ids }) => ids));
    const masks = joined(sequences.map(({ mask }) => Int32Array.from(mask)));
    const lengths = Int32Array.from(sequences.map(({ ids: { length } }) => length));
    const labels = Int32Array.from(tokens.map((each) => ("label" in each && each.label ? 1 : 0)));
    return [ids, masks, lengths, labels].map((list) => fingerprint(hash, list));
  });
  return fingerprint(hash, new Int32Array(0), parts);
}

function joined(lists: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}
