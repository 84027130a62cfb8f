/** What a run asks of an objective over its data: a graph, and where micro-batches come from. Knows none of them. */
import type { RowSamplerState } from "../data/row-sampler.ts";
import type { BatchEngine } from "../generate/batch-types.ts";
import type { Tensor } from "../runtime/types.ts";
import type { Evaluation } from "../train/evaluator.ts";
import type { Objective } from "../train/objective.ts";

/** An objective's inputs by name, as a stepper or an evaluation has them. */
export type Inputs = Readonly<Record<string, Tensor>>;

/** Writes a micro-batch of a step that was drawn into the inputs. */
export type Fill = (microBatch: number) => void;

/** A stream of steps. */
export interface StepSource {
  /**
   * Draws all micro-batches of the next step. Await it: some ask the model as it stands (KTO), another model (distillation)
   * or write the answers first (GRPO).
   */
  draw(): Fill | Promise<Fill>;
  /** Figures of the step drawn last, which no graph gives: rewards. */
  readonly told?: () => Readonly<Record<string, number>>;
  /** Where it stands behind the steps drawn; a source made from it goes on exactly. */
  state(): RowSamplerState;
}

/** What validates: always the same batches. */
export interface TaskValidation {
  /** The loss of a batch as a sum, and metrics as sums. */
  readonly objective: Objective;
  readonly batches: number;
  /** What sums are divided by, of the first `batches` batches. */
  count(batches: number): number;
  /** Positions of a batch, padding included. */
  readonly tokensPerBatch: number;
  /** Writes a batch into an evaluation's inputs, before it is run. Await it. */
  fill(batch: number, inputs: Inputs): void | Promise<void>;
}

/** What a task is made ready with. */
export interface TaskWorld {
  /** Opens an objective over the untouched model, without adapters. The caller disposes it. */
  readonly untouched: (objective: Objective) => Promise<Evaluation>;
  /** Opens an objective over the model as it stands at each run of the evaluation. It is disposed with the run. */
  readonly live: (objective: Objective) => Promise<Evaluation>;
  /**
   * Opens an engine of so many slots for texts of up to `capacity` tokens, over the weights as they stand. It is good until the next
   * step; the caller disposes it.
   */
  readonly engine: (slots: number, capacity: number) => Promise<BatchEngine>;
  /** Tells a person what a run cannot go wrong by, but should know. */
  readonly warn: (message: string) => void;
  /** Lets the rest of the process have its turn; throws when the run is to stop. */
  readonly turn: () => Promise<void>;
}

/** What a mean loss is over. */
export type Unit = "tokens" | "pairs" | "answers";

/** An objective over the data of a run. */
export interface TuneTask {
  readonly objective: Objective;
  /** What a loss is the mean over, for people. */
  readonly unit: Unit;
  /** Rows of an epoch, each of which is drawn once: B of them make a micro-batch. */
  readonly rowsPerEpoch: number;
  /** Positions of a micro-batch, padding included. */
  readonly tokensPerBatch: number;
  /** Steps drawn into `inputs`, from the beginning or from a state. */
  source(inputs: Inputs, accumulation: number, state?: RowSamplerState): StepSource;
  /** Absent where nothing validates. */
  readonly validation?: TaskValidation | undefined;
  /**
   * Called once before any `source` or validation, and again by a run that is continued: computes reference log-probabilities,
   * opens what `draw` asks.
   */
  readonly prepare?: ((world: TaskWorld) => Promise<void>) | undefined;
  /** Gives back what `prepare` opened. */
  readonly dispose?: (() => void) | undefined;
}
