/** Mixtral (Jiang et al. 2024): Mistral's layers with a mixture of experts for each feed-forward layer. */
import type { JsonObject } from "../base/json.ts";
import { type Norm, rmsNorm } from "../nn/layers.ts";
import { mixture, routeByProbability } from "../nn/moe.ts";
import { configReader } from "./config.ts";
import { decoder, named, oneRope, outputProjection, preNormBlock, projections, selfAttention } from "./decoder.ts";
import { readActivation, readSizes, readWindow } from "./decoder-config.ts";
import { gatedExperts, readExpertCounts, routerLogits } from "./experts.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 131072, kvHeads: 8, tied: false });
  const epsilon = r.positive("rms_norm_eps", 1e-5);
  const norm: Norm = (b, name, x) => rmsNorm(b, name, x, epsilon);
  const window = readWindow(r);
  const attend = selfAttention({
    sizes,
    project: projections(sizes),
    output: outputProjection(sizes),
    rope: oneRope(readRope(r, { headDim: sizes.headDim, positions: sizes.positions, theta: 1e6 })),
    window: () => window,
  });
  const { experts, chosen } = readExpertCounts(r, { experts: 8, chosen: 2 });
  const activation = readActivation(r, "hidden_act", "silu");
  const options = { sizes, inner: sizes.inner, experts, activation, names: ["w1", "w3", "w2"] } as const;
  const block = preNormBlock(
    norm,
    named("self_attn", attend),
    named("block_sparse_moe", (b, x) => {
      const routing = routeByProbability(routerLogits(b, "gate", x, experts, sizes), chosen, { normalise: true });
      return mixture(b, x, routing, gatedExperts(b, options));
    }),
  );
  return decoder(config, { modelType: "mixtral", sizes, block, norm });
}

/** Mixtral, as transformers' MixtralForCausalLM. */
export const MIXTRAL: ModelFamily = { modelType: "mixtral", architecture: "MixtralForCausalLM", fromConfig };
