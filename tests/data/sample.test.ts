import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { sampleStories, sampleText } from "../../src/data/sample.ts";
import { expand } from "../../src/data/sample-grammar.ts";
import { VILLAGES } from "../../src/data/sample-world.ts";

describe("templates", () => {
  const say = (template: string, scope: Record<string, string> = {}) =>
    expand(template, new Map(Object.entries(scope)), rng(1));

  test("look names up, with a capital where asked", () => {
    assert.equal(
      say("{he} saw {thing.the}. {He} ran.", { he: "she", "thing.the": "the bell" }),
      "She saw the bell. She ran.",
    );
    assert.match(say("so {trait}. {Trait}.", { trait: "[shy|small]" }), /^So (shy|small)\. (Shy|Small)\.$/);
  });

  test("choose one of several parts, also inside each other", () => {
    assert.match(say("[one|two [red|blue]|] end"), /^(One end|Two (red|blue) end|End)$/);
  });

  test("set the article by the sound that follows", () => {
    assert.equal(
      say('a {x}, a honest one, an one-eyed owl, a hour, "a {x}"', { x: "apple" }).slice(0, 60),
      'An apple, an honest one, a one-eyed owl, an hour, "an apple"',
    );
  });

  test("name what stands for nothing or goes in circles", () => {
    assert.throws(() => say("{nobody}"), { code: "BUG", message: /nobody/ });
    assert.throws(() => say("{x}", { x: "{x}" }), { code: "BUG" });
  });
});

describe("sample stories", () => {
  const stories = sampleStories({ characters: 400_000 });
  const text = stories.join("\n");

  const none = (pattern: RegExp, where = text) => {
    const found = [...where.matchAll(pattern)].map(({ index }) => where.slice(Math.max(0, index - 30), index + 40));
    assert.deepEqual(found.slice(0, 3), []);
  };

  test("are the same for the same seed and others for another", () => {
    assert.equal(sampleText({ characters: 50_000 }), sampleText({ characters: 50_000, seed: 0 }));
    assert.notEqual(sampleText({ characters: 5_000 }), sampleText({ characters: 5_000, seed: 1 }));
    assert.ok(sampleText({ characters: 100_000 }).startsWith(sampleText({ characters: 1_000 })));
  });

  test("are as long as asked and hardly ever the same", () => {
    assert.ok(text.length >= 400_000 && text.length < 405_000);
    assert.equal(new Set(stories).size, stories.length);
    assert.deepEqual(sampleStories({ characters: 0 }), []);
    assert.throws(() => sampleText({ characters: -1 }), { code: "BAD_OPTION" });
  });

  test("are plain ASCII with clean spaces", () => {
    none(/[^\n -~]/g);
    none(/ {2,}| \n|\n |\n{4,}|\t/g);
    none(/[[\]{}|]|undefined/g);
    none(/ [.,!?;]/g);
  });

  test("have no doubled words, wrong articles or small letters where a sentence begins", () => {
    none(/\b(\w+) \1\b(?<!that that|had had|worked worked)/gi, text.replace(/\b\w+,/g, ","));
    none(/\ba [aeiou](?!ne\b)/gi);
    none(/\ban [^aeiou](?!our|onest)/gi);
    none(/[a-z][.!?] [a-z]/g);
    none(/^["]?[a-z]/gm);
  });

  test("close every quotation", () => {
    for (const paragraph of text.split("\n\n")) assert.equal(paragraph.split('"').length % 2, 1, paragraph);
  });

  test("have a title, a moral at the end and a full stop behind every paragraph", () => {
    for (const story of stories) {
      const [title, ...paragraphs] = story.trim().split("\n\n");
      assert.match(title!, /^[A-Z][A-Za-z' ?]+$/);
      assert.match(paragraphs.at(-1)!, /^Moral: [A-Z]/);
      assert.ok(paragraphs.length >= 4);
      for (const paragraph of paragraphs) assert.match(paragraph, /[.!?]"?$/);
    }
  });

  test("have one hero and one friend, of one village, who are never both he or both she", () => {
    for (const story of stories) {
      const named = (name: string) => new RegExp(`\\b${name}\\b`).test(story);
      const pairs = VILLAGES.filter(({ he, she }) => named(he[0]) || named(she[0]));
      assert.equal(pairs.length, 1, story);
      assert.ok(named(pairs[0]!.he[0]) && named(pairs[0]!.she[0]), story);
    }
  });
});
