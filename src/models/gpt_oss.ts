/** gpt-oss (OpenAI 2025): experts in every layer, attention sinks, every other layer over a window, YaRN positions. */
import type { JsonObject } from "../base/json.ts";
import { apply, constant, parameter, parameterPart, scope } from "../graph/build.ts";
import { add, gather, gemm, max, min, mul, reshape, split } from "../graph/functions.ts";
import type { Init, Value } from "../graph/types.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { linear, type Norm, normal, rmsNorm, ZEROS } from "../nn/layers.ts";
import { type Experts, mixture, routeByLogit } from "../nn/moe.ts";
import { type ConfigReader, configReader } from "./config.ts";
import {
  decoder,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  residualInit,
  selfAttention,
} from "./decoder.ts";
import { layerWindows, readSizes, readWindow, type Sizes } from "./decoder-config.ts";
import { readExpertCounts, routerLogits } from "./experts.ts";
import { readRope, ropeFrom } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

/** The rotation of a config that says nothing of it. */
const ROPE = {
  rope_type: "yarn",
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/** SwiGLU with its inputs held within limits: (up + 1) gate sigmoid(alpha gate). */
interface Clamped {
  readonly alpha: number;
  readonly limit: number;
}

/** Gate and up, which alternate: (n, 2F) to (n, F) each. */
function alternating(risen: Value): [gate: Value, up: Value] {
  const [rows, double] = risen.shape as [number, number];
  const pairs = split(reshape(risen, [rows, double / 2, 2]), 2, [1, 1]);
  return pairs.map((part) => reshape(part, [rows, double / 2])) as [Value, Value];
}

function activate([gate, up]: readonly [Value, Value], { alpha, limit }: Clamped): Value {
  const glu = apply("QuickGelu", [min(gate, limit)], { alpha })[0];
  return mul(add(max(min(up, limit), -limit), 1), glu);
}

/** What one expert has of a weight of all, (E, ...shape), under the scope that this is called in. */
function ofExpert(
  b: ModelBuilder,
  name: string,
  { expert, count }: { readonly expert: number; readonly count: number },
  shape: readonly number[],
  init: Init,
): Value {
  if (b.mode === "infer" && shape.length > 1)
    return parameterPart(b.graph, name, { index: expert, count }, shape, init);
  const all = parameter(b.graph, name, [count, ...shape], init);
  if (b.mode === "infer") return gather(all, constant(b.graph, "int64", [], BigInt64Array.of(BigInt(expert))));
  // One node whose gradient is one tensor, where as many gathers would make a tensor of all experts each.
  const known = b.graph.nodes.find((node) => node.op === "Split" && node.inputs[0] === all);
  const parts = known?.outputs ?? split(all, 0, Array(count).fill(1));
  return reshape(parts[expert]!, shape);
}

/** The experts of the scope that this is called in: one tensor for all, stored (in, out). */
function fusedExperts(b: ModelBuilder, sizes: Sizes, count: number, clamped: Clamped): Experts {
  const [init, downInit] = [normal(sizes.std), residualInit(sizes)];
  const [width, double] = [sizes.width, 2 * sizes.inner];
  const layer = (expert: number, x: Value, name: string, shape: readonly [number, number], start: Init) => {
    const which = { expert, count };
    const weight = ofExpert(b, name, which, shape, start);
    return gemm(x, weight, { c: ofExpert(b, `${name}_bias`, which, [shape[1]], ZEROS) });
  };
  const scoped = <R>(body: () => R) => scope(b.graph, "experts", body);
  return {
    count,
    rise: (e, x) => [scoped(() => layer(e, x, "gate_up_proj", [width, double], init))],
    activate: ([risen]) => activate(alternating(risen!), clamped),
    fall: (e, x) => scoped(() => layer(e, x, "down_proj", [sizes.inner, width], downInit)),
  };
}

/** Experts with matrices of their own, gate and up apart, as GGUF files have them. */
function apartExperts(b: ModelBuilder, sizes: Sizes, count: number, clamped: Clamped): Experts {
  const of = <R>(expert: number, body: () => R) => scope(b.graph, `experts.${expert}`, body);
  const options = { bias: true, init: normal(sizes.std) };
  return {
    count,
    rise: (e, x) => of(e, () => ["gate_proj", "up_proj"].map((name) => linear(b, name, x, sizes.inner, options))),
    activate: ([gate, up]) => activate([gate!, up!], clamped),
    fall: (e, x) => of(e, () => linear(b, "down_proj", x, sizes.width, { bias: true, init: residualInit(sizes) })),
  };
}

function readGptOssRope(r: ConfigReader, sizes: Sizes) {
  const context = { headDim: sizes.headDim, positions: sizes.positions, theta: 150000 };
  if (r.has("rope_parameters") || r.has("rope_scaling")) return readRope(r, context);
  return ropeFrom(r, configReader(ROPE, r.where), context);
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  r.expect("hidden_act", "silu");
  const sizes = readSizes(r, { positions: 131072, kvHeads: 8, headDim: 64, tied: false });
  const epsilon = r.positive("rms_norm_eps", 1e-5);
  const norm: Norm = (b, name, x) => rmsNorm(b, name, x, epsilon);
  const bias = r.bool("attention_bias", true);
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readGptOssRope(r, sizes)),
    window: layerWindows(r, sizes.layers, readWindow(r, 128), (layer) => layer % 2 === 0),
    sinks: (b) => parameter(b.graph, "sinks", [sizes.heads], ZEROS),
  });
  const { experts, chosen } = readExpertCounts(r, { experts: 128, chosen: 4 });
  const make = r.bool("experts_apart", false) ? apartExperts : fusedExperts;
  const clamped = { alpha: r.positive("swiglu_alpha", 1.702), limit: r.positive("swiglu_limit", 7) };
  const block = preNormBlock(
    norm,
    named("self_attn", attend),
    named("mlp", (b, x) => {
      const routing = routeByLogit(routerLogits(b, "router", x, experts, sizes, true), chosen);
      return mixture(b, x, routing, make(b, sizes, experts, clamped));
    }),
  );
  return decoder(config, { modelType: "gpt_oss", sizes, block, norm });
}

/** gpt-oss of 16- or 32-bit weights, as transformers' GptOssForCausalLM. */
export const GPT_OSS: ModelFamily = { modelType: "gpt_oss", architecture: "GptOssForCausalLM", fromConfig };
