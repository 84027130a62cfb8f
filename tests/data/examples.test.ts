import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import type { Example } from "../../src/data/example.ts";
import { type ExampleOptions, readExamples } from "../../src/data/examples.ts";
import { exampleOf, recogniseShape } from "../../src/data/shapes.ts";
import { splitExamples } from "../../src/data/split-examples.ts";
import { host } from "../../src/host/node.ts";
import { golden } from "../helpers/paths.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-examples-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

function lines(records: readonly unknown[], name = "a.jsonl"): string {
  const file = path.join(root, `${count++}-${name}`);
  fs.writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return file;
}

/** A record as an example without its place. */
function made(record: Record<string, unknown>): object {
  const { at, ...rest } = exampleOf(record, recogniseShape([record], "t"), "t: line 1");
  assert.equal(at, "t: line 1");
  return rest;
}

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("the shapes of records", () => {
  const tools = [{ type: "function", function: { name: "add", parameters: {} } }];
  const cases: readonly [name: string, record: Record<string, unknown>, example: object][] = [
    ["text", { text: "a", id: 4 }, { kind: "text", text: "a" }],
    ["messages", { messages: [user("a"), assistant("b")] }, { kind: "chat", messages: [user("a"), assistant("b")] }],
    [
      "messages with tools as OpenAI writes them",
      {
        messages: [
          user("1+2?"),
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "x", type: "function", function: { name: "add", arguments: '{"a":1}' } }],
          },
          { role: "tool", tool_call_id: "x", content: "3", name: null },
          {
            role: "assistant",
            content: [
              { type: "text", text: "It is " },
              { type: "text", text: "3" },
            ],
            weight: 0,
          },
        ],
        tools: JSON.stringify(tools),
      },
      {
        kind: "chat",
        messages: [
          user("1+2?"),
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "x", type: "function", function: { name: "add", arguments: { a: 1 } } }],
          },
          { role: "tool", tool_call_id: "x", content: "3" },
          { role: "assistant", content: "It is 3", weight: 0 },
        ],
        tools,
      },
    ],
    [
      "conversations",
      {
        system: "s",
        conversations: [
          { from: "human", value: "a" },
          { from: "function_call", value: '{"name":"f","arguments":{"x":1}}' },
          { from: "observation", value: "o" },
          { from: "gpt", value: "b" },
        ],
      },
      {
        kind: "chat",
        messages: [
          { role: "system", content: "s" },
          user("a"),
          {
            role: "assistant",
            content: "",
            tool_calls: [{ type: "function", function: { name: "f", arguments: { x: 1 } } }],
          },
          { role: "tool", content: "o" },
          assistant("b"),
        ],
      },
    ],
    [
      "conversations with roles",
      { conversations: [user("a"), assistant("b")] },
      { kind: "chat", messages: [user("a"), assistant("b")] },
    ],
    [
      "alpaca",
      { instruction: "i", input: "x", output: "o" },
      { kind: "chat", messages: [user("i\n\nx"), assistant("o")] },
    ],
    [
      "alpaca without an input",
      { instruction: "i", input: "", output: "o" },
      { kind: "chat", messages: [user("i"), assistant("o")] },
    ],
    ["prompt and completion", { prompt: "p", completion: " c" }, { kind: "completion", prompt: "p", completion: " c" }],
    [
      "prompt and completion as turns",
      { prompt: [user("p")], completion: [assistant("c")] },
      { kind: "completion", prompt: [user("p")], completion: [assistant("c")] },
    ],
    [
      "labels",
      { prompt: "p", completion: "c", label: "False" },
      { kind: "labelled", prompt: "p", completion: "c", label: false },
    ],
    [
      "preferences",
      { prompt: "p", chosen: "a", rejected: "b" },
      { kind: "preference", prompt: "p", chosen: "a", rejected: "b" },
    ],
    [
      "preferences whose texts share their beginning",
      { chosen: "The sky is blue.", rejected: "The sky is green." },
      { kind: "preference", prompt: "The sky is", chosen: " blue.", rejected: " green." },
    ],
    [
      "preferences whose turns share their beginning",
      { chosen: [user("p"), assistant("a")], rejected: [user("p"), assistant("b")] },
      { kind: "preference", prompt: [user("p")], chosen: [assistant("a")], rejected: [assistant("b")] },
    ],
    [
      "preferences that repeat a text prompt as a turn",
      { prompt: "p", chosen: [user("p"), assistant("a")], rejected: [user("p"), assistant("b")] },
      { kind: "preference", prompt: [user("p")], chosen: [assistant("a")], rejected: [assistant("b")] },
    ],
  ];
  for (const [name, record, example] of cases)
    test(`${name} are recognised`, () => {
      assert.deepEqual(made(record), example);
    });

  test("none of them is an error that names fields and shapes", () => {
    assert.throws(() => made({ question: "q", answer: "a" }), {
      code: "BAD_DATA",
      message:
        /^t: got records with the fields "question, answer", expected one of: .*prompt and completion.*Try to rename/,
    });
  });

  const bad: readonly [record: Record<string, unknown>, message: RegExp][] = [
    [{ text: 5 }, /^"text" is 5, expected a text$/],
    [{ text: "" }, /^"text" is empty/],
    [{ text: "\ud800" }, /half of a surrogate pair/],
    [{ messages: [] }, /^"messages" is \[\], expected a list of messages that is not empty$/],
    [{ messages: "hello" }, /^"messages" is "hello", expected JSON$/],
    [{ messages: [{ content: "x" }] }, /^"messages\[0\]\.role" is missing/],
    [{ messages: [{ role: "robot", content: "x" }] }, /^"messages\[0\]\.role" is "robot"/],
    [{ messages: [{ role: "user" }] }, /^"messages\[0\]\.content" is missing, expected a text$/],
    [
      { messages: [user("a"), { role: "user", content: [{ type: "image_url" }] }] },
      /^"messages\[1\]\.content\[0\]" is .*texts only/,
    ],
    [
      { messages: [{ role: "assistant", tool_calls: [{ function: {} }] }] },
      /tool_calls\[0\]\.function\.name" is missing/,
    ],
    [
      { messages: [{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: "{" } }] }] },
      /arguments" is "\{", expected JSON/,
    ],
    [{ messages: [user("a")], tools: [1] }, /^"tools\[0\]" is 1, expected an object$/],
    [{ messages: [{ ...assistant("a"), weight: 0.5 }] }, /weight" is 0\.5, expected 0 or 1$/],
    [{ conversations: [{ from: "nobody", value: "x" }] }, /^"conversations\[0\]\.from" is "nobody"/],
    [{ conversations: [{ from: "human", value: 1 }] }, /^"conversations\[0\]\.value" is 1/],
    [{ prompt: "p", completion: [assistant("c")] }, /^"completion" is a list of messages, "prompt" is a text/],
    [{ prompt: "p", completion: "" }, /^"completion" is empty/],
    [{ prompt: "p", completion: "c", label: "maybe" }, /^"label" is "maybe", expected true or false$/],
    [{ prompt: "p", chosen: "a", rejected: "a" }, /^"chosen" and "rejected" are the same$/],
    [{ chosen: "a", rejected: [assistant("b")] }, /expected two of a kind/],
  ];
  for (const [record, message] of bad)
    test(`${JSON.stringify(record).slice(0, 70)} is refused by its key`, () => {
      assert.throws(() => made(record), { code: "BAD_DATA", message });
    });

  test("of any values are examples or typed errors", () => {
    const keys = [
      "messages",
      "conversations",
      "instruction",
      "input",
      "output",
      "prompt",
      "completion",
      "label",
      "chosen",
      "rejected",
      "text",
      "tools",
      "system",
    ];
    const turn = fc.oneof(
      fc.record({
        role: fc.constantFrom("user", "assistant", "tool"),
        content: fc.jsonValue({ maxDepth: 2 }),
        tool_calls: fc.jsonValue({ maxDepth: 3 }),
      }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const value = fc.oneof(fc.string(), fc.array(turn, { maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), (record) => {
        try {
          made(record);
        } catch (error) {
          assert.ok(error instanceof OwnlmError && error.code === "BAD_DATA", String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("examples of files", () => {
  const read = (records: readonly unknown[], options?: ExampleOptions) => readExamples(host, [lines(records)], options);

  test("have one shape, and records of another are bad with their line and key", async () => {
    const found = await read([{ text: "a" }, { prompt: "p", completion: "c" }, { text: 1 }, { text: "b" }, 7]);
    assert.equal(found.shape, "text");
    assert.equal(found.records, 5);
    assert.deepEqual(
      found.examples.map(({ at }) => at.replace(/.*: /, "")),
      ["line 1", "line 4"],
    );
    assert.deepEqual(
      found.bad.map(({ number, problem }) => `${number}: ${problem}`),
      [
        '2: "text" is missing: got a record of the shape prompt and completion, expected text as before',
        '3: "text" is 1, expected a text',
        "5: got 7, expected an object with named fields",
      ],
    );
  });

  test("are refused at the first bad one with strict, and where none is good", async () => {
    await assert.rejects(read([{ text: "a" }, { text: 1 }], { strict: true }), {
      code: "BAD_DATA",
      message: /line 2: "text" is 1/,
    });
    await assert.rejects(read([{ text: 1 }]), {
      code: "BAD_DATA",
      message: /got no good record: .*line 1: "text" is 1/,
    });
    await assert.rejects(read([1, 2]), { code: "BAD_DATA", message: /got no good record/ });
    await assert.rejects(read([]), { code: "BAD_DATA", message: /is empty/ });
  });

  test("may have several shapes, of which one is taken or given", async () => {
    const records = [{ prompt: "p", chosen: "a", rejected: "b", messages: [user("p"), assistant("a")] }];
    const found = await read(records);
    assert.deepEqual([found.shape, found.alsoShapes], ["preference", ["messages"]]);
    assert.equal((await read(records, { shape: "messages" })).examples[0]!.kind, "chat");
  });

  test("may have fields of other names", async () => {
    const found = await read([{ question: "q", answer: "a" }], {
      fields: { prompt: "question", completion: "answer" },
    });
    assert.deepEqual([found.shape, found.examples.length], ["completion", 1]);
  });

  test("are read after many bad records, and up to a number", async () => {
    const found = await read([...Array(50).fill(0), ...Array(30).fill({ text: "x" })], { maxExamples: 7 });
    assert.deepEqual([found.examples.length, found.badCount], [7, 50]);
  });

  test("in CSV and Parquet are those of their columns", async () => {
    const csv = path.join(root, "a.csv");
    fs.writeFileSync(csv, 'prompt,completion,label\np,c,true\n"[{""role"":""user""}]",c,0\n');
    const labelled = await readExamples(host, [csv]);
    assert.deepEqual(
      labelled.examples.map((e) => e.kind === "labelled" && e.label),
      [true, false],
    );
    const chats = await readExamples(host, [golden("tune", "chats-zstd.parquet")]);
    assert.equal(chats.examples.length, 6);
    const table = await readExamples(host, [golden("tune", "labelled.parquet")]);
    assert.deepEqual(
      table.bad.map(({ number, problem }) => `${number}: ${problem.slice(0, 23)}`),
      ['3: "completion" is missing', '5: "label" is missing: got'],
    );
  });
});

describe("a validation part", () => {
  const texts = (n: number): Example[] =>
    Array.from({ length: n }, (_, i) => ({ kind: "text", at: `t: line ${i}`, text: `text ${i}` }));
  const part = (examples: readonly Example[], valFraction = 0.2, seed = 1) =>
    splitExamples(examples, { valFraction, seed }, () => host.sha256());

  test("is decided by content, so that more data, another order and other places move nothing", () => {
    const [few, many] = [part(texts(200)), part(texts(1000).reverse())];
    const names = (examples: readonly Example[]) => new Set(examples.map((e) => (e.kind === "text" ? e.text : "")));
    const validation = names(many.validation);
    for (const text of names(few.validation)) assert.ok(validation.has(text));
    for (const text of names(few.train)) assert.ok(!validation.has(text));
    assert.ok(validation.size > 150 && validation.size < 250);
    assert.notDeepEqual(names(part(texts(200), 0.2, 2).validation), names(few.validation));
  });

  test("has no prompt that is trained on, unless all share one", () => {
    const completions = (prompts: number): Example[] =>
      Array.from({ length: 60 }, (_, i) => ({
        kind: "completion",
        at: "",
        prompt: `p${i % prompts}`,
        completion: `c${i}`,
      }));
    const { train, validation } = part(completions(10));
    const prompts = (examples: readonly Example[]) =>
      new Set(examples.map((e) => (e.kind === "completion" ? e.prompt : "")));
    assert.ok(validation.length > 0);
    for (const prompt of prompts(validation)) assert.ok(!prompts(train).has(prompt));
    assert.ok(part(completions(1)).validation.length > 0);
  });

  test("is never empty nor everything where there are two examples, and none for 0", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        fc.nat(),
        (n, fraction, seed) => {
          const { train, validation } = part(texts(n), fraction, seed);
          assert.ok(train.length > 0 && validation.length > 0);
          assert.equal(train.length + validation.length, n);
        },
      ),
    );
    assert.equal(part(texts(5), 0).validation.length, 0);
    assert.throws(() => part(texts(5), 0.6), { code: "BAD_OPTION" });
  });
});
