import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Engine } from "../../src/generate/engine.ts";
import { openModel } from "../../src/generate/load.ts";
import { largestIds } from "../../src/generate/logprobs.ts";
import { nextTokens, treeAfter } from "../../src/generate/next.ts";
import { scoreIds } from "../../src/generate/score-text.ts";
import { nextAfter } from "../../src/generate/text.ts";
import { type Branch, continuationTree } from "../../src/generate/tree.ts";
import { host } from "../../src/host/node.ts";
import * as library from "../../src/index.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { ownlm } from "../cli/world.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder } from "./folders.ts";

/** An engine of four tokens whose logits depend on all tokens before, and that counts what it is given. */
function countingEngine(capacity = 100): { engine: Engine; given: () => number } {
  const known: number[] = [];
  let given = 0;
  const engine: Engine = {
    model: { vocabSize: 4 } as CausalLm,
    capacity,
    get length() {
      return known.length;
    },
    async append(ids) {
      given += ids.length;
      for (let i = 0; i < ids.length; i++) known.push(ids[i]!);
      const state = known.reduce((hash, id) => (hash * 31 + id + 1) % 997, 7);
      return Float32Array.from({ length: 4 }, (_, i) => ((state * (i + 3)) % 13) / 3);
    },
    async appendShowing() {
      throw new Error("a tree needs the last logits only");
    },
    truncate: (to) => {
      known.length = to;
    },
    ids: known,
    cache: undefined as never,
    adopt: (ids) => void known.push(...ids),
    dispose() {},
    [Symbol.dispose]() {},
  };
  return { engine, given: () => given };
}

/** Throws unless the joint probabilities of a tree obey the chain rule. */
function checkTree(branches: readonly Branch[], parent = 1): void {
  const together = branches.reduce((sum, { jointProbability }) => sum + jointProbability, 0);
  assert.ok(together <= parent * (1 + 1e-9), `children of ${together} under ${parent}`);
  for (const [i, branch] of branches.entries()) {
    assert.ok(Math.abs(branch.jointProbability - parent * branch.probability) < 1e-9);
    assert.ok(Math.abs(Math.exp(branch.jointLogprob) - branch.jointProbability) < 1e-12);
    if (i > 0) assert.ok(branch.probability <= branches[i - 1]!.probability);
    checkTree(branch.children, branch.jointProbability);
  }
}

const depthOf = (branches: readonly Branch[]): number =>
  branches.length === 0 ? 0 : 1 + Math.max(...branches.map(({ children }) => depthOf(children)));

describe("the tree of continuations", () => {
  test("obeys the chain rule: children's joint probabilities add up to their parent's at most, and to all of it with all tokens", async () => {
    const shapes = fc.record({
      prompt: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
      depth: fc.integer({ min: 1, max: 4 }),
      top: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ prompt, depth, top }) => {
        const { engine } = countingEngine();
        const tree = await continuationTree(engine, prompt, { depth, top });
        checkTree(tree);
        assert.equal(depthOf(tree), depth);
        assert.equal(tree.length, Math.min(top, 4));
        assert.equal(engine.length, prompt.length);
        const all = tree.reduce((sum, { jointProbability }) => sum + jointProbability, 0);
        if (top >= 4) assert.ok(Math.abs(all - 1) < 1e-9);
      }),
    );
  });

  test("runs the prompt once, and one token for each branch that has children", async () => {
    const { engine, given } = countingEngine();
    await continuationTree(engine, [1, 2, 3, 0, 1, 2, 3], { depth: 4, top: 3 });
    assert.equal(given(), 7 + 3 + 9 + 27);
  });

  test("ends after an end token, and leaves out ids that are no tokens", async () => {
    const { engine } = countingEngine();
    const tree = await continuationTree(engine, [1], { depth: 3, top: 4, endIds: [2], idLimit: 3 });
    const visit = (branches: readonly Branch[], level: number): void => {
      for (const { id, children } of branches) {
        assert.ok(id < 3);
        assert.equal(children.length, id === 2 || level === 3 ? 0 : 3);
        visit(children, level + 1);
      }
    };
    visit(tree, 1);
    checkTree(tree);
  });

  test("refuses what would take too long or does not fit", async () => {
    const { engine, given } = countingEngine(10);
    const grow = (depth: number, top: number) => continuationTree(engine, [1, 2], { depth, top });
    await assert.rejects(grow(8, 10), { code: "BAD_OPTION", message: /20000 runs/ });
    await assert.rejects(grow(1000, 1000), { code: "BAD_OPTION" });
    await assert.rejects(grow(10, 1), { code: "CONTEXT_OVERFLOW", message: /needs 11 tokens.*10/ });
    assert.equal(given(), 0);
    assert.equal(depthOf(await grow(9, 1)), 9);
    engine.truncate(1);
    assert.equal((await grow(1, 1_000_000)).length, 4);
  });
});

describe("the largest logits", () => {
  test("are those of sorting all, whether few or many are wanted", () => {
    const logits = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 150 }).map((list) => Float32Array.from(list));
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 100 }), (all, count) => {
        const sorted = [...all.keys()].sort((a, b) => all[b]! - all[a]! || a - b);
        assert.deepEqual(largestIds(all, count), sorted.slice(0, count));
      }),
    );
  });
});

describe("ownlm next --tree", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const open = () => openModel(host, runtime!, folder, { threads: 1 });

  test("has the probabilities of asking for each token by itself, and of scoring each branch whole", async () => {
    using opened = await open();
    const prompt = [259, 263];
    const tree = await treeAfter(opened, prompt, { depth: 3, top: 2 });
    checkTree(tree);
    for (const [i, { id, logprob }] of (await nextAfter(opened, prompt, 2)).entries()) {
      assert.equal(tree[i]!.id, id);
      assert.ok(Math.abs(tree[i]!.logprob - logprob) < 1e-4, `${tree[i]!.logprob} and ${logprob}`);
    }
    for (const a of tree)
      for (const b of a.children)
        for (const c of b.children) {
          const { logprobs } = await scoreIds(opened, [...prompt, a.id, b.id, c.id]);
          const joint = logprobs.slice(prompt.length).reduce<number>((sum, each) => sum + each!, 0);
          assert.ok(Math.abs(c.jointLogprob - joint) < 1e-4, `${c.jointLogprob} and ${joint}`);
          assert.equal(c.continuation, opened.tokenizer!.decode([a.id, b.id, c.id]));
        }
  });

  test("has the JSON that tools rely on", async () => {
    const args = ["next", folder, "the cat", "--tree", "--depth", "2", "--top", "2", "--json"];
    const { tree, candidates } = (await ownlm(args)).json() as Record<string, Record<string, unknown>[]>;
    const keys = [
      "id",
      "probability",
      "logprob",
      "jointProbability",
      "jointLogprob",
      "children",
      "text",
      "continuation",
    ];
    assert.deepEqual(Object.keys(tree![0]!).sort(), keys.sort());
    assert.equal((tree![0]!.children as unknown[]).length, 2);
    assert.equal(candidates!.length, 2);
    checkTree(tree as unknown as Branch[]);
    assert.deepEqual((await library.next(folder, "the cat", { tree: true, depth: 2, top: 2 })).tree, tree);
    using model = await library.AutoModelForCausalLM.fromPretrained(folder);
    const ids = (await library.AutoTokenizer.fromPretrained(folder)).encode("the cat");
    assert.deepEqual(await model.tree(ids, { depth: 2, top: 2 }), tree);
  });

  test("draws it, three children of three levels unless told otherwise", async () => {
    const { stdout } = await ownlm(["next", folder, "the cat", "--tree"], { columns: 60 });
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 1 + 3 + 9 + 27 + 1);
    assert.match(lines[0]!, /^token +P +together$/);
    assert.match(lines[1]!, /^├─ ".*" +[\d.e-]+% +[\d.e-]+%$/);
    assert.match(lines[2]!, /^│ {2}├─ ".*" /);
    assert.match(lines.at(-1)!, /^[\d.]+% for all other tokens$/);
    const plain = (await ownlm(["next", folder, "the cat", "--tree"], { env: { LANG: "C" } })).stdout;
    assert.match(plain, /^\|- ".*\n\| {2}\|- /m);
  });

  test("refuses a depth without a tree", async () => {
    assert.match((await ownlm(["next", folder, "the", "--depth", "2"])).stderr, /depth: is a tree's/);
    using opened = await open();
    await assert.rejects(nextTokens(opened, [1], { tree: true, depth: 0 }), { code: "BAD_OPTION", message: /depth/ });
  });
});
