/** The two graphs every model gives: a loss to train on, and logits over a cache to run. */

import { input, output } from "../graph/build.ts";
import { gather } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";
import { type CacheType, inferenceBuilder, trainingBuilder } from "../nn/builder.ts";
import { crossEntropy } from "../nn/losses.ts";
import type { CausalLm } from "./types.ts";

/** A training graph, not yet differentiated. */
export interface LossGraph {
  readonly graph: Graph;
  /** The weighted negative log-likelihood, a scalar in nats; see {@link crossEntropy}. */
  readonly loss: Value;
  /** The model's logits, (B*T, V). */
  readonly logits: Value;
}

/** The shape of a training graph. */
export interface TrainingShape {
  readonly batch: number;
  readonly tokens: number;
  /**
   * Rows hold several texts: an input `segment_ids` tells which, and attention stays within each. Rotations that change
   * with a text's length ({@link CausalLm.longAfter}) are then those of the whole row's.
   */
  readonly segments?: boolean | undefined;
}

/** A model over (B, T), before any loss. */
export interface TrainingGraph {
  readonly graph: Graph;
  /** What the head reads, (B*T, C). */
  readonly hidden: Value;
  /** (B*T, V). Written where it is first read, so that a loss without it trains no head. */
  readonly logits: Value;
  /** The head over other rows, (R, C) to (R, V): those of `hidden` that a loss reads, say. */
  readonly head: (rows: Value) => Value;
}

/** A model to be trained: inputs `input_ids`, `position_ids` and, with `segments`, `segment_ids`, int64 (B, T) each. */
export function trainingGraph(model: CausalLm, { batch, tokens, segments = false }: TrainingShape): TrainingGraph {
  const b = trainingBuilder(`${model.modelType}-training`, batch, tokens, segments);
  const hidden = model.hidden(b);
  const head = (rows: Value) => model.head(b, rows);
  let logits: Value | undefined;
  return {
    graph: b.graph,
    hidden,
    head,
    get logits() {
      logits ??= head(hidden);
      return logits;
    },
  };
}

/** The loss of a model over (B, T): inputs `input_ids`, `position_ids`, `targets` int64 and `weights` float32. */
export function lossGraph(model: CausalLm, batch: number, tokens: number): LossGraph {
  const b = trainingBuilder(`${model.modelType}-loss`, batch, tokens);
  const targets = input(b.graph, "targets", "int64", [batch, tokens]);
  const weights = input(b.graph, "weights", "float32", [batch, tokens]);
  const logits = model.head(b, model.hidden(b)); // (N, V)
  return { graph: b.graph, logits, loss: crossEntropy(logits, targets, weights) };
}

/**
 * The inference graph over a cache of up to `positions`. Besides {@link inferenceBuilder}'s inputs it takes
 * `logit_rows`, int64 (R): the rows of (B*S) whose `logits` (R, V) are wanted, so that decoding pays for one row of the
 * head and scoring for all.
 */
export function cachedGraph(model: CausalLm, batch: number | "B", positions: number, type: CacheType = "f32"): Graph {
  const b = inferenceBuilder(`${model.modelType}-cached`, batch, positions, type);
  const rows = input(b.graph, "logit_rows", "int64", ["R"]);
  output(b.graph, "logits", model.head(b, gather(model.hidden(b), rows))); // (R, V)
  return b.graph;
}

/** The graph of {@link cachedGraph} for one row without a head: `hidden` (S, C), the last hidden state of every token. */
export function hiddenGraph(model: CausalLm, positions: number): Graph {
  const b = inferenceBuilder(`${model.modelType}-hidden`, 1, positions);
  output(b.graph, "hidden", model.hidden(b));
  return b.graph;
}
