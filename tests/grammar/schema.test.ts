import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormatsModule from "ajv-formats";
import { OwnlmError } from "../../src/base/errors.ts";
import { rng } from "../../src/base/rng.ts";
import { buildGraph } from "../../src/grammar/build.ts";
import { positionsOf } from "../../src/grammar/positions.ts";
import { schemaGrammar } from "../../src/grammar/schema.ts";
import { acceptsText } from "../../src/grammar/texts.ts";
import { smallTokenizer } from "../generate/folders.ts";
import { randomSchema } from "./random-schemas.ts";
import { placeOf, walk } from "./walk.ts";

const addFormats = addFormatsModule as unknown as (ajv: Ajv2020) => void;

function validatorOf(schema: object): (value: unknown) => string | undefined {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats(ajv);
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors));
}

/** Whether the grammar of a schema takes a text. */
function takerOf(schema: unknown): (text: string) => boolean {
  const positions = positionsOf(buildGraph(schemaGrammar(schema), "schema"), "schema");
  return (text) => acceptsText(positions, text);
}

describe("the masks of a JSON schema", () => {
  const tokenizer = smallTokenizer();

  test("let only texts be made that are valid: 1,000 random schemas, two random texts each", () => {
    const random = rng(1, "schemas");
    const counts = { whole: 0, cut: 0, refused: 0 };
    for (let made = 0; made < 1000; ) {
      const schema = randomSchema(random);
      const shown = JSON.stringify(schema);
      let start: ReturnType<typeof placeOf>;
      try {
        start = placeOf(schemaGrammar(schema), tokenizer);
      } catch (error) {
        assert.ok(error instanceof OwnlmError, `${error} from ${shown}`);
        assert.ok(["BAD_GRAMMAR", "UNSUPPORTED"].includes(error.code), `${error} from ${shown}`);
        counts.refused++;
        continue;
      }
      made++;
      const validate = validatorOf(schema);
      for (let n = 0; n < 2; n++) {
        const { text, isWhole } = walk(start, tokenizer, random, 400);
        if (!isWhole) counts.cut++;
        else {
          counts.whole++;
          let value: unknown;
          assert.doesNotThrow(() => (value = JSON.parse(text)), `${text} from ${shown}`);
          assert.equal(validate(value), undefined, `${text} from ${shown}`);
        }
      }
    }
    assert.ok(counts.whole > 1900 && counts.refused < 200, JSON.stringify(counts));
  });

  const validated: readonly [schema: object, valid: readonly string[], invalid: readonly string[]][] = [
    [
      { type: "integer", minimum: -5, maximum: 120 },
      ["-5", "0", "99", "120"],
      ["-6", "121", "129", "05", "1.0", "1e2"],
    ],
    [{ type: "integer", exclusiveMinimum: 9, multipleOf: 7 }, ["14", "700"], ["7", "15"]],
    [
      { type: "number", minimum: 0, maximum: 1 },
      ["0", "1", "0.5", "0.000001", "1.0"],
      ["1.01", "-0.5", "2", "00", ".5"],
    ],
    [{ type: "number", exclusiveMinimum: 0 }, ["0.1", "12345.5"], ["0", "0.0", "-1"]],
    [{ type: "number", exclusiveMaximum: -1.25 }, ["-1.26", "-1.2501", "-3"], ["-1.25", "-1.2", "1"]],
    [{ type: "number" }, ["1e9", "-0.5E-12", "0"], ["1e999", "01", "+1", "NaN"]],
    [
      { type: "string", minLength: 2, maxLength: 3 },
      ['"ab"', '"日本語"', '"\\n\\u0041"', '"😀😀"'],
      ['"a"', '"abcd"', '"\n\n"', '"\\ud800a"'],
    ],
    [{ type: "string", pattern: "^a.c$" }, ['"abc"', '"a\\"c"'], ['"ac"', '"a\\nc"', '"xabc"']],
    [{ type: "string", pattern: "b" }, ['"b"', '"abc"', '"\\nb"'], ['"ac"', '""']],
    [{ type: "string", format: "date" }, ['"2026-11-25"'], ['"2026-02-30"', '"2026-13-01"']],
    [{ enum: ["a", 1, null, { b: [2] }] }, ['"a"', "1", "null", '{"b":[2]}'], ['"b"', "2"]],
    [{ enum: ["abc", "abcdef", 5], maxLength: 4 }, ['"abc"', "5"], ['"abcdef"']],
    [{ type: ["string", "null"], nullable: true, maxLength: 1 }, ["null", '"a"'], ['"ab"']],
    [
      { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 2 },
      ["[1]", "[1,2]", "[ 1, 2 ]"],
      ["[]", "[1,2,3]", "[1,]"],
    ],
    [
      { type: "array", prefixItems: [{ type: "integer" }, { type: "boolean" }], items: false, minItems: 1 },
      ["[1]", "[1,true]"],
      ["[]", "[1,2]"],
    ],
    [{ items: [{ type: "integer" }], additionalItems: { type: "null" } }, ["[]", "[1,null,null]"], ["[null]"]],
    [
      { type: "object", properties: { a: { type: "integer" }, b: true }, required: ["a"], additionalProperties: false },
      ['{"a":1}', '{"a":1,"b":[{}]}', '{\n  "a": 1\n}'],
      ["{}", '{"b":1}', '{"a":1,"c":2}', '{"a":1,}'],
    ],
    [
      { type: "object", properties: { a: { type: "integer" } }, additionalProperties: { type: "string" } },
      ["{}", '{"a":1,"b":"x"}', '{"ab":"x"}', '{"":"x"}'],
      ['{"a":"x"}', '{"b":1}', '{"\\u0061":"x"}'],
    ],
    [
      { type: "object", patternProperties: { "^n_": { type: "integer" } }, additionalProperties: { type: "boolean" } },
      ['{"n_a":1,"b":true}'],
      ['{"n_a":true}', '{"b":1}'],
    ],
    [{ type: "object", minProperties: 2, properties: { a: true, b: true, c: true } }, ['{"a":1,"c":2}'], ['{"a":1}']],
    [{ type: "object", maxProperties: 1, additionalProperties: true }, ["{}", '{"a":1}'], ['{"a":1,"b":2}']],
    [{ type: "object", propertyNames: { maxLength: 1 } }, ['{"a":1}'], ['{"ab":1}']],
    [{ type: "object", required: ["k"] }, ['{"k":[]}'], ["{}"]],
    [{ anyOf: [{ type: "string" }, { minimum: 3 }], maximum: 5 }, ["4"], ["6", "2"]],
    [
      { allOf: [{ properties: { a: { type: "integer" } }, required: ["a"] }, { properties: { a: { maximum: 3 } } }] },
      ['{"a":2}'],
      ['{"a":4}', "{}"],
    ],
    [
      {
        $defs: {
          list: {
            anyOf: [
              { type: "null" },
              { type: "object", properties: { next: { $ref: "#/$defs/list" } }, required: ["next"] },
            ],
          },
        },
        $ref: "#/$defs/list",
      },
      ["null", '{"next":{"next":null}}'],
      ["{}", '{"next":1}'],
    ],
    [true, ["1", "[[]]", '{"a":{}}', '"x"'], ["", "[1", "tru", "'a'"]],
  ].map((row) => row as [object, string[], string[]]);
  for (const [schema, valid, invalid] of validated)
    test(`take and refuse texts of ${JSON.stringify(schema).slice(0, 90)}`, () => {
      const takes = takerOf(schema);
      for (const text of valid) assert.equal(takes(text), true, text);
      for (const text of invalid) assert.equal(takes(text), false, text);
    });

  const refused: readonly [schema: unknown, code: string, message: RegExp][] = [
    [{ not: { type: "null" } }, "UNSUPPORTED", /^schema\.not: /],
    [{ properties: { a: { if: {} } } }, "UNSUPPORTED", /^schema\.properties\.a\.if: /],
    [{ type: "array", uniqueItems: true }, "UNSUPPORTED", /uniqueItems/],
    [{ contains: {} }, "UNSUPPORTED", /contains/],
    [{ type: "string", format: "idn-email" }, "UNSUPPORTED", /format: got "idn-email"/],
    [{ type: "number", multipleOf: 0.01 }, "UNSUPPORTED", /multipleOf/],
    [{ type: "string", pattern: "(a)\\1" }, "UNSUPPORTED", /pattern.*\\1 cannot be honoured/],
    [{ type: "string", pattern: "(" }, "BAD_GRAMMAR", /pattern/],
    [{ oneOf: [{ type: "integer" }, { type: "number" }] }, "UNSUPPORTED", /oneOf/],
    [{ oneOf: [{ minLength: 1 }, { type: "string" }] }, "UNSUPPORTED", /oneOf/],
    [{ $ref: "https://example.com/schema" }, "UNSUPPORTED", /\$ref/],
    [{ $ref: "#/$defs/a" }, "BAD_GRAMMAR", /not there/],
    [{ $ref: "#" }, "BAD_GRAMMAR", /begins with itself|no text/],
    [{ allOf: [{ $ref: "#" }] }, "BAD_GRAMMAR", /refers to itself/],
    [{ type: "colour" }, "BAD_GRAMMAR", /type: got "colour"/],
    [{ colour: 1 }, "UNSUPPORTED", /colour/],
    [{ minLength: -1 }, "BAD_GRAMMAR", /minLength/],
    [{ properties: [] }, "BAD_GRAMMAR", /properties/],
    [{ type: "object", required: ["a"], additionalProperties: false }, "BAD_GRAMMAR", /no text/],
    [{ type: "object", minProperties: 3 }, "UNSUPPORTED", /minProperties/],
    [{ const: "x", type: "integer" }, "BAD_GRAMMAR", /no text/],
    [{ enum: [] }, "BAD_GRAMMAR", /no text/],
    [false, "BAD_GRAMMAR", /no text/],
    [null, "BAD_GRAMMAR", /got null/],
    [[], "BAD_GRAMMAR", /expected a schema/],
  ];
  for (const [schema, code, message] of refused)
    test(`are refused for ${JSON.stringify(schema)}`, () => {
      assert.throws(() => takerOf(schema), { code, message });
    });

  test("of its own recursion end: a list of lists", () => {
    const takes = takerOf({ type: "array", items: { $ref: "#" } });
    assert.ok(takes("[[[]],[]]") && !takes("[[1]]") && takes("[".repeat(500) + "]".repeat(500)));
  });
});
