import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stopFilter } from "../../src/generate/stop.ts";

function run(pieces: string[], stops: string[]) {
  const filter = stopFilter(stops);
  let shown = "";
  for (const piece of pieces) shown += filter.push(piece);
  return { shown: shown + filter.end(), stopped: filter.stopped };
}

describe("stop strings", () => {
  test("a stop string split over pieces is found and not shown", () => {
    assert.deepEqual(run(["one ", "two\n", "\nUs", "er: no"], ["\n\nUser:"]), { shown: "one two", stopped: true });
  });

  test("text that only began like a stop string is shown in the end", () => {
    assert.deepEqual(run(["a<", "/", "b"], ["</s>"]), { shown: "a</b", stopped: false });
    assert.deepEqual(run(["a</"], ["</s>"]), { shown: "a</", stopped: false });
  });

  test("of several stop strings the one that is complete first cuts", () => {
    assert.deepEqual(run(["xyz"], ["z", "y"]), { shown: "x", stopped: true });
    assert.deepEqual(run(["ba", "ba"], ["baba", "ab"]), { shown: "b", stopped: true });
    assert.deepEqual(run(["xyz"], ["z", "yz"]), { shown: "x", stopped: true });
  });

  test("any cutting into pieces shows the same text", () => {
    const letters = fc.array(fc.constantFrom("a", "b"), { maxLength: 30 });
    const stops = fc.array(fc.constantFrom("ab", "bb", "aab", "aaa", "baba"), { maxLength: 3 });
    fc.assert(
      fc.property(letters, stops, fc.integer({ min: 1, max: 5 }), (text, stop, size) => {
        const whole = text.join("");
        const pieces = whole.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
        const ends = [...whole].map((_, i) => i + 1);
        const end = ends.find((i) => stop.some((s) => whole.slice(0, i).endsWith(s)));
        const begun = whole.slice(0, end);
        const longest = Math.max(0, ...stop.filter((s) => begun.endsWith(s)).map((s) => s.length));
        const expected = end === undefined ? whole : begun.slice(0, end - longest);
        assert.equal(run([...pieces], stop).shown, expected);
      }),
      { numRuns: 1000 },
    );
  });
});
