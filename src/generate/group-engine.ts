/**
 * Several texts that go on from one prompt, a token of each at a time: a step reads the weights once for all of them. All texts have the
 * same length; chooses no token.
 */
import { fail } from "../base/errors.ts";
import { createOwner, type Owner } from "../base/owner.ts";
import { createPause } from "../base/pause.ts";
import { fuseGraph } from "../graph/fuse.ts";
import { lowerGraph } from "../graph/lower.ts";
import { packGraph } from "../graph/pack.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime, Session, SessionOptions, Tensor } from "../runtime/types.ts";
import type { Weights } from "./engine.ts";
import { PARTS } from "./kv-cache.ts";

/** Texts of one length over a cache of B rows. */
export interface GroupEngine extends Disposable {
  readonly rows: number;
  readonly capacity: number;
  /** Forgets what it holds, reads a prompt, and gives the logits (V) behind it: a live view, valid until the next call. */
  begin(prompt: ArrayLike<number>): Promise<Float32Array>;
  /** Appends a token to each text and gives the logits behind them, (B, V): a live view, valid until the next call. */
  step(ids: ArrayLike<number>): Promise<Float32Array>;
}

/** How a group's engine is opened. */
export interface GroupEngineOptions {
  /** B. */
  readonly rows: number;
  /** Tokens of a text, the prompt's among them. */
  readonly capacity: number;
  /** Most tokens of a prompt that are read at once, counted in all rows. Default 4096. */
  readonly chunk?: number;
  readonly session?: SessionOptions;
}

/** Opens it. Throws BAD_OPTION, UNSUPPORTED for a text so long that the model turns its positions otherwise, or what the runtime says. */
export async function openGroupEngine(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  options: GroupEngineOptions,
): Promise<GroupEngine> {
  const { rows, capacity } = options;
  if (!Number.isSafeInteger(rows) || rows < 1) fail("BAD_OPTION", `rows: got ${rows}, expected 1 or more`);
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > model.maxPositions)
    fail("BAD_OPTION", `capacity: got ${capacity}, expected 1 to the model's ${model.maxPositions} positions`);
  if (model.longAfter !== undefined && capacity > model.longAfter)
    fail(
      "UNSUPPORTED",
      `capacity: got ${capacity}, expected at most ${model.longAfter} tokens for texts made together`,
    );
  const owner = createOwner();
  try {
    const graph = fuseGraph(packGraph(cachedGraph(model, rows, capacity), weights.groups ?? []));
    const session = owner.own(await runtime.session(lowerGraph(graph, weights.place), options.session));
    return engineOver(runtime, session, model, weights, options, owner);
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

function engineOver(
  runtime: Runtime,
  session: Session,
  model: CausalLm,
  weights: Weights,
  { rows, capacity, chunk = 4096 }: GroupEngineOptions,
  owner: Owner,
): GroupEngine {
  const { own } = owner;
  const cache = cacheTensors(runtime, model, rows, capacity, own);
  const lengths = own(runtime.tensor("int32", [rows]));
  const total = own(runtime.tensor("int32", []));
  const fixed = { ...weights.tensors, ...cache.inputs, seqlens_k: lengths, total_sequence_length: total };
  const pause = createPause();
  let length = 0;
  /** A binding for pieces of S tokens a row, with the logits behind the last of `shown` rows. */
  const pieceOf = (size: number, shown: number) => {
    const piece = createOwner();
    const [inputIds, positionIds] = [0, 1].map(() => piece.own(runtime.tensor("int64", [rows, size])));
    const wanted = BigInt64Array.from({ length: shown }, (_, row) => BigInt(row * size + size - 1));
    const logitRows = piece.own(runtime.tensor("int64", [shown], wanted));
    const logits = piece.own(runtime.tensor("float32", [shown, model.vocabSize]));
    const inputs = { ...fixed, input_ids: inputIds!, position_ids: positionIds!, logit_rows: logitRows };
    const binding = piece.own(session.bind(inputs, { ...cache.outputs, logits }));
    return {
      async run(idOf: (row: number, i: number) => number): Promise<Float32Array> {
        if (length + size > capacity)
          fail("CONTEXT_OVERFLOW", `got ${length + size} tokens, expected at most ${capacity}`);
        for (let row = 0; row < rows; row++)
          for (let i = 0; i < size; i++) {
            inputIds!.data[row * size + i] = BigInt(idOf(row, i));
            positionIds!.data[row * size + i] = BigInt(length + i);
          }
        lengths.data.fill(length + size - 1);
        total.data[0] = length + size;
        await pause();
        await binding.run();
        length += size;
        return logits.data;
      },
      [Symbol.dispose]: piece.dispose,
    };
  };
  const single = own(pieceOf(1, rows));
  const first = new Float32Array(model.vocabSize);
  return {
    rows,
    capacity,
    async begin(prompt) {
      if (prompt.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one");
      length = 0;
      // ONNX Runtime 1.30 reads several tokens of several rows only where there is no past yet: what is left comes one by one.
      const size = Math.min(prompt.length, Math.max(1, Math.floor(chunk / rows)));
      using piece = pieceOf(size, 1);
      first.set(await piece.run((_, i) => prompt[i]!));
      for (let i = size; i < prompt.length; i++)
        first.set((await single.run(() => prompt[i]!)).subarray(0, model.vocabSize));
      return first;
    },
    step: (ids) => single.run((row) => ids[row]!),
    [Symbol.dispose]: owner.dispose,
  };
}

/** Keys and values of every layer, (B, KV, P, D) each, by their names as inputs and as outputs. */
function cacheTensors(
  runtime: Runtime,
  { cache }: CausalLm,
  rows: number,
  capacity: number,
  own: Owner["own"],
): { inputs: Record<string, Tensor>; outputs: Record<string, Tensor> } {
  const inputs: Record<string, Tensor> = {};
  const outputs: Record<string, Tensor> = {};
  for (let layer = 0; layer < cache.layers; layer++)
    for (const part of PARTS) {
      const tensor = own(runtime.tensor("float32", [rows, cache.kvHeads, capacity, cache.headDim]));
      inputs[`past_key_values.${layer}.${part}`] = tensor;
      outputs[`present.${layer}.${part}`] = tensor;
    }
  return { inputs, outputs };
}
