import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import type { Encoding, Tokenizer, TruncationOptions } from "../../src/tokenizer/types.ts";
import { golden } from "../helpers/paths.ts";
import { skipWithoutPython } from "../helpers/reference-python.ts";
import { type Answer, type Encoded, goldenKinds } from "./kinds.ts";
import { anyText, settledText, wellFormed } from "./texts.ts";

/** As in kinds.py. */
const LIMITS: readonly TruncationOptions[] = [
  { maxLength: 7, side: "right", strategy: "longest_first" },
  { maxLength: 8, side: "left", strategy: "longest_first" },
  { maxLength: 11, side: "right", strategy: "only_first" },
  { maxLength: 9, side: "left", strategy: "only_second" },
  { maxLength: 4, side: "right", strategy: "only_first" },
];

/** Code units before each code point of a text, and behind the last. */
function unitsOf(text: string): number[] {
  const units = [0];
  for (const character of text) units.push(units.at(-1)! + character.length);
  return units;
}

/** What Python says, in code units; each token's place is in the text that `textOf` gives. */
function inUnits(encoded: Encoded, texts: readonly [string, string?], got: Encoding): unknown {
  const [first, second] = texts.map((text) => unitsOf(text ?? ""));
  // Which text a token is of shows in neither side's answer, so both are tried.
  const offsets = encoded.ids.map((_, i) => {
    const [start, end] = [encoded.offsets[2 * i]!, encoded.offsets[2 * i + 1]!];
    const options = [first, second].map((units) => [units?.[start], units?.[end]]);
    return options.find((option) => option.join() === got.offsets[i]?.join()) ?? options[0];
  });
  return {
    ids: encoded.ids,
    offsets,
    typeIds: [...encoded.types].map(Number),
    specialTokensMask: [...encoded.special].map(Number),
  };
}

function shown({ ids, offsets, typeIds, specialTokensMask }: Encoding): unknown {
  return { ids, offsets, typeIds, specialTokensMask };
}

function check(tokenizer: Tokenizer, answer: Answer, texts: readonly string[]): void {
  const next = (i: number) => texts[(i + 1) % texts.length]!;
  for (const [key, allowSpecial] of [
    ["plain", false],
    ["allowed", true],
  ] as const)
    answer[key].forEach((expected, i) => {
      const text = texts[i]!;
      const got = tokenizer.encodeWithOffsets(text, { allowSpecial });
      assert.deepEqual(shown(got), inUnits(expected, [text], got), `${key}: ${JSON.stringify(text)}`);
      assert.deepEqual(tokenizer.encode(text, { allowSpecial }), expected.ids, `encode: ${JSON.stringify(text)}`);
    });
  answer.pairs.forEach((expected, i) => {
    const pair = [texts[i]!, next(i)] as const;
    const got = tokenizer.encodeWithOffsets(pair, { allowSpecial: true });
    assert.deepEqual(shown(got), inUnits(expected, [...pair], got), `pair: ${JSON.stringify(pair)}`);
  });
  for (const { limit, text, row } of answer.cut) {
    const truncation = LIMITS[limit]!;
    const pair = [texts[text]!, next(text)] as const;
    const options = { allowSpecial: true, truncation, padding: { side: truncation.side!, padId: 1, multipleOf: 4 } };
    const about = `${JSON.stringify(truncation)}: ${JSON.stringify(pair)}`;
    if (row === null) {
      assert.throws(() => tokenizer.encodeWithOffsets(pair, options), { code: "BAD_OPTION" }, about);
      continue;
    }
    const got = tokenizer.encodeWithOffsets(pair, options);
    assert.deepEqual(shown(got), inUnits(row, [...pair], got), about);
    assert.deepEqual(tokenizer.encodeBatch([pair], options).ids, [got.ids], about);
  }
  for (const { ids, text, skipped } of answer.decoded) {
    if (text === null) continue;
    assert.equal(tokenizer.decode(ids), text, `decode: ${JSON.stringify(ids.map((id) => tokenizer.tokenOf(id)))}`);
    if (skipped !== null)
      assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), skipped, `skipped: ${JSON.stringify(ids)}`);
    const stream = tokenizer.decodeStream();
    assert.equal(ids.map((id) => stream.push(id)).join("") + stream.end(), text, `stream: ${JSON.stringify(ids)}`);
  }
}

const { texts, cases } = goldenKinds();

describe("every kind gives the ids, places and texts of Python's tokenizers", () => {
  for (const answer of cases)
    test(answer.name, () => check(tokenizerFromJson(answer.json, answer.name), answer, texts));
});

describe("every kind agrees with the tokenizers that is installed on random Unicode", {
  skip: skipWithoutPython,
}, () => {
  const count = Number(process.env.OWNLM_TOKENIZER_TEXTS ?? 300);
  const random = fc.sample(settledText, { numRuns: count, seed: Number(process.env.OWNLM_SEED ?? 5) });
  const mixed = random.map((text, i) => text + texts[i % texts.length]!);
  let known: string[] = [];
  let answers: ReadonlyMap<string, Answer> = new Map();
  before(() => {
    const { stdout, stderr } = spawnSync(process.env.OWNLM_PYTHON!, [golden("tokenizer", "kinds.py"), "--answer"], {
      input: JSON.stringify({ texts: mixed }),
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
    assert.ok(stdout !== "", stderr);
    const [first, ...lines] = stdout.trim().split("\n");
    known = JSON.parse(first!) as string[];
    answers = new Map(lines.map((line) => JSON.parse(line) as Answer).map((answer) => [answer.name, answer]));
  });
  for (const { name } of cases)
    test(name, () => {
      const answer = answers.get(name)!;
      check(tokenizerFromJson(answer.json, name), answer, known);
    });
});

describe("any text that JavaScript can hold", () => {
  for (const { name, json } of cases) {
    test(`counts lone surrogates as U+FFFD, and places are those of ids (${name})`, () => {
      const tokenizer = tokenizerFromJson(json, name);
      fc.assert(
        fc.property(anyText, (text) => {
          let ids: number[];
          try {
            ids = tokenizer.encode(text);
          } catch (error) {
            assert.ok(error instanceof OwnlmError && error.code === "BAD_TEXT");
            return;
          }
          assert.deepEqual(tokenizer.encode(wellFormed(text)), ids);
          const { ids: placed, offsets } = tokenizer.encodeWithOffsets(text);
          assert.deepEqual(placed, ids);
          for (const [start, end] of offsets) assert.ok(start >= 0 && start <= end && end <= text.length);
          const stream = tokenizer.decodeStream();
          assert.equal(ids.map((id) => stream.push(id)).join("") + stream.end(), tokenizer.decode(ids));
        }),
        { numRuns: 60 },
      );
    });
  }
});
