/** Texts as vectors: the mean of a model's last hidden states, which were not made for it but serve. Knows no text. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import { createPause } from "../base/pause.ts";
import { fuseGraph } from "../graph/fuse.ts";
import { lowerGraph } from "../graph/lower.ts";
import { packGraph } from "../graph/pack.ts";
import { hiddenGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime, SessionOptions } from "../runtime/types.ts";
import type { Weights } from "./engine.ts";
import { makeCache } from "./kv-cache.ts";
import { checkIds, words } from "./pieces.ts";

/** Makes vectors of texts, one text at a time. */
export interface Embedder extends Disposable {
  /** Elements of a vector. */
  readonly width: number;
  /**
   * The mean over all tokens of the last hidden states (after the last norm), which transformers calls `last_hidden_state`. Throws BAD_DATA for no
   * token, BAD_TOKEN_ID, CONTEXT_OVERFLOW and ABORTED.
   */
  embed(ids: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  dispose(): void;
}

/** How an embedder is opened. */
export interface EmbedderOptions {
  /** Tokens of the longest text. */
  readonly capacity: number;
  /** Most tokens run at once. Default 256. */
  readonly chunk?: number;
  readonly session?: SessionOptions;
}

/** Loads a model without its head. */
export async function openEmbedder(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  { capacity, chunk = 256, session: sessionOptions }: EmbedderOptions,
): Promise<Embedder> {
  const plain = hiddenGraph(model, capacity);
  weights.adapt?.(plain);
  const graph = fuseGraph(packGraph(plain, weights.groups ?? []));
  const owner = createOwner();
  const { own } = owner;
  const session = own(await runtime.session(lowerGraph(graph, weights.place), sessionOptions));
  const cache = makeCache(runtime, model, capacity, undefined, owner);
  const seqlensK = own(runtime.tensor("int32", [1]));
  const total = own(runtime.tensor("int32", []));
  const pause = createPause();
  const fixed = { seqlens_k: seqlensK, total_sequence_length: total, ...cache.inputs, ...weights.tensors };

  /** Adds up the hidden states of a piece that begins at `start`. */
  const run = async (ids: readonly number[], start: number, first: number, sum: Float64Array) => {
    using of = createOwner();
    const input_ids = of.own(runtime.tensor("int64", [1, ids.length]));
    const position_ids = of.own(runtime.tensor("int64", [1, ids.length]));
    const hidden = of.own(runtime.tensor("float32", [ids.length, model.hiddenSize]));
    const binding = of.own(session.bind({ input_ids, position_ids, ...fixed }, { hidden, ...cache.outputs }));
    const [idWords, positionWords] = [words(input_ids), words(position_ids)];
    for (const [i, id] of ids.entries()) {
      idWords[2 * i] = id;
      positionWords[2 * i] = first + start + i;
    }
    total.data[0] = start + ids.length;
    seqlensK.data[0] = start + ids.length - 1;
    await binding.run();
    for (const [i, x] of hidden.data.entries()) sum[i % model.hiddenSize]! += x;
  };
  return {
    width: model.hiddenSize,
    async embed(ids, signal) {
      checkIds(ids, 0, capacity, model.vocabSize);
      const sum = new Float64Array(model.hiddenSize);
      // The rows of long texts follow in the tables those of short ones.
      const first = ids.length > (model.longAfter ?? Number.POSITIVE_INFINITY) ? capacity : 0;
      for (let start = 0; start < ids.length; start += chunk) {
        await pause();
        if (signal?.aborted) fail("ABORTED", "stopped on request");
        await run(ids.slice(start, start + chunk), start, first, sum);
      }
      return Float32Array.from(sum, (x) => x / ids.length);
    },
    dispose: owner.dispose,
    [Symbol.dispose]: owner.dispose,
  };
}
