import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { encodeMasked, overlapping, quickMask } from "../../src/tokenizer/token-mask.ts";
import { goldenKinds } from "./kinds.ts";

const { cases, texts } = goldenKinds();

describe("the mask of stretches of a text", () => {
  for (const name of [
    "llama 2, metaspace",
    "llama 3",
    "qwen 2",
    "flags",
    "roberta",
    "gemma",
    "bert",
    "t5",
    "change: NFKC",
  ])
    test(`is told without places only where places tell the same: ${name}`, () => {
      const tokenizer = tokenizerFromJson(cases.find((answer) => answer.name === name)!.json, name);
      const some = fc.array(
        fc.oneof(
          fc.constantFrom(...texts.map((text) => text.slice(0, 40))),
          fc.constantFrom(" ", "\n", "a", "🙂", "an"),
        ),
        { minLength: 1, maxLength: 4 },
      );
      let quick = 0;
      fc.assert(
        fc.property(some, fc.array(fc.nat(3), { maxLength: 3 }), (parts, chosen) => {
          const text = parts.join("");
          const starts = parts.map((_, i) => parts.slice(0, i).join("").length);
          const spans = [...new Set(chosen)]
            .filter((i) => i < parts.length && parts[i] !== "")
            .sort()
            .map((i) => [starts[i]!, starts[i]! + parts[i]!.length] as const);
          const placed = tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
          const mask = overlapping(placed.offsets, spans);
          const told = quickMask(tokenizer, placed.ids, text, spans, "placed");
          if (told) {
            quick++;
            assert.deepEqual(told, mask);
          }
          assert.deepEqual(encodeMasked(tokenizer, text, spans, "placed", {}), { ids: placed.ids, mask });
        }),
        { numRuns: 60 },
      );
      if (name === "llama 3" || name === "qwen 2") assert.ok(quick > 0);
    });
});
