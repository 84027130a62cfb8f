/** Token ids in, logits out, over a cache that stays where it is. Knows no text and chooses no token. */
import { fail } from "../base/errors.ts";
import { createOwner, type Owner } from "../base/owner.ts";
import { createPause } from "../base/pause.ts";
import { fuseGraph } from "../graph/fuse.ts";
import { lowerGraph, type Placement } from "../graph/lower.ts";
import { type PackedGroup, packGraph } from "../graph/pack.ts";
import type { Graph } from "../graph/types.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import { adaptGraph } from "../nn/adapters.ts";
import type { Binding, Runtime, Session, SessionOptions, Tensor } from "../runtime/types.ts";
import { type AdapterSet, type ChoiceOf, choiceOf } from "./adapters.ts";
import { openBatchEngine } from "./batch-engine.ts";
import type { BatchEngine } from "./batch-types.ts";
import { partnersIn } from "./cache-scales.ts";
import type { Engine } from "./engine-types.ts";
import { type BoundCache, type CacheScales, type KvCache, makeCache } from "./kv-cache.ts";
import { overBorder } from "./long-text.ts";
import { checkIds, SHOWN_ELEMENTS, words } from "./pieces.ts";
import { widening } from "./widening.ts";
import { slideCache, type Windows, windowsOf } from "./window.ts";

export type { Engine } from "./engine-types.ts";

/** Where a model's weights are: in files or memory that the session reads once, or tensors that may change between runs. */
export interface Weights {
  place(parameter: string): Placement;
  /** A tensor for every parameter placed as an input. */
  readonly tensors?: Readonly<Record<string, Tensor>>;
  /** Puts adapters into a graph, whose weights then are places or tensors as the others. */
  readonly adapt?: (graph: Graph) => unknown;
  /** Weights that `place` knows in packed form only. */
  readonly groups?: readonly PackedGroup[];
}

/** How engines are opened. */
export interface EngineOptions {
  /** Tokens the cache holds, 1 to the model's `maxPositions`. Default: all of them. */
  readonly capacity?: number;
  /** Most tokens run at once; longer prompts go through in pieces. Default 512. */
  readonly chunk?: number;
  /** Makes the cache one of 8 bits. Default float32. */
  readonly scales?: CacheScales | undefined;
  readonly session?: SessionOptions;
  /** Adapters that engines may have. Without them the graph is the base's own. */
  readonly adapters?: AdapterSet | undefined;
}

/** A model loaded once, for any number of sequences, each with a cache of its own. Disposing it ends its engines. */
export interface Engines extends Disposable {
  readonly model: CausalLm;
  /** Tokens that each engine's cache holds. */
  readonly capacity: number;
  /** `onDispose` is called once, when the engine has given back its memory. Its texts are all of one adapter, or of none. */
  open(onDispose?: () => void, adapter?: string): Engine;
  /**
   * Opens an engine for so many sequences at once, each of up to `tokens` tokens, default and bound the capacity, all of one adapter as they begin. Throws
   * BAD_OPTION. Absent where the cache has 8 bits.
   */
  readonly openBatch?: (slots: number, tokens?: number, adapter?: string) => BatchEngine;
  /** True where an engine's text may grow beyond its capacity: see {@link Engine.slide}. */
  readonly slides: boolean;
  dispose(): void;
}

/** A binding for pieces of S tokens of which R rows of logits are wanted. */
interface Piece extends Disposable {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly logits: Float32Array;
  readonly binding: Binding;
}

/** An engine for one sequence, with a model of its own. */
export async function openEngine(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  options: EngineOptions = {},
): Promise<Engine> {
  const engines = await openEngines(runtime, model, weights, options);
  return engines.open(engines.dispose);
}

/** Loads a model. Throws BAD_OPTION, BAD_WEIGHTS or what the runtime says. */
export async function openEngines(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  options: EngineOptions = {},
): Promise<Engines> {
  const capacity = checkedCapacity(options.capacity ?? model.maxPositions, model);
  const { scales, chunk = 512 } = options;
  if (!(Number.isSafeInteger(chunk) && chunk >= 1)) fail("BAD_OPTION", `chunk: got ${chunk}, expected 1 or more`);
  const { adapters } = options;
  const plain = adaptGraph(cachedGraph(model, "B", capacity, scales ? "q8" : "f32"), adapters?.modules ?? []);
  weights.adapt?.(plain);
  const graph = fuseGraph(packGraph(plain, weights.groups ?? []));
  const windows = scales || model.longAfter !== undefined ? undefined : windowsOf(graph);
  const session = await runtime.session(lowerGraph(graph, weights.place), options.session);
  const partnerOf = partnersIn(graph);
  const opened = new Set<Disposable>();
  const open = (onDispose?: () => void, adapter?: string) => {
    const owner = createOwner();
    if (onDispose) owner.own({ [Symbol.dispose]: onDispose });
    try {
      const cache = makeCache(runtime, model, capacity, scales, owner);
      const shared = sharedTensors(runtime, cache, owner);
      const fixed = { ...shared.inputs, ...weights.tensors };
      const makePiece = pieceMaker(runtime, session, model, fixed, shared.outputs, choiceOf(adapters, adapter));
      const plain = engineOver(model, cache, feederOf(model, capacity, shared), chunk, makePiece, owner, windows);
      const border = model.longAfter ?? capacity;
      // The long texts' rows of the rotary tables follow those of the short ones.
      const setLong = (isLong: boolean) => shared.setFirstPosition(isLong ? capacity : 0);
      const whole = scales ? widening(plain, scales, partnerOf) : plain;
      const engine = border < capacity ? overBorder(whole, border, setLong) : whole;
      owner.own({ [Symbol.dispose]: () => void opened.delete(engine) });
      opened.add(engine);
      return engine;
    } catch (error) {
      owner.dispose();
      throw error;
    }
  };
  const openBatch = (slots: number, tokens = capacity, adapter?: string): BatchEngine => {
    checkSlots(slots, tokens, capacity);
    const fixed = weights.tensors ?? {};
    const sizes = { slots, capacity: tokens, positions: capacity, chunk };
    const parts = { runtime, session, model, fixed, ...sizes, adapters, adapter };
    const engine: BatchEngine = openBatchEngine(parts, () => void opened.delete(engine));
    opened.add(engine);
    return engine;
  };
  const dispose = () => {
    for (const engine of [...opened]) engine[Symbol.dispose]();
    session.dispose();
  };
  return {
    model,
    capacity,
    open,
    ...(scales ? {} : { openBatch }),
    slides: windows !== undefined && hasRoom(capacity, windows),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

type MakePiece = (size: number, rows: number) => Piece;

function pieceMaker(
  runtime: Runtime,
  session: Session,
  { vocabSize }: CausalLm,
  fixed: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
  choice: ChoiceOf,
): MakePiece {
  return (size, rows) => {
    const { own, dispose } = createOwner();
    const inputIds = own(runtime.tensor("int64", [1, size]));
    const positionIds = own(runtime.tensor("int64", [1, size]));
    const logitRows = BigInt64Array.from({ length: rows }, (_, i) => BigInt(size - rows + i));
    const logits = own(runtime.tensor("float32", [rows, vocabSize]));
    const logit_rows = own(runtime.tensor("int64", [rows], logitRows));
    const inputs = { input_ids: inputIds, position_ids: positionIds, logit_rows, ...fixed, ...choice(own, size) };
    const binding = own(session.bind(inputs, { logits, ...outputs }));
    return {
      ids: words(inputIds),
      positions: words(positionIds),
      logits: logits.data,
      binding,
      [Symbol.dispose]: dispose,
    };
  };
}

/** Most sequences at once. */
const MOST_SLOTS = 1024;

function checkSlots(slots: number, tokens: number, capacity: number): void {
  if (!(Number.isInteger(slots) && slots >= 1 && slots <= MOST_SLOTS))
    fail("BAD_OPTION", `batch: got ${slots} sequences, expected 1 to ${MOST_SLOTS}`);
  if (!(Number.isInteger(tokens) && tokens >= 1 && tokens <= capacity))
    fail("BAD_OPTION", `batch: got ${tokens} tokens a sequence, expected 1 to the context's ${capacity}`);
}

function checkedCapacity(capacity: number, model: CausalLm): number {
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= model.maxPositions) return capacity;
  return fail("BAD_OPTION", `capacity: got ${capacity}, expected 1 to the model's ${model.maxPositions} positions`);
}

function sharedTensors(runtime: Runtime, { inputs: past, outputs }: BoundCache, { own }: Owner) {
  const seqlensK = own(runtime.tensor("int32", [1]));
  const total = own(runtime.tensor("int32", []));
  const inputs: Record<string, Tensor> = { seqlens_k: seqlensK, total_sequence_length: total, ...past };
  const setTotal = (tokens: number) => {
    seqlensK.data[0] = tokens - 1;
    total.data[0] = tokens;
  };
  let firstPosition = 0;
  const setFirstPosition = (position: number) => {
    firstPosition = position;
  };
  return { inputs, outputs, setTotal, setFirstPosition, firstPosition: () => firstPosition };
}

/** Counts the tokens of a cache and feeds it more of them. */
interface Feeder {
  readonly capacity: number;
  /** The tokens in the cache. */
  readonly ids: number[];
  /** Runs a piece over `ids[start..start + size)`. */
  run(piece: Piece, ids: ArrayLike<number>, start: number, size: number): Promise<void>;
  /** Takes steps of at most `most` ids; what is thrown on the way leaves the length as it was. */
  feed(
    ids: ArrayLike<number>,
    most: number,
    signal: AbortSignal | undefined,
    step: (start: number, size: number) => Promise<void>,
  ): Promise<void>;
}

function feederOf(model: CausalLm, capacity: number, shared: ReturnType<typeof sharedTensors>): Feeder {
  const pause = createPause();
  let busy = false;
  const feeder: Feeder = {
    capacity,
    ids: [],
    async run(piece, ids, start, size) {
      for (let i = 0; i < size; i++) {
        piece.ids[2 * i] = ids[start + i]!;
        piece.positions[2 * i] = shared.firstPosition() + feeder.ids.length + i;
      }
      shared.setTotal(feeder.ids.length + size);
      const running = piece.binding.run();
      if (running) await running;
      for (let i = 0; i < size; i++) feeder.ids.push(ids[start + i]!);
    },
    async feed(ids, most, signal, step) {
      if (busy) fail("BUG", "the engine was given tokens before it was done with the last ones");
      checkIds(ids, feeder.ids.length, capacity, model.vocabSize);
      const before = feeder.ids.length;
      busy = true;
      try {
        for (let start = 0; start < ids.length; start += most) {
          await pause();
          if (signal?.aborted) fail("ABORTED", "stopped on request");
          await step(start, Math.min(most, ids.length - start));
        }
      } catch (error) {
        feeder.ids.length = before;
        throw error;
      } finally {
        busy = false;
      }
    },
  };
  return feeder;
}

/** Each slide turns the whole window: a quarter of its tokens at least are to be new between two. */
const hasRoom = (capacity: number, { window }: Windows) => capacity >= 1.25 * window;

function slider(cache: KvCache, feeder: Feeder, windows: Windows | undefined): Pick<Engine, "slide"> {
  if (!windows || !hasRoom(cache.capacity, windows)) return {};
  return {
    slide() {
      const kept = Math.min(windows.window - 1, feeder.ids.length);
      slideCache(cache, feeder.ids.length, kept, windows.rotation);
      feeder.ids.splice(0, feeder.ids.length, ...Array.from({ length: kept }, () => -1));
    },
  };
}

function engineOver(
  model: CausalLm,
  cache: KvCache,
  feeder: Feeder,
  chunk: number,
  makePiece: MakePiece,
  owner: Owner,
  windows: Windows | undefined,
): Engine {
  const single = owner.own(makePiece(1, 1));
  /** Steps of speculation come again and again in few sizes; other pieces are let go. */
  const kept = new Map<number, Piece>();
  const shown = async (size: number, use: (piece: Piece) => Promise<void>) => {
    if (size > 16 || !Number.isInteger(Math.log2(size))) {
      using piece = makePiece(size, size);
      return await use(piece);
    }
    const piece = kept.get(size) ?? owner.own(makePiece(size, size));
    kept.set(size, piece);
    return await use(piece);
  };
  return {
    model,
    capacity: feeder.capacity,
    cache,
    ids: feeder.ids,
    get length() {
      return feeder.ids.length;
    },
    async append(ids, signal) {
      await feeder.feed(ids, chunk, signal, async (start, size) => {
        if (size === 1) return feeder.run(single, ids, start, 1);
        using piece = makePiece(size, 1);
        await feeder.run(piece, ids, start, size);
        if (start + size === ids.length) single.logits.set(piece.logits);
      });
      return single.logits;
    },
    async appendShowing(ids, show, signal) {
      const most = Math.max(1, Math.min(chunk, Math.floor(SHOWN_ELEMENTS / model.vocabSize)));
      await feeder.feed(ids, most, signal, async (start, size) => {
        await shown(size, async (piece) => {
          await feeder.run(piece, ids, start, size);
          for (let i = 0; i < size; i++)
            show(piece.logits.subarray(i * model.vocabSize, (i + 1) * model.vocabSize), start + i);
        });
      });
    },
    ...slider(cache, feeder, windows),
    adopt(ids) {
      if (feeder.ids.length > 0) fail("BUG", "adopt: the engine holds tokens");
      checkIds(ids, 0, feeder.capacity, model.vocabSize);
      feeder.ids.push(...ids);
    },
    truncate(to) {
      if (!(Number.isInteger(to) && to >= 0 && to <= feeder.ids.length))
        fail("BAD_OPTION", `truncate: got ${to}, expected 0 to ${feeder.ids.length}`);
      feeder.ids.length = to;
    },
    dispose: owner.dispose,
    [Symbol.dispose]: owner.dispose,
  };
}
