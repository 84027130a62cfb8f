/** `quantize`: a model with weights of few bits, written when it is as good as it must be. Knows nothing of terminals. */
import { fail } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import { createTurn } from "../base/pause.ts";
import { sampleText } from "../data/sample.ts";
import { type OpenModel, openModel } from "../generate/load.ts";
import { tokenizerOf } from "../generate/text.ts";
import type { Host } from "../host/types.ts";
import { packPlan, suitedBlock } from "../models/pack-plan.ts";
import type { Runtime } from "../runtime/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { inFolder } from "../weights/folder.ts";
import { publishStaged, requireNewFolder } from "../weights/publish.ts";
import type { Quantization } from "../weights/quantization.ts";
import { type CalibrateHooks, type Calibration, calibrate } from "./calibrate.ts";
import { type Comparison, compareModels } from "./compare.ts";
import {
  type QualityLimits,
  type QuantizeOptions,
  type ResolvedQuantize,
  readQuantizeOptions,
  resolveQuantize,
} from "./options.ts";
import { openSource, type QuantizeSource } from "./source.ts";
import { writeQuantized } from "./write.ts";

/** How far the work is: tokens read, then weights packed, then tokens compared. */
export interface QuantizeProgress {
  readonly stage: "calibrate" | "pack" | "compare";
  readonly done: number;
  readonly total: number;
}

/** How the work is watched and stopped, and how options are called in messages. */
export interface QuantizeHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: QuantizeProgress) => void;
  readonly onWarning?: (message: string) => void;
  readonly showName?: (name: string) => string;
}

/** What was written. */
export interface QuantizeResult extends Quantization {
  readonly out: string;
  readonly parameters: number;
  /** Bytes of all weights before and after. */
  readonly bytesBefore: number;
  readonly bytes: number;
  /** Bits of a parameter in the file, scales and float32 weights included. */
  readonly bitsPerWeight: number;
  /** The text that the models were compared on: a file, or "stories in the box". */
  readonly text?: string;
  readonly comparison?: Comparison;
}

/** Default text, said of so in the result. */
const OWN_TEXT = "stories in the box";
/** Of the stories that models are trained on, others; and different ones to learn from and to compare on. */
const COMPARED_SEED = 20_000;
const CALIBRATION_SEED = 30_000;
const CALIBRATION_TOKENS = 2048;
/** Bytes of a token at most, on the average of any text. */
const BYTES_PER_TOKEN = 8;

/**
 * Quantises a model folder or GGUF file into the folder `out`, compares the result, run as it will be run, with the
 * model it was made of, and puts it in place. Throws QUALITY naming figure and limit when it is worse than asked for,
 * EXISTS when `out` holds something, ABORTED on request, and what opening the model throws. `out` is then as it was.
 */
export async function quantize(
  host: Host,
  runtime: Runtime,
  path: string,
  given: QuantizeOptions,
  hooks: QuantizeHooks = {},
): Promise<QuantizeResult> {
  const { showName = (name) => name } = hooks;
  const options = readQuantizeOptions(given, hooks.showName);
  const out = options.out ?? fail("BAD_OPTION", `${showName("out")}: got none, expected a folder to write to`);
  requireNewFolder(host, out);
  const text = options.noMeasure ? "" : textOf(host, showName("text"), options.text, options.tokens, COMPARED_SEED);
  const calibrationText = textOf(
    host,
    showName("calibration"),
    options.calibration,
    CALIBRATION_TOKENS,
    CALIBRATION_SEED,
  );
  const source = openSource(host, path, hooks.onWarning ?? (() => {}));
  const resolved = resolveQuantize(options, suitedBlock(source.model));
  return inFolder(host, out, () =>
    publishStaged(host, out, async (staging) => {
      const bytes = await write(host, runtime, staging, source, resolved, calibrationText, hooks);
      const comparison = options.noMeasure
        ? undefined
        : await compare(host, runtime, [path, staging], text, resolved, hooks);
      if (comparison) checkQuality(comparison, resolved, showName);
      return resultOf(source, bytes, out, resolved, comparison);
    }),
  );
}

/** The first bytes of a file, or stories in the box. */
function textOf(host: Host, option: string, file: string | undefined, tokens: number, seed: number): string {
  if (file === undefined) return sampleText({ seed, characters: tokens * BYTES_PER_TOKEN });
  if (host.kindOf(file) === undefined) fail("NOT_FOUND", `${option}: ${file}: there is no such file`);
  if (host.kindOf(file) !== "file") fail("BAD_OPTION", `${option}: ${file} is no file, expected a file of text`);
  const bytes = host.readBytes(file, 0, Math.min(host.fileSize(file), tokens * BYTES_PER_TOKEN));
  return new TextDecoder().decode(bytes);
}

/** Writes the folder, having learned from a text where that was asked for. Returns the bytes of the weights. */
async function write(
  host: Host,
  runtime: Runtime,
  folder: string,
  source: QuantizeSource,
  { quantization, rounding, threads }: ResolvedQuantize,
  text: string,
  { signal, onProgress }: QuantizeHooks,
): Promise<number> {
  const turn = createTurn(signal, "stopped: nothing was written", host.nowMs);
  const report = (stage: QuantizeProgress["stage"]) => (done: number, total: number) =>
    onProgress?.({ stage, done, total });
  const hooks = { threads, turn, onProgress: report("calibrate") };
  const learned = rounding === "feedback" ? await learn(host, runtime, source, quantization, text, hooks) : undefined;
  return writeQuantized(host, folder, source, quantization, {
    rounding: rounding === "nearest" ? "nearest" : "search",
    feedbackOf: (name) => learned?.feedbackOf(name),
    turn,
    onProgress: report("pack"),
  });
}

/** What the inputs of linear layers are over a text. The head and the embedding keep their rounding. */
async function learn(
  host: Host,
  runtime: Runtime,
  { model, shapes, tokenizer, place }: QuantizeSource,
  quantization: Quantization,
  text: string,
  hooks: CalibrateHooks,
): Promise<Calibration> {
  const hint = "Try another --rounding.";
  if (!tokenizer) return fail("BAD_TOKENIZER", `the model has no tokenizer to read a text with. ${hint}`);
  const [needed, free] = [4 * parametersOf(shapes), host.availableMemoryBytes()];
  if (needed > free)
    fail("OUT_OF_MEMORY", `calibration: got ${formatBytes(free)} of memory, expected ${formatBytes(needed)}. ${hint}`);
  const plan = packPlan(model, quantization).flat();
  const linear = plan.filter(({ rows, gathered }) => !gathered && rows !== model.vocabSize);
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).slice(0, CALIBRATION_TOKENS);
  return calibrate(runtime, model, place, new Set(linear.map(({ name }) => name)), ids, hooks);
}

const parametersOf = (shapes: QuantizeSource["shapes"]) =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0);

/** Opens both models as they are run, and compares them. */
async function compare(
  host: Host,
  runtime: Runtime,
  [path, made]: readonly [string, string],
  text: string,
  { tokens, threads }: ResolvedQuantize,
  { signal, onProgress }: QuantizeHooks,
): Promise<Comparison> {
  const open = { ...(threads !== undefined && { threads }) };
  using reference: OpenModel = await openModel(host, runtime, path, open);
  using quantised: OpenModel = await openModel(host, runtime, made, open);
  const tokenizer = tokenizerOf(reference);
  const ids = tokenizer.encode(text, { addSpecialTokens: false }).slice(0, tokens);
  if (ids.length < 2) fail("BAD_TEXT", `text: got ${ids.length} tokens to compare on, expected at least 2`);
  using before = reference.borrow();
  using after = quantised.borrow();
  return await compareModels(before.engine, after.engine, ids, startOf(tokenizer), {
    signal,
    onProgress: (done, total) => onProgress?.({ stage: "compare", done, total }),
  });
}

/** The start token, where the tokenizer puts one before every text. */
function startOf(tokenizer: Tokenizer): number[] {
  const { bosId } = tokenizer;
  return bosId !== undefined && tokenizer.encode("")[0] === bosId ? [bosId] : [];
}

function checkQuality(
  { meanKl, perplexity, referencePerplexity }: Comparison,
  { limits, quantization: { bits, block, headBits } }: ResolvedQuantize,
  showName: (name: string) => string,
): void {
  const figures: readonly (readonly [keyof QualityLimits, what: string, got: number])[] = [
    ["maxKl", "a mean KL divergence", meanKl],
    ["maxPerplexityRatio", "a perplexity ratio", perplexity / referencePerplexity],
  ];
  const tries = [
    ...(bits === 4 ? [`${showName("bits")} 8`] : []),
    ...(headBits === 4 ? [`${showName("headBits")} 8`] : []),
    ...(block > 32 ? [`${showName("block")} 32`] : []),
    "a higher limit",
  ];
  for (const [name, what, got] of figures)
    if (!(got <= limits[name]))
      fail(
        "QUALITY",
        `${showName(name)}: got ${what} of ${got.toPrecision(3)}, expected at most ${limits[name]}. Nothing was written. Try ${tries.join(" or ")}.`,
      );
}

function resultOf(
  source: QuantizeSource,
  bytes: number,
  out: string,
  { quantization, text }: ResolvedQuantize,
  comparison: Comparison | undefined,
): QuantizeResult {
  const parameters = parametersOf(source.shapes);
  return {
    out,
    ...quantization,
    parameters,
    bytesBefore: source.bytes,
    bytes,
    bitsPerWeight: (8 * bytes) / parameters,
    ...(comparison && { text: text ?? OWN_TEXT, comparison }),
  };
}
