/** From data files to the tokens that train and validate, with a report of what was read. Knows no model. */
import { fail } from "../base/errors.ts";
import { type DataReport, dataReport } from "../data/data-report.ts";
import type { Example } from "../data/example.ts";
import type { TokenExample } from "../data/example-tokens.ts";
import { type ExampleOptions, type Examples, readExamples } from "../data/examples.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { type RenderedExample, renderedExample } from "../data/rendered-example.ts";
import { SHAPE_NAMES } from "../data/shapes.ts";
import { splitExamples } from "../data/split-examples.ts";
import { type TokensOf, tokenizeExamples } from "../data/tokenize-examples.ts";
import type { Host } from "../host/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { type ObjectiveKind, objectivesFor } from "./kinds.ts";
import { type DecidedTune, fieldsOf } from "./options.ts";
import { type ChosenTemplate, chosenTemplate, isChat } from "./template.ts";

/** Examples and their tokens, side by side. */
export interface TokenSet {
  readonly examples: readonly Example[];
  readonly tokens: readonly TokensOf<Example>[];
}

/** What a run learns from. */
export interface TuneData {
  readonly train: TokenSet;
  /** Empty where nothing validates. */
  readonly validation: TokenSet;
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

/**
 * Reads, splits and tokenizes. `date` is that of templates which write it, `template` the run's own when it is continued. Throws BAD_DATA, BAD_OPTION, BAD_CHAT,
 * NOT_FOUND, UNSUPPORTED.
 */
export async function readTuneData(
  world: DataWorld,
  paths: readonly string[],
  options: DecidedTune & { readonly maxLength: number },
  tokenizer: ChatTokenizer,
  kind: ObjectiveKind,
  { date, template }: { readonly date: string; readonly template?: ChosenTemplate | undefined },
): Promise<TuneData> {
  const { host, showName } = world;
  const reading = readingOptions(options, kind);
  const read = await readExamples(host, paths, reading);
  const examples = checkedKinds(read, kind, options.objective, showName);
  await world.turn();
  const held =
    options.val.length > 0 ? await readExamples(host, options.val, { ...reading, shape: read.shape }) : undefined;
  await world.turn();
  const isForChats = examples.some(isChat) || (held?.examples.some(isChat) ?? false);
  const chosen = template ?? chosenTemplate(host, options.chatTemplate, tokenizer, isForChats, showName);
  const tokenize = (of: readonly Example[]) =>
    tokenizeExamples(of, tokenizer, {
      loss: options.loss,
      maxLength: longestOf(options, kind, showName),
      strict: options.strict,
      now: new Date(date),
      ...(chosen && { template: chosen.source }),
    });
  const all = tokenize(examples);
  await world.turn();
  const tokensOf = new Map(all.examples.map((example, i) => [example, all.tokens[i]!]));
  const setOf = (of: readonly Example[]): TokenSet => ({
    examples: of,
    tokens: of.map((each) => tokensOf.get(each) as TokensOf<Example>),
  });
  const split = held
    ? { train: all.examples, validation: [] }
    : splitExamples(all.examples, { valFraction: kind.validates ? options.valFraction : 0, seed: options.seed }, () =>
        host.sha256(),
      );
  const { bad: heldBad = [] } = held ?? {};
  if (heldBad[0])
    world.warn(`${options.val.join(", ")}: ${heldBad.length} bad records left out: ${heldBad[0].problem}`);
  const validation = held ? tokenize(checkedKinds(held, kind, options.objective, showName)) : setOf(split.validation);
  const train = setOf(split.train);
  const first = train.examples[0]!;
  return {
    train,
    validation,
    report: dataReport(read, all.report),
    shown: { at: first.at, ...renderedExample(sequencesOf(train.tokens[0]!)[0]!, tokenizer) },
    template: chosen,
    fingerprint: fingerprintOf(host, [train, validation]),
  };
}

/** Most tokens of an example; where the model is to write behind it, there is room for that. Throws BAD_OPTION. */
function longestOf(
  options: DecidedTune & { readonly maxLength: number },
  kind: ObjectiveKind,
  showName: (name: string) => string,
): number {
  if (kind.shape !== "prompt") return options.maxLength;
  const written = kind.morePositions(options);
  if (options.maxLength - written >= 2) return options.maxLength - written;
  return fail(
    "BAD_OPTION",
    `${showName("answerTokens")}: got ${written}, expected at most ${options.maxLength - 2}: prompt and answer have ${options.maxLength} tokens together`,
  );
}

/** How records are read. */
export function readingOptions(options: DecidedTune, kind?: ObjectiveKind): ExampleOptions {
  const fields = fieldsOf(options.field);
  const shape = options.shape ?? kind?.shape;
  return {
    strict: options.strict,
    ...(shape && { shape }),
    ...(fields && { fields }),
    ...(options.maxExamples !== undefined && { maxExamples: options.maxExamples }),
  };
}

function checkedKinds(
  { examples, files, shape }: Examples,
  { kinds, learnsFrom }: ObjectiveKind,
  objective: string,
  showName: (name: string) => string,
): readonly Example[] {
  const other = examples.find(({ kind }) => !kinds.includes(kind));
  const able = other ? objectivesFor(other.kind).map((name) => `${showName("objective")} ${name}`) : [];
  const advice =
    able.length > 0 ? `Try ${able.join(" or ")}, or another ${showName("shape")}` : `Try another ${showName("shape")}`;
  if (other)
    fail(
      "BAD_DATA",
      `${files[0]}: got records of the shape ${SHAPE_NAMES[shape]}, and ${showName("objective")} ${objective} learns from ${learnsFrom}. ${advice}`,
    );
  return examples;
}

/** The sequences of an example's tokens: one, or both answers of a preference. */
export function sequencesOf(tokens: TokensOf<Example>): readonly TokenExample[] {
  return "chosen" in tokens ? [tokens.chosen, tokens.rejected] : [tokens];
}

function fingerprintOf(host: Host, sets: readonly TokenSet[]): string {
  const hash = () => host.sha256();
  const parts = sets.map(({ tokens }) => {
    const sequences = tokens.flatMap(sequencesOf);
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
