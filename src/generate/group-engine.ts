/**
 * Several texts that go on from one prompt, a token of each at a time: a step reads the weights once for all of them. All texts have the
 * same length; chooses no token.
 */
import { fail } from "../base/errors.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime, SessionOptions } from "../runtime/types.ts";
import { openEngines, type Weights } from "./engine.ts";

/** Texts of one length over a cache of B rows. */
export interface GroupEngine extends Disposable {
  readonly rows: number;
  readonly capacity: number;
  /** Forgets what it holds, reads a prompt once for all texts, and gives the logits (V) behind it. */
  begin(prompt: ArrayLike<number>): Promise<Float32Array>;
  /** Appends a token to each text and gives the logits behind them, (B, V). */
  step(ids: ArrayLike<number>): Promise<Float32Array>;
}

/** How a group's engine is opened. */
export interface GroupEngineOptions {
  /** B. */
  readonly rows: number;
  /** Tokens of a text, the prompt's among them. */
  readonly capacity: number;
  /** Most tokens of a prompt that are read at once. Default 512. */
  readonly chunk?: number;
  readonly session?: SessionOptions;
}

/** Opens it. Throws BAD_OPTION, or what the runtime says. */
export async function openGroupEngine(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  { rows, ...options }: GroupEngineOptions,
): Promise<GroupEngine> {
  const engines = await openEngines(runtime, model, weights, options);
  try {
    const engine = engines.openBatch!(rows);
    const slots = Array.from({ length: rows }, (_, slot) => slot);
    return {
      rows,
      capacity: engine.capacity,
      async begin(prompt) {
        if (prompt.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one");
        // The weights may have changed since: nothing of the last texts is of use.
        for (const slot of slots) engine.truncate(slot, 0);
        const logits = await engine.append(0, prompt);
        for (const slot of slots.slice(1)) engine.copy(0, slot);
        return logits;
      },
      async step(ids) {
        const logits = new Float32Array(rows * model.vocabSize);
        for (const [i, row] of (await engine.step(slots, ids)).entries()) logits.set(row, i * model.vocabSize);
        return logits;
      },
      [Symbol.dispose]: engines.dispose,
    };
  } catch (error) {
    engines.dispose();
    throw error;
  }
}
