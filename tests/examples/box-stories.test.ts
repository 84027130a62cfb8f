import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dice } from "../../examples/box/dice.ts";
import { coherenceOf, exactByTask, goesOnWith } from "../../examples/box/score.ts";
import { CORRUPTIONS } from "../../examples/box/story/corrupt.ts";
import { faultsOf, RULES, sentencesOf, wholeSentences } from "../../examples/box/story/rules.ts";
import { QUESTS, tellStory } from "../../examples/box/story/tell.ts";

const show = (faults: ReturnType<typeof faultsOf>) => faults.map(({ rule, found }) => `${rule}: ${found}`).join("; ");

describe("stories of the box", () => {
  test("hang together by their own rules, every quest in both splits", () => {
    const random = dice(1, "stories");
    for (const quest of QUESTS)
      for (const split of ["train", "test"] as const)
        for (let i = 0; i < 150; i++) {
          const { text } = tellStory(random, split, quest);
          assert.deepEqual(faultsOf(text), [], text);
        }
  });

  test("answer their questions in the text", () => {
    const random = dice(2, "stories");
    for (let i = 0; i < 300; i++) {
      const { text, questions, summary, title, quest } = tellStory(random);
      assert.ok(title.length > 3 && summary.endsWith("."));
      for (const [question, sentence, short] of questions) {
        assert.ok(question.endsWith("?") && sentence.endsWith("."));
        if (/^Who|colour/.test(question)) assert.ok(text.toLowerCase().includes(short.toLowerCase()), `${quest}: ${question} ${short}\n${text}`); // biome-ignore format: one line
      }
    }
  });

  for (const [rule, corrupt] of Object.entries(CORRUPTIONS))
    test(`that are broken are found by the rule "${rule}"`, () => {
      const random = dice(3, rule);
      let [broken, found] = [0, 0];
      for (let i = 0; i < 600; i++) {
        const story = tellStory(random, "train", QUESTS[i % QUESTS.length]);
        const text = corrupt(story, random);
        if (text === undefined) continue;
        broken++;
        if (faultsOf(text).some((fault) => fault.rule === rule)) found++;
      }
      assert.ok(broken >= 20, `${broken} stories could be broken`);
      assert.ok(found / broken >= 0.95, `${found} of ${broken} were found`);
    });
});

describe("the scores of the box", () => {
  test("count exact answers by task", () => {
    const items = [{ task: "a", answer: "Paris." }, { task: "a", answer: "Rome." }, { task: "b", answer: "7." }]; // biome-ignore format: one line
    assert.deepEqual(exactByTask(items, [" Paris.\n", "Rome", "7."]), { all: { count: 3, right: 2 }, a: { count: 2, right: 1 }, b: { count: 1, right: 1 } }); // biome-ignore format: one line
  });

  test("know a whole word from the beginning of another", () => {
    assert.ok(goesOnWith(" Paris, and", "Paris"));
    assert.ok(goesOnWith("four legs", "four"));
    assert.ok(!goesOnWith(" fourteen", "four"));
  });

  test("give every story of the generator, cut anywhere, and none that says nothing", () => {
    const random = dice(4, "stories");
    const stories = Array.from({ length: 200 }, () => tellStory(random, "test").text);
    const cut = stories.map((text) => text.slice(0, text.length - random.below(text.length / 3)));
    for (const each of [stories, cut]) {
      const { coherent, count, repeating, faults } = coherenceOf(each.map(() => ""), each); // biome-ignore format: one line
      assert.deepEqual([coherent, count, repeating], [200, 200, 0], JSON.stringify(faults));
    }
    assert.equal(coherenceOf([""], ["A boy named Ben."]).coherent, 0);
    assert.equal(coherenceOf([""], [`${stories[0]} ${sentencesOf(stories[0]!).at(-1)} ${sentencesOf(stories[0]!).at(-1)}`]).repeating, 1); // biome-ignore format: one line
  });
});

describe("the rules of the box", () => {
  const good =
    'A boy named Ben lived in a small town. He had a red kite. One sunny day, Ben went to the park with the kite. "Hello," said his friend Mia. They played in the park.';

  test("find nothing in a small good story", () => assert.equal(show(faultsOf(good)), ""));

  const bad: readonly (readonly [rule: string, text: string])[] = [
    ["no sentence twice", `${good} They played in the park.`],
    ["names are introduced", `${good} Then Otto laughed.`],
    ["nobody is two animals", "A fox named Rex lived here. He ran. Rex the bear slept."],
    ["pronouns have somebody", "A girl named Mia sat on a wall. He was sad."],
    ["things keep their colour", `${good} Then the blue kite fell.`],
    ["things are introduced", "A boy named Ben took the drum and left."],
    ["what is lost is not used", "A boy named Ben had a red kite. Then Ben lost the kite. He was sad. He played with the kite."],
    ["one weather at a time", `${good} On a snowy day, Ben slept.`],
    ["an age is one number", "A boy named Ben was six years old. He slept. Ben was nine years old."],
    ["sums come out", "A boy named Ben had five apples. He gave two apples to his friend Mia and kept four."],
    ["nobody is in two places", "A boy named Ben went to the beach. He played in the forest."],
    ["quotes are closed", 'A boy named Ben said, "Hello. He left.'],
    ["the hero stays", `A boy named Ben lived here. ${"The rain fell on the roofs and the streets of the town. It was quiet. ".replace("It", "Everything").repeat(1)}${Array.from({ length: 9 }, (_, i) => `Cloud number ${i} was grey and slow.`).join(" ")}`],
  ]; // biome-ignore format: a table
  for (const [rule, text] of bad)
    test(`find what breaks "${rule}"`, () => {
      assert.ok(
        faultsOf(text).some((fault) => fault.rule === rule),
        show(faultsOf(text)) || "nothing was found",
      );
    });

  test("have an example each", () => {
    assert.deepEqual(new Set(bad.map(([rule]) => rule)), new Set(Object.keys(RULES)));
  });

  test("end for any text", () => {
    for (const text of ["", "...", '"', "A", "a ".repeat(20_000), "Ben was a ".repeat(500), '"'.repeat(999), "x\n\n".repeat(999)]) faultsOf(text); // biome-ignore format: one line
  });

  test("read sentences, and the whole ones of a story that stops short", () => {
    assert.deepEqual(sentencesOf('"Who?" asked Ben. He ran! "Me."'), ['"Who?" asked Ben.', "He ran!", '"Me."']);
    assert.equal(wholeSentences("He ran. She sl"), "He ran.");
    assert.equal(wholeSentences("He"), "");
    assert.equal(wholeSentences('He ran. He said, "Stop. Wait. He'), "He ran.");
    assert.equal(wholeSentences('"Stop." He ran. "Wait'), '"Stop." He ran.');
  });
});
