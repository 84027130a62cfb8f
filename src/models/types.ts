/** What every model family gives: its sizes, its config.json, and the two functions that write its graph. */

import type { JsonObject } from "../base/json.ts";
import type { Value } from "../graph/types.ts";
import type { ModelBuilder } from "../nn/builder.ts";

/** The sizes of a KV cache for one token of one row. */
export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  /** Elements of a head as the cache holds it: the model's own width rounded up to what attention takes. */
  readonly headDim: number;
}

/** A causal language model as functions. It holds no weights: they are named by the parameters of the graph it writes. */
export interface CausalLm {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  readonly vocabSize: number;
  /** The longest sequence its position tables or training allow. */
  readonly maxPositions: number;
  readonly hiddenSize: number;
  readonly cache: CacheShape;
  /**
   * Texts of more tokens are turned by other angles from their beginning (LongRoPE): in a graph over a cache of more
   * positions P, position ids count from P for them.
   */
  readonly longAfter?: number;
  /** The content of config.json. */
  readonly config: JsonObject;
  /** From token ids to the last hidden state, (B*T, C). */
  hidden(b: ModelBuilder): Value;
  /** Logits of rows of hidden states: (N, C) to (N, V). */
  head(b: ModelBuilder, hidden: Value): Value;
}

/** The sizes a new model is made from. */
export interface ModelSizes {
  readonly vocabSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly context: number;
  /** Width of the feed-forward layer; default the family's own multiple of `dim`. */
  readonly feedForward?: number;
  /** Use the embedding as the output head too (default). GPT-2 knows nothing else. */
  readonly tied?: boolean;
  readonly bosTokenId?: number;
  readonly eosTokenId?: number;
}

/** A model family: how its config.json is read and what a new one looks like. */
export interface ModelFamily {
  readonly modelType: string;
  /** The class name that transformers loads, for `architectures`. */
  readonly architecture: string;
  /** A model from a config.json. Throws BAD_CONFIG or UNSUPPORTED naming the key. */
  fromConfig(config: JsonObject, where: string): CausalLm;
  /**
   * The config.json of a new model; throws BAD_OPTION for sizes that do not fit together. Absent where a family is only
   * run, or fine-tuned from weights that there are.
   */
  newConfig?(sizes: ModelSizes): JsonObject;
}
