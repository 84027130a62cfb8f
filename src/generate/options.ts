/** What generation, scoring and measuring can be asked for: declared once, for the command line and the library. */
import type { OptionSpecs } from "../base/options.ts";

const MOST = 2 ** 31 - 1;

/** How a model is opened. */
export const MODEL_OPTIONS = {
  context: {
    kind: "int",
    min: 1,
    max: MOST,
    help: "Tokens of prompt and text together",
    auto: "the model's own, at most 8192",
  },
  adapter: {
    kind: "list",
    placeholder: "[NAME=]DIR",
    help: "An adapter beside the model; again for more, held in memory. The first is used unless a text asks for another",
  },
  threads: { kind: "int", min: 1, max: 256, help: "Threads to compute with", auto: "the machine's cores" },
  quantize: { kind: "choice", choices: [4, 8], help: "Pack the weights to so many bits as the model is opened" },
  cacheType: {
    kind: "choice",
    choices: ["f32", "q8"],
    default: "f32",
    help: "Keep keys and values as float32, or as 8-bit integers in a quarter of the memory",
  },
} as const satisfies OptionSpecs;

/** How a text is continued. */
export const GENERATE_OPTIONS = {
  adapterName: {
    kind: "text",
    placeholder: "NAME",
    help: "Which adapter in memory to use; none: the model without",
    auto: "the first",
  },
  maxNewTokens: {
    kind: "int",
    short: "n",
    min: 1,
    max: MOST,
    help: "Most new tokens",
    auto: "the model's own, else 128",
  },
  temperature: {
    kind: "number",
    short: "t",
    min: 0,
    max: 100,
    help: "How freely to choose; 0: the most probable token",
    auto: "the model's own, else 0.8",
  },
  topK: { kind: "int", min: 0, max: MOST, help: "Choose among the K most probable tokens; 0: all" },
  topP: { kind: "number", min: 0, max: 1, help: "Choose among the fewest that reach this probability" },
  minP: { kind: "number", min: 0, max: 1, help: "Choose among those this fraction as probable as the best" },
  typicalP: { kind: "number", min: 0.001, max: 1, help: "Choose among the most typical that reach this probability" },
  topH: { kind: "number", min: 0.001, max: 1, help: "Choose among the best that hold this part of the entropy" },
  epsilonCutoff: { kind: "number", min: 0, max: 1, help: "Choose among those at least so probable" },
  etaCutoff: { kind: "number", min: 0, max: 1, help: "As --epsilon-cutoff, less strict where all is uncertain" },
  seed: {
    kind: "int",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    help: "Equal seeds give equal text",
    auto: "a new one each time",
  },
  numReturnSequences: {
    kind: "int",
    min: 1,
    max: 1024,
    help: "Continuations: drawn with one seed, or the best beams",
    auto: "1",
  },
  numBeams: { kind: "int", min: 1, max: 256, help: "Beams of a search for the most probable text; 1: none" },
  lengthPenalty: {
    kind: "number",
    min: -100,
    max: 100,
    help: "A beam's score is its log P over its length to this power",
    auto: "1",
  },
  earlyStopping: {
    kind: "choice",
    choices: [false, true, "never"],
    help: "End with as many finished beams as there are beams, where better ones are unlikely, or never before",
    auto: "false",
  },
  repetitionPenalty: { kind: "number", min: 0.01, max: 100, help: "Above 1: repeat less" },
  presencePenalty: { kind: "number", min: -100, max: 100, help: "Taken off the logits of new tokens seen before" },
  frequencyPenalty: { kind: "number", min: -100, max: 100, help: "The same for each time that they were seen" },
  encoderRepetitionPenalty: { kind: "number", min: 0.01, max: 100, help: "Above 1: keep to the prompt's tokens" },
  noRepeatNgramSize: { kind: "int", min: 0, max: MOST, help: "Make no row of N tokens twice; 0: any" },
  encoderNoRepeatNgramSize: { kind: "int", min: 0, max: MOST, help: "Make no row of N tokens that the prompt has" },
  logitBias: { kind: "biases", help: "Added to a token's logit, or to the last's of a row after the others" },
  badWords: { kind: "list", placeholder: "TEXT", help: "Never make these words" },
  badWordsIds: { kind: "idLists", help: "Never make these rows of tokens" },
  suppressTokens: { kind: "ids", help: "Never make these tokens" },
  beginSuppressTokens: { kind: "ids", help: "Do not begin with these tokens" },
  prefix: { kind: "text", placeholder: "TEXT", help: "What the new text must begin with" },
  prefixIds: { kind: "ids", help: "Tokens that the new ones must begin with" },
  minNewTokens: { kind: "int", min: 0, max: MOST, help: "Make so many tokens before an end is taken" },
  exponentialDecayLengthPenalty: { kind: "pair", help: "After N tokens make an end X times likelier with each" },
  forcedBosTokenId: { kind: "int", min: 0, max: MOST, help: "The second token of a text" },
  forcedEosTokenId: { kind: "ids", help: "The last token where all are used" },
  renormalizeLogits: { kind: "flag", help: "Make probabilities of what is left before choosing" },
  removeInvalidValues: { kind: "flag", help: "Take logits that are no numbers for 0 and the largest there are" },
  stop: { kind: "list", placeholder: "TEXT", help: "End where this would come; it is not shown" },
  stopTokenIds: { kind: "ids", help: "Further tokens that end the text" },
  maxTime: { kind: "number", min: 0, max: MOST, help: "Most seconds; the token that is being made is kept" },
  logprobs: { kind: "int", min: 0, max: 1_000_000, help: "Give log P of each token, and of the N best in its place" },
  promptLogprobs: { kind: "int", min: 0, max: 1_000_000, help: "The same for the prompt's tokens" },
  jsonSchema: { kind: "text", placeholder: "FILE|JSON", help: "Write JSON that this schema allows" },
  regex: { kind: "text", placeholder: "REGEX", help: "Write a text that this matches as a whole" },
  choices: { kind: "list", separator: ",", placeholder: "A,B", help: "Write one of these" },
  grammar: { kind: "text", placeholder: "FILE", help: "Write a text of these rules (EBNF)" },
  speculate: {
    kind: "choice",
    choices: ["auto", "on", "off"],
    default: "auto",
    help: "Guess tokens and check several a step where that is faster: at temperature 0, always, never",
  },
  overflow: {
    kind: "choice",
    choices: ["refuse", "shift"],
    default: "refuse",
    help: "Where the context is full: end, or forget what is oldest and go on",
  },
  keep: { kind: "int", min: 0, max: MOST, default: 4, help: "First tokens that --overflow shift never forgets" },
} as const satisfies OptionSpecs;

/** How several texts are continued. */
export const BATCH_OPTIONS = {
  batch: { kind: "int", min: 1, max: 1024, default: 8, help: "Most continuations that are computed at once" },
} as const satisfies OptionSpecs;

/** What the verb `generate` takes from files besides. */
export const GENERATE_FILES = {
  draftModel: { kind: "text", placeholder: "MODEL", help: "A smaller model with the same tokens, to guess with" },
  cache: {
    kind: "text",
    placeholder: "FILE",
    help: "Read what the model has read before from here, and write it back",
  },
} as const satisfies OptionSpecs;

/** How a text is scored. */
export const SCORE_OPTIONS = {
  bos: { kind: "flag", help: "Put the start token first, so that every token is scored" },
  stride: {
    kind: "int",
    min: 1,
    max: MOST,
    auto: "half the context",
    help: "Tokens between the windows that a text longer than --context is read in",
  },
} as const satisfies OptionSpecs;

/** How the next token is asked for. */
export const NEXT_OPTIONS = {
  top: { kind: "int", short: "n", min: 1, max: 1_000_000, auto: "10; of a tree 3", help: "Candidates to show" },
  tree: { kind: "flag", help: "Show what may follow each of them, and how probable it all is together" },
  depth: { kind: "int", min: 1, max: 1000, auto: "3", help: "Tokens of the tree's branches" },
} as const satisfies OptionSpecs;

/** How a text becomes ids. */
export const TOKENIZE_OPTIONS = {
  noSpecial: { kind: "flag", help: "Add no special tokens, such as one that begins a text" },
} as const satisfies OptionSpecs;

/** What is measured, by llama-bench's conventions. */
export const BENCH_OPTIONS = {
  promptTokens: {
    kind: "int",
    short: "p",
    min: 1,
    max: 2 ** 20,
    default: 512,
    help: "Tokens of a prompt, read at once",
  },
  newTokens: { kind: "int", short: "n", min: 1, max: 2 ** 20, default: 128, help: "Tokens made one by one" },
  repetitions: { kind: "int", short: "r", min: 1, max: 1000, default: 5, help: "Times that each is measured" },
  depth: {
    kind: "int",
    short: "d",
    min: 0,
    max: 2 ** 20,
    default: 0,
    help: "Tokens in the cache before each is measured",
  },
  threads: MODEL_OPTIONS.threads,
  quantize: MODEL_OPTIONS.quantize,
  cacheType: MODEL_OPTIONS.cacheType,
} as const satisfies OptionSpecs;
