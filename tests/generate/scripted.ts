/** An engine that says what it is told to, for tests of what is made of tokens. */
import type { Engine } from "../../src/generate/engine.ts";
import type { CausalLm } from "../../src/models/types.ts";

/** Gives logits that make `ids[n]` by far the most probable after n tokens beyond a prompt of `promptTokens`. */
export function scriptedEngine(ids: readonly number[], vocabSize: number, promptTokens = 1, capacity = 1000): Engine {
  let length = 0;
  const logitsAt = () => {
    const logits = new Float32Array(vocabSize);
    const id = ids[length - promptTokens];
    if (id === undefined) throw new Error(`the script has no token after ${length}`);
    logits[id] = 50;
    return logits;
  };
  const noted: Engine = {
    model: { vocabSize, maxPositions: capacity } as CausalLm,
    capacity,
    get length() {
      return length;
    },
    async append(more) {
      length += more.length;
      return logitsAt();
    },
    async appendShowing() {
      throw new Error("not scripted");
    },
    truncate: (to) => {
      length = to;
    },
    dispose() {},
    [Symbol.dispose]() {},
  };
  return noted;
}
