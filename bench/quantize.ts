/**
 * How much a model loses by each way to store its matrices: `node dist/bench/quantize.js MODEL TEXT [TOKENS]`.
 * Weights are rounded and made float32 again, so that nothing but the rounding is compared; the output head (or the
 * embedding that is one) is at 8 bits in every row. Q4_0 and Q8_0 are llama.cpp's, by this repository's own rounding to them.
 */
import process from "node:process";
import { sampleText } from "../src/data/sample.ts";
import { type Engine, openEngine } from "../src/generate/engine.ts";
import { openRuntimeFor, openTokenizer } from "../src/generate/load.ts";
import { host } from "../src/host/node.ts";
import { type PlannedWeight, packPlan } from "../src/models/pack-plan.ts";
import { calibrate } from "../src/quantize/calibrate.ts";
import { type Comparison, compareModels } from "../src/quantize/compare.ts";
import { openSource, type QuantizeSource } from "../src/quantize/source.ts";
import type { Runtime } from "../src/runtime/types.ts";
import { blockFormat } from "../src/weights/blocks.ts";
import { roundWithFeedback } from "../src/weights/feedback.ts";
import { packRows, type Rounding, unpackRows } from "../src/weights/pack.ts";
import { transpose } from "../src/weights/stored.ts";

/** Rows of a matrix, rounded. */
type RoundTrip = (rows: Float32Array, width: number, name: string) => Float32Array;

interface Way {
  readonly name: string;
  readonly bitsPerWeight: number;
  readonly roundTrip: RoundTrip;
}

const packed = (bits: 4 | 8, block: number, rounding: Rounding): Way => ({
  name: `${bits} bits, block ${block}, ${rounding}`,
  bitsPerWeight: bits + 32 / block,
  roundTrip: (rows, width) => unpackRows(packRows(rows, width, { bits, block }, { rounding }), width, { bits, block }),
});

/** Packed with feedback learned from stories in the box, as `ownlm quantize` does. */
const withFeedback = (block: number): Way => ({
  name: `4 bits, block ${block}, feedback`,
  bitsPerWeight: 4 + 32 / block,
  roundTrip: (rows, width, name) => {
    const format = { bits: 4, block } as const;
    const made = packRows(rows, width, format);
    const feedback = calibration.feedbackOf(name);
    if (feedback) roundWithFeedback(rows.slice(), width, made, format, feedback);
    return unpackRows(made, width, format);
  },
});

const llamaCpp = (name: "Q4_0" | "Q8_0"): Way => ({
  name,
  bitsPerWeight: name === "Q4_0" ? 4.5 : 8.5,
  roundTrip: (rows) => {
    const format = blockFormat(name);
    const bytes = new Uint8Array((rows.length / format.elements) * format.bytes);
    format.quantise!(rows, bytes);
    const out = new Float32Array(rows.length);
    format.dequantise(bytes, out);
    return out;
  },
});

const WAYS: readonly Way[] = [
  llamaCpp("Q4_0"),
  ...([32, 64, 128] as const).flatMap((block) => [
    packed(4, block, "nearest"),
    packed(4, block, "search"),
    withFeedback(block),
  ]),
  llamaCpp("Q8_0"),
  ...([32, 64, 128] as const).flatMap((block) => [packed(8, block, "nearest"), packed(8, block, "search")]),
];

const [model, text, tokens = "16384"] = process.argv.slice(2);
if (!model || !text) throw new Error("expected a model's folder, a text and perhaps a number of tokens");
const source = openSource(host, model, console.warn);
const ids = openTokenizer(host, model)
  .encode(host.readText(text), { addSpecialTokens: false })
  .slice(0, Number(tokens));
const runtime = await openRuntimeFor(host);
const reference = await engineOf(runtime, source, new Map());
const { plan, headPlan } = plansOf(source);
const stories = sampleText({ seed: 30_000, characters: 16_384 });
const calibrationIds = openTokenizer(host, model).encode(stories, { addSpecialTokens: false }).slice(0, 2048);
const names = new Set(plan.map(({ name }) => name));
const hooks = { turn: async () => {}, onProgress: () => {} };
const calibration = await calibrate(runtime, source.model, source.place, names, calibrationIds, hooks);
console.log(
  "| weights | bits per weight | relative error | perplexity ratio | mean KL | 99 % KL | same first choice |",
);
console.log("|---|---|---|---|---|---|---|");
for (const way of WAYS) {
  const { weights, error } = rounded(way);
  using engine = await engineOf(runtime, source, weights);
  print(way, error, await compareModels(reference, engine, ids, []));
}
reference.dispose();

function plansOf({ model: { vocabSize } }: QuantizeSource) {
  const all = packPlan(source.model, { bits: 4, block: 32, headBits: 8, embeddingBits: 8 }).flat();
  const isHead = ({ rows }: PlannedWeight) => rows === vocabSize;
  return { plan: all.filter((weight) => !isHead(weight)), headPlan: all.filter(isHead) };
}

/** Every planned weight after its round trip, and the error of those that differ between the ways. */
function rounded({ roundTrip }: Way): { weights: Map<string, Float32Array>; error: number } {
  const weights = new Map<string, Float32Array>();
  let [wrong, size] = [0, 0];
  for (const weight of [...plan, ...headPlan]) {
    const rows = source.rowsOf(weight).read(0, weight.rows);
    const isHead = headPlan.includes(weight);
    const got = (isHead ? packed(8, 64, "search").roundTrip : roundTrip)(rows, weight.width, weight.name);
    if (!isHead)
      rows.forEach((x, i) => {
        wrong += (x - got[i]!) ** 2;
        size += x * x;
      });
    weights.set(weight.name, weight.layout === "in-out" ? transpose(got, weight.rows, weight.width) : got);
  }
  return { weights, error: Math.sqrt(wrong / size) };
}

function engineOf(
  runtime: Runtime,
  { model, floatsOf }: QuantizeSource,
  weights: ReadonlyMap<string, Float32Array>,
): Promise<Engine> {
  const place = (name: string) => ({ kind: "memory", data: weights.get(name) ?? floatsOf(name) }) as const;
  return openEngine(runtime, model, { place }, { capacity: Math.min(512, model.maxPositions) });
}

function print({ name, bitsPerWeight }: Way, error: number, c: Comparison): void {
  const cells = [
    name,
    bitsPerWeight,
    error.toFixed(5),
    (c.perplexity / c.referencePerplexity).toFixed(5),
    c.meanKl.toExponential(2),
    c.kl99.toExponential(2),
    `${(100 * c.topAgreement).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
