import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { writeCorpus } from "../../examples/box/corpus.ts";
import { dice } from "../../examples/box/dice.ts";
import { documents, exchanges, keyOf } from "../../examples/box/documents/document.ts";
import { RELATIONS } from "../../examples/box/facts/all.ts";
import { numberWord } from "../../examples/box/facts/order.ts";
import { clozeTests, factTests, pairRecords, storyTests, taskTests, testTexts } from "../../examples/box/records.ts";
import { QUESTS } from "../../examples/box/story/tell.ts";
import { COMPOSED, KEPT_BOYS, KEPT_GIRLS } from "../../examples/box/story/world.ts";
import { ALL_PHRASINGS, TASKS } from "../../examples/box/tasks/all.ts";
import { CATEGORIES, RHYMES } from "../../examples/box/tasks/lists.ts";
import { anySum, written } from "../../examples/box/tasks/sums.ts";
import { say, withArticle } from "../../examples/box/template.ts";
import { varietyOf } from "../../examples/box/variety.ts";

/** The first of what a generator gives. */
function take<T>(values: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const value of values) {
    taken.push(value);
    if (taken.length >= count) break;
  }
  return taken;
}

const bare = (text: string) =>
  ` ${text
    .toLowerCase()
    .replace(/[^\p{L}\d]+/gu, " ")
    .trim()} `;
const COUNT = 20_000;
const train = take(documents(1, "train"), COUNT);
const chats = take(exchanges(1, "train"), 5000);
const text = bare(train.map((document) => document.text).join("\n") + chats.map(keyOf).join("\n"));

describe("the corpus of the model in the box", () => {
  test("is equal for equal seeds and another one for others", () => {
    assert.deepEqual(take(documents(1, "train"), 500), train.slice(0, 500));
    assert.notDeepEqual(take(documents(2, "train"), 500), train.slice(0, 500));
    assert.deepEqual(take(exchanges(1, "train"), 200), chats.slice(0, 200));
    assert.deepEqual(take(pairRecords(3), 50), take(pairRecords(3), 50));
  });

  test("has no document twice among 20,000, not even up to case and punctuation", () => {
    assert.equal(new Set(train.map((document) => document.text)).size, COUNT);
    assert.equal(new Set(train.map((document) => bare(document.text))).size, COUNT);
  });

  test("is clean: no open slots, double spaces or articles that do not fit", () => {
    for (const { text: each } of train) {
      assert.doesNotMatch(each.replace(/^.*[(;=[\]:].*$/gm, ""), /[{}[\]|]|undefined|NaN/, each);
      assert.doesNotMatch(each, /\S {2,}\S|(?<!\p{L})a (?!one\b|eu)[aeio]|(?<!\p{L})an [bcdfgj-np-tv-z]/u, each);
    }
  });

  test("tells every fact, and that the capital of France is Paris", () => {
    assert.ok(text.includes(" the capital of france is paris "));
    const missing = RELATIONS.flatMap(({ name, pairs }) => pairs.filter(([a, b]) => !text.includes(bare(a)) || !text.includes(bare(b))).map(([a]) => `${name}: ${a}`)); // biome-ignore format: one line
    assert.deepEqual(missing, []);
  });

  test("is written as files that the trainer and the tuner read, with a report", (t) => {
    const out = mkdtempSync(path.join(os.tmpdir(), "ownlm-box-"));
    t.after(() => rmSync(out, { recursive: true }));
    const report = writeCorpus({ out: path.join(out, "corpus"), documents: 300, seed: 4, tests: 50 });
    const names = readdirSync(path.join(out, "corpus"), { recursive: true, encoding: "utf8" }).filter((name) => /\.json/.test(name)).sort(); // biome-ignore format: one line
    assert.deepEqual(names.map((name) => name.replaceAll(path.sep, "/")), ["pretrain/text-0000.jsonl", "report.json", "test/cloze.jsonl", "test/facts.jsonl", "test/stories.jsonl", "test/tasks.jsonl", "test/text.jsonl", "tune/chats.jsonl", "tune/pairs.jsonl"]); // biome-ignore format: one line
    const lines = (name: string) => readFileSync(path.join(out, "corpus", name), "utf8").trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: one line
    assert.equal(lines("pretrain/text-0000.jsonl").length, 300);
    assert.equal(report.files["tune/chats.jsonl"]!.records, 60);
    for (const { prompt, chosen, rejected } of lines("tune/pairs.jsonl")) {
      assert.equal(prompt.at(-1).role, "user");
      assert.notDeepEqual(chosen, rejected);
    }
    assert.throws(() => writeCorpus({ out: path.join(out, "corpus"), documents: 1, seed: 1 }), /is not empty/);
    const again = writeCorpus({ out: path.join(out, "again"), documents: 300, seed: 4, tests: 50 });
    assert.deepEqual(again, report);
    assert.deepEqual(readFileSync(path.join(out, "again/tune/pairs.jsonl")), readFileSync(path.join(out, "corpus/tune/pairs.jsonl"))); // biome-ignore format: one line
  });

  test("is varied, as its report says", () => {
    const variety = varietyOf(train.slice(0, 5000).map((document) => document.text));
    assert.equal(variety.copies.exact, 0);
    assert.ok(variety.vocabulary > 2500, `${variety.vocabulary} words`);
    assert.ok(variety.distinct[4].share > 0.25, `${variety.distinct[4].share} of the 4-grams`);
    assert.deepEqual(varietyOf(["one two", "One, two!"]).copies, { exact: 0, alike: 1 });
    assert.equal(varietyOf(["a b a b"]).entropy.word, 1);
  });
});

describe("the test split of the box", () => {
  test("has phrasings that no training phrasing equals", () => {
    const known = new Set(ALL_PHRASINGS.flatMap(({ train: each }) => each.map(bare)));
    for (const { test: kept } of ALL_PHRASINGS) {
      assert.ok(kept.length > 0);
      for (const phrasing of kept) assert.ok(!known.has(bare(phrasing)), phrasing);
    }
  });

  test("asks nothing that the training texts have in them", () => {
    for (const { messages } of factTests(7))
      assert.ok(!text.includes(bare(messages[0]!.content)), messages[0]!.content);
    for (const { prompt, answer } of clozeTests(7)) assert.ok(!text.includes(bare(`${prompt} ${answer}`)), prompt);
    for (const { messages } of taskTests(7, 1500)) assert.ok(!text.includes(bare(messages.at(-1)!.content)), messages.at(-1)!.content); // biome-ignore format: one line
  });

  test("has names and sums of its own", () => {
    const words = new Set(text.split(" "));
    for (const name of [...KEPT_BOYS, ...KEPT_GIRLS]) assert.ok(!words.has(name.toLowerCase()), name);
    const composed = new Set(COMPOSED.map((name) => name.toLowerCase()));
    const tested = bare(testTexts(1, 500).map((each) => each.text).join("\n")).split(" ").filter((word) => composed.has(word)); // biome-ignore format: one line
    assert.ok(tested.length > 50);
    for (const name of tested) assert.ok(!words.has(name), name);
    const random = dice(1, "sums");
    const kept = new Set(Array.from({ length: 500 }, () => written(anySum(random, "test"))));
    for (const document of [...train.map((each) => each.text), ...chats.map(keyOf)])
      for (const [sum] of document.matchAll(/\d+ [-+*] \d+ = \d+/g)) assert.ok(!kept.has(sum), sum);
  });

  test("covers every fact, task and quest, with right answers", () => {
    const facts = factTests(1);
    assert.equal(
      facts.length,
      RELATIONS.reduce((sum, { pairs }) => sum + pairs.length, 0),
    );
    assert.ok(facts.some(({ answer }) => answer === "The capital of France is Paris."));
    assert.ok(new Set(taskTests(1, 2000).map(({ task }) => task)).size >= 15);
    assert.equal(storyTests(1, 2 * QUESTS.length).length, 2 * QUESTS.length);
    for (const { task, messages, answer } of taskTests(2, 1500)) {
      const sum = task === "sum" && /(\d+) ([-+*]) (\d+) = (\d+)\.$/.exec(answer);
      if (sum) assert.equal(Number(sum[4]), evaluate(Number(sum[1]), sum[2]!, Number(sum[3])), answer);
      if (task === "which of these") assert.ok(bare(messages.at(-1)!.content).includes(bare(answer)), answer);
    }
  });

  test("asks for one word only where the answer is one", () => {
    for (const { task, system = "", turns } of [...chats, ...take(exchanges(1, "test"), 3000)])
      if (task === "fact, briefly" && /\bone word\b/i.test(`${system} ${turns.at(-1)!.user}`))
        assert.doesNotMatch(turns.at(-1)!.assistant, / /);
  });

  test("has no answer that is also the wrong one", () => {
    for (const { task, turns, wrong } of [...chats, ...take(exchanges(1, "test"), 3000)])
      if (wrong !== undefined) assert.notEqual(turns.at(-1)!.assistant, wrong, task);
  });
});

function evaluate(a: number, sign: string, b: number): number {
  return sign === "+" ? a + b : sign === "-" ? a - b : a * b;
}

describe("the tables of the box", () => {
  test("say one thing of every subject", () => {
    for (const { name, pairs } of RELATIONS) assert.equal(new Set(pairs.map(([a]) => a)).size, pairs.length, name);
    for (const { name, pairs, back } of RELATIONS) if (back) assert.equal(new Set(pairs.map(([, b]) => b)).size, pairs.length, `${name}, back`); // biome-ignore format: one line
  });

  test("have every word in one list", () => {
    for (const lists of [Object.values(CATEGORIES), RHYMES]) {
      const words = lists.flat();
      assert.deepEqual(
        words.filter((word, i) => words.indexOf(word) < i),
        [],
      );
    }
  });

  test("have no word that is a composed name", () => {
    const composed = new Set(COMPOSED.map((name) => name.toLowerCase()));
    const words = [
      ...RELATIONS.flatMap(({ pairs }) => pairs.flat()),
      ...Object.values(CATEGORIES).flat(),
      ...RHYMES.flat(),
    ];
    assert.deepEqual(
      words.filter((word) => composed.has(word.toLowerCase())),
      [],
    );
  });

  test("have every task in both splits", () => {
    const random = dice(1, "tasks");
    for (const [, task] of TASKS)
      for (const split of ["train", "test"] as const) {
        const { turns, phrasing } = task(random, split);
        assert.ok(turns.length > 0 && phrasing.length > 0);
        for (const { user, assistant } of turns) assert.ok(user.trim() && assistant.trim());
      }
  });

  test("count in words", () => {
    assert.deepEqual([0, 13, 20, 42, 99].map(numberWord), ["zero", "thirteen", "twenty", "forty-two", "ninety-nine"]);
  });
});

describe("templates of the box", () => {
  const random = dice(1, "templates");
  const slots = { hero: "mia", thing: "[owl|egg]", x: "a {hero}" };

  test("choose, look up, and set articles and capitals", () => {
    assert.match(say("{a thing} [saw|heard] {Hero}", slots, random), /^An (owl|egg) (saw|heard) Mia$/);
    assert.equal(say("{x}[|] and [{hero}]", slots, random, true), "a mia and mia");
    assert.equal(say('"{hero}"', slots, random), '"Mia"');
    assert.deepEqual(["owl", "unicorn", "hour", "house"].map(withArticle), ["an owl", "a unicorn", "an hour", "a house"]);
  });

  test("refuse names that stand for nothing, and brackets without an end", () => {
    assert.throws(() => say("{nobody}", slots, random), /stands for nothing/);
    assert.throws(() => say("[a|b", slots, random), /without "\]"/);
    assert.throws(() => say("a]", slots, random), /too many/);
  });
}); // biome-ignore format: one line each
