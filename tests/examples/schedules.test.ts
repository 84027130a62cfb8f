import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jsonLines, scheduleRecords } from "../../examples/schedules/data.ts";
import { PHRASINGS } from "../../examples/schedules/phrases.ts";
import { timeProse } from "../../examples/schedules/prose.ts";
import { anySchedule, cronOf, isCron, KINDS } from "../../examples/schedules/schedule.ts";
import { exactMatch } from "../../examples/schedules/score.ts";
import { dice, numberWord, ordinal, ordinalWord, spokenTime } from "../../examples/schedules/words.ts";

const COUNT = 3000;
const train = scheduleRecords({ seed: 1, split: "train", count: COUNT });
const held = scheduleRecords({ seed: 1, split: "test", count: COUNT });
const bare = (text: string) => text.toLowerCase().replace(/[^a-z0-9:]+/g, " ");

describe("schedules", () => {
  test("are cron expressions, of every kind", () => {
    const random = dice(3);
    const schedules = Array.from({ length: 5000 }, () => anySchedule(random));
    for (const schedule of schedules) assert.ok(isCron(cronOf(schedule)), cronOf(schedule));
    assert.deepEqual(new Set(schedules.map(({ kind }) => kind)), new Set(KINDS));
    for (const { completion } of [...train, ...held]) assert.ok(isCron(completion.trim()), completion);
  });

  test("are known from what is none", () => {
    for (const text of ["30 9 * * 1-5", "*/5 * * * *", "0 0 1 1,4,7,10 *", "0-30/10 * * * 0,6"])
      assert.ok(isCron(text), text);
    for (const text of ["", "* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "a * * * *", "0  0 * * *", "0 0 * * * *", "0, 0 * * *"]) assert.ok(!isCron(text), text); // biome-ignore format: a list
  });

  test("are equal for equal seeds alone", () => {
    assert.deepEqual(scheduleRecords({ seed: 1, split: "train", count: COUNT }), train);
    assert.notDeepEqual(scheduleRecords({ seed: 2, split: "train", count: COUNT }), train);
    assert.deepEqual(timeProse(1, 10_000), timeProse(1, 10_000));
    assert.equal(new Set(train.map(({ prompt }) => prompt)).size, COUNT);
  });

  test("of the test are said in no way that the training data has", () => {
    const ways = new Set(train.map(({ phrasing }) => phrasing));
    for (const { phrasing } of held) assert.ok(!ways.has(phrasing), phrasing);
    for (const [kind, { train: known, test: kept }] of Object.entries(PHRASINGS)) {
      const seen = new Set(known.map(bare));
      for (const words of kept) assert.ok(!seen.has(bare(words)), `${kind}: ${words}`);
    }
    const sentences = new Set(train.map(({ plain }) => bare(plain)));
    for (const { plain } of held) assert.ok(!sentences.has(bare(plain)), plain);
  });

  test("are never said by words that mean another one", () => {
    const meanings = new Map<string, string>();
    for (const split of ["train", "test"] as const)
      for (const { plain, completion } of scheduleRecords({ seed: 5, split, count: 20_000 })) {
        const text = bare(plain);
        assert.equal(meanings.get(text) ?? completion, completion, plain);
        meanings.set(text, completion);
      }
  });

  test("are written as prompts and completions alone", () => {
    const [line] = jsonLines(train).split("\n");
    assert.deepEqual(Object.keys(JSON.parse(line!)), ["prompt", "completion"]);
  });
});

describe("the example's words", () => {
  test("are those of English", () => {
    assert.deepEqual([0, 13, 20, 45].map(numberWord), ["zero", "thirteen", "twenty", "forty-five"]);
    assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 22, 31].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "31st"]); // biome-ignore format: a list
    assert.deepEqual([1, 4, 8, 12, 20, 21, 30, 31].map(ordinalWord), ["first", "fourth", "eighth", "twelfth", "twentieth", "twenty-first", "thirtieth", "thirty-first"]); // biome-ignore format: a list
    const times = [[9, 30], [11, 45], [0, 10], [13, 40], [12, 0]] as const; // biome-ignore format: a list
    const said = ["half past nine", "quarter to twelve", "ten past twelve", "twenty to two", "twelve o'clock"];
    assert.deepEqual(times.map(([hour, minute]) => spokenTime({ hour, minute })), said); // biome-ignore format: one line
  });

  test("leave no expression in the base model's prose", () => {
    assert.doesNotMatch(timeProse(1, 200_000).join("\n"), /\*\/|\* \*|cron/i);
  });
});

describe("exact match", () => {
  test("counts answers that are the expression and nothing else", () => {
    const answers = train.map(({ completion }, i) =>
      i % 3 === 0 ? `${completion.trim()}\n` : i % 3 === 1 ? "* * * * *" : `${completion} *`,
    );
    const { correct, count, valid } = exactMatch(train, answers);
    assert.deepEqual([count, correct, valid], [COUNT, COUNT / 3, (2 * COUNT) / 3]);
  });
});
