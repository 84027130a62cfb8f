/** Runs optimiser steps: two halves of weights and state that trade places, so that a step reads one and writes the other. */
import { createOwner, type Owner } from "../base/owner.ts";
import { knownShape } from "../base/shapes.ts";
import { lowerGraph, type Placement } from "../graph/lower.ts";
import type { Graph } from "../graph/types.ts";
import type { CausalLm } from "../models/types.ts";
import { corrections, nextName } from "../optim/adamw.ts";
import type { Runtime, Session, SessionOptions, Tensor } from "../runtime/types.ts";
import {
  accumulationGraph,
  GRAD_NORM,
  isTrained,
  LOSS,
  type StepOptions,
  stateOf,
  stepGraph,
  sumName,
  updateGraph,
} from "./graphs.ts";
import { initialValue } from "./init.ts";

type F32 = Tensor<"float32">;

/** Where a micro-batch is written before it is run, each (B, T). */
export interface BatchTensors {
  readonly inputIds: Tensor<"int64">;
  readonly targets: Tensor<"int64">;
  /** What each target counts for; all weights of a step add up to 1. */
  readonly weights: F32;
}

/** What a step tells. */
export interface StepResult {
  /** The loss before the update, in nats. */
  readonly loss: number;
  /** The gradients' global norm before clipping. */
  readonly gradNorm: number;
}

/** A model in training: its tensors, and one operation on them. */
export interface Stepper extends Disposable {
  readonly batch: BatchTensors;
  /** Every parameter and its optimiser state as they stand now, by name. Other tensors hold them after the next step. */
  tensors(): ReadonlyMap<string, F32>;
  /** Names of the parameters, in the model's order. */
  readonly parameters: readonly string[];
  /**
   * One optimiser step at `learningRate`; `number` counts from 1. `fill` writes each micro-batch in turn.
   */
  step(number: number, learningRate: number, fill: (microBatch: number) => void): Promise<StepResult>;
  /** A step whose result is dropped: the model stays as it is. For measuring. */
  rehearse(fill: (microBatch: number) => void): Promise<void>;
  dispose(): void;
}

/** What a stepper is made from. */
export interface StepperOptions extends StepOptions {
  /** Micro-batches of a step, from 1. */
  readonly accumulation: number;
  readonly seed: number;
  readonly session?: SessionOptions;
  /** Where the weights are that are not trained. */
  readonly frozen?: (name: string) => Placement;
}

type Fill = (microBatch: number) => void;

/** The tensors of a run and what they are bound to. */
interface Parts {
  readonly options: StepperOptions;
  readonly own: Owner["own"];
  readonly f32: (shape: readonly number[]) => F32;
  readonly open: (graph: Graph) => Promise<Session>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Parameters and state, twice. */
  readonly halves: readonly [ReadonlyMap<string, F32>, ReadonlyMap<string, F32>];
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly scalars: Readonly<Record<"learning_rate" | "correction1" | "correction2", F32>>;
  readonly loss: F32;
  readonly gradNorm: F32;
}

/** Runs a step from the given half into the other and returns its loss. */
type RunHalf = (half: 0 | 1, fill: Fill) => Promise<number>;

/** A stepper with freshly drawn weights; load others into `tensors()`. */
export async function createStepper(runtime: Runtime, model: CausalLm, options: StepperOptions): Promise<Stepper> {
  const owner = createOwner();
  try {
    return await openStepper(runtime, model, options, owner);
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

async function openStepper(runtime: Runtime, model: CausalLm, options: StepperOptions, owner: Owner): Promise<Stepper> {
  const whole = options.accumulation === 1;
  const graph = whole ? stepGraph(model, options) : accumulationGraph(model, options);
  const batch = batchTensors(runtime, options, owner);
  const parts = allocate(runtime, graph, options, batch, owner);
  for (const p of graph.parameters)
    if (isTrained(p.value.name, options)) parts.halves[0].get(p.value.name)!.data.set(initialValue(p, options.seed));
  const runHalf = await (whole ? wholeStep(parts, graph) : accumulatedStep(parts, graph));
  let half: 0 | 1 = 0;
  const run = async (number: number, learningRate: number, fill: Fill): Promise<StepResult> => {
    const { correction1, correction2 } = corrections(number, options.adamw);
    parts.scalars.learning_rate.data[0] = learningRate;
    parts.scalars.correction1.data[0] = correction1;
    parts.scalars.correction2.data[0] = correction2;
    const loss = await runHalf(half, fill);
    return { loss, gradNorm: parts.gradNorm.data[0]! };
  };
  return {
    batch,
    parameters: [...parts.shapes.keys()],
    tensors: () => parts.halves[half],
    async step(number, learningRate, fill) {
      const result = await run(number, learningRate, fill);
      half = half === 0 ? 1 : 0;
      return result;
    },
    async rehearse(fill) {
      await run(1, 0, fill);
    },
    dispose: owner.dispose,
    [Symbol.dispose]: owner.dispose,
  };
}

function allocate(runtime: Runtime, graph: Graph, options: StepperOptions, batch: BatchTensors, owner: Owner): Parts {
  const { own } = owner;
  const f32 = (shape: readonly number[]) => own(runtime.tensor("float32", shape));
  const trained = graph.parameters.filter(({ value }) => isTrained(value.name, options));
  const shapes = new Map(trained.map(({ value }) => [value.name, knownShape(value.shape, value.name)]));
  const positions = own(positionTensor(runtime, options));
  return {
    options,
    own,
    f32,
    open: async (g) =>
      own(
        await runtime.session(lowerGraph(g, placeOf(shapes, options.frozen)), {
          memoryPattern: false,
          ...options.session,
        }),
      ),
    shapes,
    halves: [stateTensors(shapes, options, f32), stateTensors(shapes, options, f32)],
    feeds: { input_ids: batch.inputIds, targets: batch.targets, weights: batch.weights, position_ids: positions },
    scalars: { learning_rate: f32([]), correction1: f32([]), correction2: f32([]) },
    loss: f32([]),
    gradNorm: f32([]),
  };
}

/** Trained parameters are fed at each run, the others are where they are. */
export const placeOf =
  (trained: ReadonlyMap<string, unknown>, frozen: StepperOptions["frozen"]) =>
  (name: string): Placement =>
    trained.has(name) || !frozen ? { kind: "input" } : frozen(name);

/** One graph does it all. */
async function wholeStep(parts: Parts, graph: Graph): Promise<RunHalf> {
  const { halves, feeds, scalars, own, loss, gradNorm } = parts;
  const session = await parts.open(graph);
  const bindings = halves.map((from, i) =>
    own(
      session.bind(
        { ...feeds, ...scalars, ...Object.fromEntries(from) },
        { [LOSS]: loss, [GRAD_NORM]: gradNorm, ...renamed(halves[1 - i]!) },
      ),
    ),
  );
  return async (half, fill) => {
    fill(0);
    await bindings[half]!.run();
    return loss.data[0]!;
  };
}

/** Micro-batches add to sums of gradients, which trade places too; a second graph spends them. */
async function accumulatedStep(parts: Parts, graph: Graph): Promise<RunHalf> {
  const { halves, feeds, scalars, own, shapes, options, loss, gradNorm } = parts;
  const sums = [0, 1].map(() => new Map([...shapes].map(([name, shape]) => [sumName(name), parts.f32(shape)])));
  const weightsOf = (half: ReadonlyMap<string, F32>) =>
    Object.fromEntries([...shapes.keys()].map((name) => [name, half.get(name)!]));
  const [adder, spender] = [await parts.open(graph), await parts.open(updateGraph(graph.parameters, options))];
  const adding = halves.map((half) =>
    sums.map((sum, i) =>
      own(
        adder.bind(
          { ...feeds, ...weightsOf(half), ...Object.fromEntries(sum) },
          { [LOSS]: loss, ...renamed(sums[1 - i]!) },
        ),
      ),
    ),
  );
  const total = Object.fromEntries(sums[options.accumulation % 2]!);
  const spending = halves.map((half, i) =>
    own(
      spender.bind(
        { ...scalars, ...Object.fromEntries(half), ...total },
        { [GRAD_NORM]: gradNorm, ...renamed(halves[1 - i]!) },
      ),
    ),
  );
  return async (half, fill) => {
    for (const sum of sums[0]!.values()) sum.data.fill(0);
    let sumOfLosses = 0;
    for (let i = 0; i < options.accumulation; i++) {
      fill(i);
      await adding[half]![i % 2]!.run();
      sumOfLosses += loss.data[0]!;
    }
    await spending[half]!.run();
    return sumOfLosses;
  };
}

function renamed(tensors: ReadonlyMap<string, F32>): Record<string, F32> {
  return Object.fromEntries([...tensors].map(([name, tensor]) => [nextName(name), tensor]));
}

/** Each parameter, then its optimiser's state. */
function stateTensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  options: StepOptions,
  f32: (shape: readonly number[]) => F32,
): Map<string, F32> {
  const names = [...shapes].flatMap(([name, shape]) =>
    [name, ...stateOf({ name, shape }, options)].map((each) => [each, shape] as const),
  );
  return new Map(names.map(([name, shape]) => [name, f32(shape)]));
}

/** Tensors of one micro-batch, zeros at first. */
export function batchTensors(
  runtime: Runtime,
  { batch, context }: { readonly batch: number; readonly context: number },
  { own }: Owner,
): BatchTensors {
  const shape = [batch, context];
  return {
    inputIds: own(runtime.tensor("int64", shape)),
    targets: own(runtime.tensor("int64", shape)),
    weights: own(runtime.tensor("float32", shape)),
  };
}

/** 0 to T-1 in every row. */
export function positionTensor(
  runtime: Runtime,
  { batch, context }: { batch: number; context: number },
): Tensor<"int64"> {
  const positions = BigInt64Array.from({ length: batch * context }, (_, i) => BigInt(i % context));
  return runtime.tensor("int64", [batch, context], positions);
}
