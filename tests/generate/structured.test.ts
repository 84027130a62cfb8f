import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { OwnlmError } from "../../src/base/errors.ts";
import { pretrained } from "../../src/generate/library.ts";
import { openModel } from "../../src/generate/load.ts";
import { constraintFor, type TextForm } from "../../src/generate/structured.ts";
import { host } from "../../src/host/node.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { goldenKinds } from "../tokenizer/kinds.ts";
import { modelFolder, smallTokenizer } from "./folders.ts";

/** The most probable text in a form, from logits that change at each step. */
function madeBy(form: TextForm, tokenizer: Tokenizer, most = 60): { text: string; ended: boolean } {
  const before = tokenizer.encode("a", { addSpecialTokens: false });
  const constraint = constraintFor(form, () => tokenizer, [], before)!;
  const ids: number[] = [];
  const all = () => [...before, ...ids];
  while (ids.length < most && !constraint.isFinished(all())) {
    const logits = Float32Array.from({ length: tokenizer.vocabSize }, (_, i) => Math.sin(i * 12.9 + ids.length));
    constraint.process(logits, all());
    const best = logits.reduce((at, x, i) => (x > logits[at]! ? i : at), 0);
    if (logits[best] === Number.NEGATIVE_INFINITY) break;
    ids.push(best);
  }
  const text = tokenizer.decode(all()).slice(tokenizer.decode(before).length);
  return { text, ended: constraint.isFinished(all()) };
}

describe("a text's form holds for every kind of tokenizer", () => {
  const { cases } = goldenKinds();
  const form: TextForm = { regex: "[a-c]{2}-[0-9]{3}" };
  const kinds = new Map<string, Tokenizer>([
    ["byte-level BPE", trainBpe(["ab 12 bc-345 ca-999"], { vocabSize: 262 })],
    ["characters", trainChar(["abc-0123456789"])],
  ]);
  for (const { name, json } of cases) {
    const tokenizer = tokenizerFromJson(json, name);
    if (!kinds.has(tokenizer.kind)) kinds.set(tokenizer.kind, tokenizer);
  }
  for (const [name, tokenizer] of kinds)
    test(name, () => {
      // Its vocabulary has words alone, and none of this form.
      if (name === "wordlevel") return assert.throws(() => madeBy(form, tokenizer), { code: "BAD_GRAMMAR" });
      const { text, ended } = madeBy(form, tokenizer);
      assert.ok(ended, `got ${JSON.stringify(text)}`);
      assert.match(text, /^[a-c]{2}-[0-9]{3}$/);
    });
});

describe("values of a model", { skip: skipWithoutRuntime }, () => {
  test("have the schema's form, typed by zod or by a schema written in place", async () => {
    const model = pretrained(await openModel(host, runtime!, modelFolder("llama", { context: 256 }), { threads: 1 }));
    const Person = z.object({
      name: z.string().max(5),
      age: z.int().min(0).max(120),
      tags: z.array(z.enum(["a", "b"])).max(2),
    });
    const person = await model.generateObject(Person, "the cat");
    assert.deepEqual(Person.parse(person), person);
    const answer: { ok: boolean } = await model.generateObject(
      { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false },
      "the dog",
    );
    assert.equal(typeof answer.ok, "boolean");
    model.dispose();
  });

  test("that are cut are INCOMPLETE, not broken JSON", async () => {
    const model = pretrained(await openModel(host, runtime!, modelFolder("llama"), { threads: 1 }));
    const schema = { type: "string", minLength: 50 } as const;
    await assert.rejects(model.generateObject(schema, "the cat", { maxNewTokens: 4 }), { code: "INCOMPLETE" });
    await assert.rejects(model.generateObject({ not: {} } as never, "the cat"), {
      code: "UNSUPPORTED",
      message: /not/,
    });
    model.dispose();
  });
});

describe("forms that are made to hurt", () => {
  const nested = (depth: number, wrap: (inner: object) => object) => {
    let schema: object = { type: "null" };
    for (let i = 0; i < depth; i++) schema = wrap(schema);
    return JSON.stringify(schema);
  };
  const rules = (count: number, rule: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => rule(i)).join("\n");
  const doubled = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  );
  const cases: Readonly<Record<string, TextForm>> = {
    "lists in lists": { jsonSchema: nested(1500, (items) => ({ items })) },
    "all of all of": { jsonSchema: nested(1500, (inner) => ({ allOf: [inner] })) },
    "references that double": {
      jsonSchema: JSON.stringify({ $defs: { ...doubled, d30: { type: "string" } }, $ref: "#/$defs/d0" }),
    },
    "20,000 properties": {
      jsonSchema: JSON.stringify({
        properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`p${i}`, {}])),
      }),
    },
    "no JSON": { jsonSchema: "{" },
    "counts of counts": { regex: "((a{1000}){1000}){1000}" },
    "what no small automaton knows": { regex: "[ab]*a[ab]{30}" },
    "stars of stars": { regex: "(((a*)*)*)*b" },
    "50,000 brackets": { regex: "(".repeat(50_000) + ")".repeat(50_000) },
    "a rule of itself": { grammar: "root ::= root" },
    "rules that never end": { grammar: 'root ::= "a" root' },
    "rules of two rules each": {
      grammar: `root ::= r0\n${rules(40, (i) => `r${i} ::= r${i + 1} | r${i + 1} "x"`)}\nr40 ::= "y"`,
    },
    "a long chain": { grammar: `root ::= r0\n${rules(20_000, (i) => `r${i} ::= r${i + 1}`)}\nr20000 ::= "y"` },
  };
  for (const [name, form] of Object.entries(cases))
    test(`${name}: a text or a typed error`, () => {
      try {
        madeBy(form, smallTokenizer(), 20);
      } catch (error) {
        assert.ok(error instanceof OwnlmError && error.code !== "BUG", String((error as Error).stack).slice(0, 300));
      }
    });
});
