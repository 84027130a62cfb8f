/** Runs optimiser steps: two halves of weights and state that trade places, so that a step reads one and writes the other. */
import { createOwner, type Owner } from "../base/owner.ts";
import { knownShape } from "../base/shapes.ts";
import { lowerGraph, type Placement } from "../graph/lower.ts";
import type { Graph } from "../graph/types.ts";
import { drawDropouts } from "../nn/dropout.ts";
import { corrections, nextName } from "../optim/adamw.ts";
import type { Runtime, Session, SessionOptions, Tensor } from "../runtime/types.ts";
import {
  accumulationGraph,
  GRAD_NORM,
  LOSS,
  metricName,
  namesOf,
  ownInputs,
  type StepOptions,
  stateOf,
  stepGraph,
  sumName,
  updateGraph,
} from "./graphs.ts";
import { initialValue } from "./init.ts";
import type { Objective } from "./objective.ts";

type F32 = Tensor<"float32">;

/** What a step tells. */
export interface StepResult {
  /** The loss before the update, in nats. */
  readonly loss: number;
  /** The gradients' global norm before clipping. */
  readonly gradNorm: number;
  /** The objective's metrics, added up over the micro-batches. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What is added up over micro-batches. */
export type SumsOf = Omit<StepResult, "gradNorm">;

/** Writes a micro-batch into the stepper's inputs. */
export type Fill = (microBatch: number) => void;

/** A model in training: its tensors, and one operation on them. */
export interface Stepper extends Disposable {
  /**
   * The objective's inputs by name, zeros at first: what a `fill` writes before each micro-batch is run. Those of dropout
   * are drawn here, from the seed and the step's number.
   */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Every trained parameter and its optimiser state as they stand now, by name. Other tensors hold them after the next step. */
  tensors(): ReadonlyMap<string, F32>;
  /** Names of the trained parameters, in the model's order. */
  readonly parameters: readonly string[];
  /** Where the parameters are that are not trained. */
  readonly frozen: ((name: string) => Placement) | undefined;
  /**
   * One optimiser step at `learningRate`; `number` counts from 1. `fill` writes each micro-batch in turn.
   */
  step(number: number, learningRate: number, fill: Fill): Promise<StepResult>;
  /** A step whose result is dropped: the model stays as it is. For measuring. */
  rehearse(fill: Fill): Promise<void>;
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
  /** Outputs that are added up over micro-batches: the loss and the metrics. */
  readonly sums: Readonly<Record<string, F32>>;
  readonly gradNorm: F32;
}

/** Runs a step from the given half into the other and returns its loss and metrics. */
type RunHalf = (half: 0 | 1, fill: Fill) => Promise<SumsOf>;

/** A stepper with freshly drawn weights; load others into `tensors()`. */
export async function createStepper(runtime: Runtime, objective: Objective, options: StepperOptions): Promise<Stepper> {
  const owner = createOwner();
  try {
    return await openStepper(runtime, objective, options, owner);
  } catch (error) {
    owner.dispose();
    throw error;
  }
}

async function openStepper(
  runtime: Runtime,
  objective: Objective,
  options: StepperOptions,
  owner: Owner,
): Promise<Stepper> {
  const whole = options.accumulation === 1;
  const graph = whole ? stepGraph(objective, options) : accumulationGraph(objective, options);
  const trained = graph.parameters.filter(({ value }) => objective.isTrained(value.name));
  const parts = allocate(runtime, graph, { objective, trained, options, owner });
  for (const each of trained) parts.halves[0].get(each.value.name)!.data.set(initialValue(each, options.seed));
  const runHalf = await (whole
    ? wholeStep(parts, graph)
    : accumulatedStep(parts, graph, updateGraph(trained, options)));
  let half: 0 | 1 = 0;
  const run = async (number: number, learningRate: number, fill: Fill): Promise<StepResult> => {
    const { correction1, correction2 } = corrections(number, options.adamw);
    parts.scalars.learning_rate.data[0] = learningRate;
    parts.scalars.correction1.data[0] = correction1;
    parts.scalars.correction2.data[0] = correction2;
    const { seed } = options;
    const sums = await runHalf(half, (microBatch) => {
      drawDropouts(parts.feeds, { seed, step: number, microBatch });
      fill(microBatch);
    });
    return { ...sums, gradNorm: parts.gradNorm.data[0]! };
  };
  return {
    inputs: parts.feeds,
    frozen: options.frozen,
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

function allocate(
  runtime: Runtime,
  graph: Graph,
  {
    objective,
    trained,
    options,
    owner: { own },
  }: {
    readonly objective: Objective;
    readonly trained: Graph["parameters"];
    readonly options: StepperOptions;
    readonly owner: Owner;
  },
): Parts {
  const f32 = (shape: readonly number[]) => own(runtime.tensor("float32", shape));
  const shapes = new Map(trained.map(({ value }) => [value.name, knownShape(value.shape, value.name)]));
  const place = placesOf((name) => shapes.has(name), options.frozen);
  const sums = [LOSS, ...namesOf(graph, metricName).map(metricName)];
  return {
    options,
    own,
    f32,
    open: async (g) => own(await runtime.session(lowerGraph(g, place), { memoryPattern: false, ...options.session })),
    shapes,
    halves: [stateTensors(shapes, options, f32), stateTensors(shapes, options, f32)],
    feeds: inputTensors(ownInputs(graph, objective, options), runtime, own),
    scalars: { learning_rate: f32([]), correction1: f32([]), correction2: f32([]) },
    sums: Object.fromEntries(sums.map((name) => [name, f32([])])),
    gradNorm: f32([]),
  };
}

/** Tensors of zeros for a graph's inputs, by name. */
export const inputTensors = (
  inputs: Graph["inputs"],
  runtime: Runtime,
  own: Owner["own"],
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => [name, own(runtime.tensor(dtype, knownShape(shape, name)))]),
  );

/** Parameters that are kept as tensors are fed at each run, the others are where they are. */
export const placesOf =
  (isKept: (name: string) => boolean, frozen: StepperOptions["frozen"]) =>
  (name: string): Placement =>
    isKept(name) || !frozen ? { kind: "input" } : frozen(name);

/** The loss and the metrics that tensors of one element hold, by their outputs' names. */
export function readSums(sums: Readonly<Record<string, F32>>): SumsOf {
  const { [LOSS]: loss, ...metrics } = sums;
  const named = Object.entries(metrics).map(
    ([name, { data }]) => [name.slice(metricName("").length), data[0]!] as const,
  );
  return { loss: loss!.data[0]!, metrics: Object.fromEntries(named) };
}

/** One graph does it all. */
async function wholeStep(parts: Parts, graph: Graph): Promise<RunHalf> {
  const { halves, feeds, scalars, own, sums, gradNorm } = parts;
  const session = await parts.open(graph);
  const bindings = halves.map((from, i) =>
    own(
      session.bind(
        { ...feeds, ...scalars, ...Object.fromEntries(from) },
        { ...sums, [GRAD_NORM]: gradNorm, ...renamed(halves[1 - i]!) },
      ),
    ),
  );
  return async (half, fill) => {
    fill(0);
    await bindings[half]!.run();
    return readSums(sums);
  };
}

/** Micro-batches add to sums of gradients, which trade places too; a second graph spends them. */
async function accumulatedStep(parts: Parts, graph: Graph, update: Graph): Promise<RunHalf> {
  const { halves, feeds, scalars, own, shapes, options, sums, gradNorm } = parts;
  const grads = [0, 1].map(() => new Map([...shapes].map(([name, shape]) => [sumName(name), parts.f32(shape)])));
  const weightsOf = (half: ReadonlyMap<string, F32>) =>
    Object.fromEntries([...shapes.keys()].map((name) => [name, half.get(name)!]));
  const [adder, spender] = [await parts.open(graph), await parts.open(update)];
  const adding = halves.map((half) =>
    grads.map((grad, i) =>
      own(
        adder.bind(
          { ...feeds, ...weightsOf(half), ...Object.fromEntries(grad) },
          { ...sums, ...renamed(grads[1 - i]!) },
        ),
      ),
    ),
  );
  const total = Object.fromEntries(grads[options.accumulation % 2]!);
  const spending = halves.map((half, i) =>
    own(
      spender.bind(
        { ...scalars, ...Object.fromEntries(half), ...total },
        { [GRAD_NORM]: gradNorm, ...renamed(halves[1 - i]!) },
      ),
    ),
  );
  return async (half, fill) => {
    for (const grad of grads[0]!.values()) grad.data.fill(0);
    const read: SumsOf[] = [];
    for (let i = 0; i < options.accumulation; i++) {
      fill(i);
      await adding[half]![i % 2]!.run();
      read.push(readSums(sums));
    }
    await spending[half]!.run();
    return added(read);
  };
}

/** What micro-batches give, added up. */
export function added(parts: readonly SumsOf[]): SumsOf {
  const total = (of: (part: SumsOf) => number) => parts.reduce((sum, part) => sum + of(part), 0);
  const names = Object.keys(parts[0]?.metrics ?? {});
  return {
    loss: total(({ loss }) => loss),
    metrics: Object.fromEntries(names.map((name) => [name, total(({ metrics }) => metrics[name]!)])),
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
