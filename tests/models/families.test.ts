import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { output } from "../../src/graph/build.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { cachedGraph, lossGraph } from "../../src/models/heads.ts";
import { FAMILIES } from "../../src/models/registry.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { causalLmObjective } from "../../src/train/objective.ts";
import { evaluate, type NdArray } from "../helpers/reference.ts";
import { at, fill } from "../helpers/reference-array.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights, summaryOf } from "../helpers/reference-families.ts";
import { distance, positions } from "../helpers/reference-models.ts";
import { steppedCache } from "../helpers/reference-steps.ts";

const CAPACITY = 24;

/** Rows `from` to `to` of each text, (B, to-from). */
const columns = (x: NdArray, from: number, to: number) =>
  fill([x.shape[0]!, to - from], ([b, t]) => at(x, [b!, from + t!]));
const row = (x: NdArray, b: number) => fill([1, x.shape[1]!], ([, t]) => at(x, [b, t!]));
/** The logits of token t of row b, of (B*S, V). */
const logitsAt = (logits: NdArray, tokens: number, b: number, t: number) =>
  fill([1, logits.shape[1]!], ([, v]) => at(logits, [b * tokens + t, v!]));

for (const name of GOLDEN_FAMILIES) {
  describe(`${name}, evaluated in float64`, () => {
    const { model, parameters, differentiated, golden } = goldenFamily(name);
    const weights = patternWeights(model);
    const ids = golden.get("input_ids")!;
    const [batch, tokens] = ids.shape as [number, number];
    /** Where the positions of a text of that many tokens are counted from; see {@link CausalLm.longAfter}. */
    const firstPosition = (total: number) => (total > (model.longAfter ?? CAPACITY) ? CAPACITY : 0);

    const loss = lossGraph(model, batch, tokens);
    const named = new Map(loss.graph.parameters.map(({ value }) => [value.name, value]));
    const wanted = differentiated.map((each) => named.get(each)!);
    output(loss.graph, "logits", loss.logits);
    output(loss.graph, "loss", loss.loss);
    const results = () => {
      const grads = wanted.length > 0 ? gradients(loss.loss, wanted) : [];
      for (const [i, grad] of grads.entries()) output(loss.graph, `grad.${i}`, grad);
      const feeds = new Map([
        ...weights,
        ["input_ids", ids],
        ["position_ids", positions(batch, tokens)],
        ["targets", golden.get("targets")!],
        ["weights", fill([batch, tokens], () => 1 / (batch * tokens))],
      ] as const);
      return evaluate(loss.graph, feeds);
    };

    test("has transformers' weights by name", () => {
      assert.deepEqual([...weights.keys()].sort(), parameters);
    });

    test("gives transformers' logits, loss and gradients, and the same logits over a cache", () => {
      const trained = results();
      const logits = trained.get("logits")!;
      const known = golden.get("logits")!;
      assert.ok(distance(logits, known) < 1e-4, `the logits are off by ${distance(logits, known)}`);
      assert.ok(distance(trained.get("loss")!, golden.get("loss")!) < 1e-5);
      const grads = golden.get("grads")!;
      for (const [i, each] of differentiated.entries()) {
        const [norm, ...products] = summaryOf(each, trained.get(`grad.${i}`)!);
        const [knownNorm, ...knownProducts] = grads.data.slice(3 * i, 3 * i + 3);
        const tolerance = 1e-3 * knownNorm! + 1e-6;
        assert.ok(Math.abs(norm! - knownNorm!) < tolerance, `${each}: a gradient of ${norm}, expected ${knownNorm}`);
        for (const [j, product] of products.entries())
          assert.ok(Math.abs(product - knownProducts[j]!) < 10 * tolerance, `${each}: ${product}, ${knownProducts[j]}`);
      }

      const single = verifyGraph(cachedGraph(model, 1, CAPACITY));
      const step = steppedCache(single, weights, 1, CAPACITY);
      const first = firstPosition(tokens);
      let start = 0;
      for (const size of [6, 1, 1, tokens - 8]) {
        const fed = columns(row(ids, 1), start, start + size);
        const piece = step(fed, positions(1, size, first + start), [start + size]);
        for (let s = 0; s < size; s++) {
          const error = distance(logitsAt(piece, size, 0, s), logitsAt(logits, tokens, 1, start + s));
          assert.ok(error < 1e-9, `token ${start + s} is off by ${error}`);
        }
        start += size;
      }
    });

    test("can be trained, its blocks computed twice", () => {
      const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
      const options = { adamw, clipNorm: 1 };
      const objective = causalLmObjective(model, batch, tokens);
      const nodes = [false, true].map(
        (checkpointing) => stepGraph(objective, { ...options, checkpointing }).nodes.length,
      );
      assert.ok(nodes[1]! > nodes[0]!, "nothing is computed twice");
    });

    test("gives a row padded at its end the logits it has alone, and continues each from its own length", () => {
      const lengths = [10, 4];
      const longest = 10;
      const step = steppedCache(verifyGraph(cachedGraph(model, batch, CAPACITY)), weights, batch, CAPACITY);
      const firsts = lengths.map((length) => firstPosition(length + 1));
      const positionIds = fill([batch, longest], ([b, t]) => firsts[b!]! + t!);
      const prefill = step(columns(ids, 0, longest), positionIds, lengths);
      const next = fill([batch, 1], ([b]) => at(ids, [b!, lengths[b!]!]));
      const decoded = step(
        next,
        fill([batch, 1], ([b]) => firsts[b!]! + lengths[b!]!),
        lengths.map((length) => length + 1),
      );
      const alone = verifyGraph(cachedGraph(model, 1, CAPACITY));
      for (const [b, length] of lengths.entries()) {
        const whole = steppedCache(alone, weights, 1, CAPACITY);
        const text = columns(row(ids, b), 0, length + 1);
        const expected = whole(text, positions(1, length + 1, firsts[b]!), [length + 1]);
        const last = distance(logitsAt(prefill, longest, b, length - 1), logitsAt(expected, length + 1, 0, length - 1));
        assert.ok(last < 1e-9, `row ${b}: off by ${last}`);
        const after = distance(logitsAt(decoded, 1, b, 0), logitsAt(expected, length + 1, 0, length));
        assert.ok(after < 1e-9, `row ${b}, continued: off by ${after}`);
      }
    });
  });
}

test("every family but gpt2, which has golden models of its own, has a row", () => {
  const covered = new Set(GOLDEN_FAMILIES.map((name) => name.split("-")[0]));
  assert.deepEqual([...FAMILIES.keys()].filter((type) => !covered.has(type)).sort(), ["gpt2"]);
});
