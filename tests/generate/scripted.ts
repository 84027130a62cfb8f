/** An engine that says what it is told to, for tests of what is made of tokens. */
import type { Engine } from "../../src/generate/engine.ts";
import type { CausalLm } from "../../src/models/types.ts";

/** Gives logits that make `ids[n]` by far the most probable after n tokens beyond a prompt of `promptTokens`. */
export function scriptedEngine(ids: readonly number[], vocabSize: number, promptTokens = 1, capacity = 1000): Engine {
  const held: number[] = [];
  const logitsAt = () => {
    const logits = new Float32Array(vocabSize);
    const id = ids[held.length - promptTokens];
    if (id === undefined) throw new Error(`the script has no token after ${held.length}`);
    logits[id] = 50;
    return logits;
  };
  const noted: Engine = {
    model: { vocabSize, maxPositions: capacity } as CausalLm,
    capacity,
    ids: held,
    cache: {} as Engine["cache"],
    get length() {
      return held.length;
    },
    async append(more) {
      held.push(...Array.from(more));
      return logitsAt();
    },
    async appendShowing() {
      throw new Error("not scripted");
    },
    adopt: () => {},
    truncate: (to) => {
      held.length = to;
    },
    dispose() {},
    [Symbol.dispose]() {},
  };
  return noted;
}
