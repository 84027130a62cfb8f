/** Token ids in, logits out, over a cache that stays where it is. Knows no text and chooses no token. */
import { fail } from "../base/errors.ts";
import { createOwner, type Owner } from "../base/owner.ts";
import { lowerGraph, type Placement } from "../graph/lower.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Binding, Runtime, SessionOptions, Tensor } from "../runtime/types.ts";

/** Where a model's weights are: in files or memory that the session reads once, or tensors that may change between runs. */
export interface Weights {
  place(parameter: string): Placement;
  /** A tensor for every parameter placed as an input. */
  readonly tensors?: Readonly<Record<string, Tensor>>;
}

/** How an engine is opened. */
export interface EngineOptions {
  /** Tokens the cache holds, 1 to the model's `maxPositions`. Default: all of them. */
  readonly capacity?: number;
  /** Most tokens run at once; longer prompts go through in pieces. Default 512. */
  readonly chunk?: number;
  readonly session?: SessionOptions;
}

/** One sequence in the making. */
export interface Engine extends Disposable {
  readonly model: CausalLm;
  readonly capacity: number;
  /** Tokens in the cache. */
  readonly length: number;
  /**
   * Appends tokens and returns the logits (V) that follow the last one: a live view, valid until the next call. Throws
   * BAD_TOKEN_ID for an id outside the vocabulary and CONTEXT_OVERFLOW when the cache is full, and appends nothing then.
   */
  append(ids: ArrayLike<number>): Promise<Float32Array>;
  /** Appends tokens and shows the logits that follow each, in order: `show(logits, i)` after `ids[i]`. */
  appendShowing(ids: ArrayLike<number>, show: (logits: Float32Array, index: number) => void): Promise<void>;
  /** Forgets all tokens from position `length` on. */
  truncate(length: number): void;
  dispose(): void;
}

/** Elements of logits kept at a time when all rows are wanted. */
const SHOWN_ELEMENTS = 2 ** 24;

/** A binding for pieces of S tokens of which R rows of logits are wanted. */
interface Piece extends Disposable {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly logits: Float32Array;
  readonly binding: Binding;
}

/** An engine for one sequence. */
export async function openEngine(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  options: EngineOptions = {},
): Promise<Engine> {
  const capacity = checkedCapacity(options.capacity ?? model.maxPositions, model);
  const owner = createOwner();
  try {
    const graph = cachedGraph(model, 1, capacity);
    const session = owner.own(await runtime.session(lowerGraph(graph, weights.place), options.session));
    const shared = sharedTensors(runtime, model, capacity, owner);
    const piece = (size: number, rows: number): Piece => {
      const own = createOwner();
      const inputIds = own.own(runtime.tensor("int64", [1, size]));
      const positionIds = own.own(runtime.tensor("int64", [1, size]));
      const logitRows = BigInt64Array.from({ length: rows }, (_, i) => BigInt(size - rows + i));
      const logits = own.own(runtime.tensor("float32", [rows, model.vocabSize]));
      const inputs = {
        input_ids: inputIds,
        position_ids: positionIds,
        logit_rows: own.own(runtime.tensor("int64", [rows], logitRows)),
        ...shared.inputs,
        ...weights.tensors,
      };
      const binding = own.own(session.bind(inputs, { logits, ...shared.outputs }));
      return {
        ids: words(inputIds),
        positions: words(positionIds),
        logits: logits.data,
        binding,
        [Symbol.dispose]: own.dispose,
      };
    };
    return engineOver(model, capacity, options.chunk ?? 512, shared, piece, owner);
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

function checkedCapacity(capacity: number, model: CausalLm): number {
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= model.maxPositions) return capacity;
  return fail("BAD_OPTION", `capacity: got ${capacity}, expected 1 to the model's ${model.maxPositions} positions`);
}

/** The low words of 64-bit integers that are never negative: written without making a BigInt for each. */
function words(tensor: Tensor<"int64">): Int32Array {
  return new Int32Array(tensor.data.buffer, tensor.data.byteOffset, 2 * tensor.data.length);
}

function sharedTensors(runtime: Runtime, { cache }: CausalLm, capacity: number, { own }: Owner) {
  const seqlensK = own(runtime.tensor("int32", [1]));
  const total = own(runtime.tensor("int32", []));
  const inputs: Record<string, Tensor> = { seqlens_k: seqlensK, total_sequence_length: total };
  const outputs: Record<string, Tensor> = {};
  for (let layer = 0; layer < cache.layers; layer++)
    for (const part of ["key", "value"]) {
      const tensor = own(runtime.tensor("float32", [1, cache.kvHeads, capacity, cache.headDim]));
      inputs[`past_key_values.${layer}.${part}`] = tensor;
      outputs[`present.${layer}.${part}`] = tensor;
    }
  const setTotal = (tokens: number) => {
    seqlensK.data[0] = tokens - 1;
    total.data[0] = tokens;
  };
  return { inputs, outputs, setTotal };
}

function engineOver(
  model: CausalLm,
  capacity: number,
  chunk: number,
  shared: ReturnType<typeof sharedTensors>,
  makePiece: (size: number, rows: number) => Piece,
  owner: Owner,
): Engine {
  let length = 0;
  const single = owner.own(makePiece(1, 1));

  const check = (ids: ArrayLike<number>) => {
    if (ids.length === 0) fail("BAD_DATA", "the engine got no token, expected at least one");
    for (let i = 0; i < ids.length; i++)
      if (!(Number.isInteger(ids[i]) && ids[i]! >= 0 && ids[i]! < model.vocabSize))
        fail("BAD_TOKEN_ID", `token ${i}: got ${ids[i]}, expected 0 to ${model.vocabSize - 1}`);
    if (length + ids.length > capacity)
      fail(
        "CONTEXT_OVERFLOW",
        `got ${length + ids.length} tokens, expected at most ${capacity}. Shorten the text or generate less.`,
      );
  };
  const run = async (piece: Piece, ids: ArrayLike<number>, start: number, size: number) => {
    for (let i = 0; i < size; i++) {
      piece.ids[2 * i] = ids[start + i]!;
      piece.positions[2 * i] = length + i;
    }
    shared.setTotal(length + size);
    const running = piece.binding.run();
    if (running) await running;
    length += size;
  };

  return {
    model,
    capacity,
    get length() {
      return length;
    },
    async append(ids) {
      check(ids);
      const before = length;
      let start = 0;
      while (ids.length - start > 1) {
        const size = Math.min(chunk, ids.length - start);
        using piece = makePiece(size, 1);
        await run(piece, ids, start, size);
        start += size;
        if (start === ids.length) single.logits.set(piece.logits);
      }
      if (start < ids.length) await run(single, ids, start, 1);
      if (length !== before + ids.length)
        fail("BUG", `append: got to ${length} from ${before} with ${ids.length} tokens`);
      return single.logits;
    },
    async appendShowing(ids, show) {
      check(ids);
      const most = Math.max(1, Math.min(chunk, Math.floor(SHOWN_ELEMENTS / model.vocabSize)));
      for (let start = 0; start < ids.length; start += most) {
        const size = Math.min(most, ids.length - start);
        using piece = makePiece(size, size);
        await run(piece, ids, start, size);
        for (let i = 0; i < size; i++)
          show(piece.logits.subarray(i * model.vocabSize, (i + 1) * model.vocabSize), start + i);
      }
    },
    truncate(to) {
      if (!(Number.isInteger(to) && to >= 0 && to <= length))
        fail("BAD_OPTION", `truncate: got ${to}, expected 0 to ${length}`);
      length = to;
    },
    dispose: owner.dispose,
    [Symbol.dispose]: owner.dispose,
  };
}
