import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Backend, Ending, Piece } from "../../src/serve/backend.ts";
import { renewable } from "../../src/serve/renewable.ts";

const ENDING: Ending = { finishReason: "length", completionTokens: 2, cachedTokens: 0 };

/** A backend that says its name twice, and whether it was disposed. */
function named(name: string) {
  const state = { disposed: 0 };
  async function* pieces(): AsyncGenerator<Piece, Ending> {
    yield { text: name, ids: [1] };
    yield { text: name, ids: [1] };
    return ENDING;
  }
  const not = () => Promise.reject(new Error("not asked"));
  const backend: Backend = {
    ...{ facts: not, load: not, tokenize: not, embed: not, applyTemplate: not },
    detokenize: async () => name,
    generate: async () => ({ promptTokens: 1, pieces: pieces() }),
    dispose: async () => void state.disposed++,
  };
  return { backend, state };
}

const ask = { prompt: { text: "" }, options: {}, client: "" };

describe("a model that is opened anew", () => {
  test("ends the texts that run where they began, then lets the old one go, once", async () => {
    const [old, next] = [named("old"), named("next")];
    const { backend, replace } = renewable(old.backend);
    const [read, left] = [await backend.generate(ask), await backend.generate(ask)];
    assert.deepEqual(await read.pieces.next(), { done: false, value: { text: "old", ids: [1] } });
    replace(next.backend);
    assert.equal(await backend.detokenize([]), "next");
    assert.deepEqual(await read.pieces.next(), { done: false, value: { text: "old", ids: [1] } });
    assert.deepEqual(await read.pieces.next(), { done: true, value: ENDING });
    assert.equal(old.state.disposed, 0);
    await left.pieces.return(ENDING);
    await left.pieces.return(ENDING);
    assert.deepEqual([old.state.disposed, next.state.disposed], [1, 0]);
    const { value } = await (await backend.generate(ask)).pieces.next();
    assert.deepEqual(value, { text: "next", ids: [1] });
    await backend.dispose();
    assert.deepEqual([old.state.disposed, next.state.disposed], [1, 1]);
  });

  test("lets the old one go at once where nothing runs, and one that comes too late as well", async () => {
    const [old, next, late] = [named("old"), named("next"), named("late")];
    const { backend, replace } = renewable(old.backend);
    replace(next.backend);
    assert.equal(old.state.disposed, 1);
    await backend.dispose();
    assert.throws(() => replace(late.backend), { code: "DISPOSED" });
    assert.deepEqual([next.state.disposed, late.state.disposed], [1, 1]);
    await assert.rejects(backend.detokenize([]), { code: "DISPOSED" });
  });
});
