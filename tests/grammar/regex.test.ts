import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Rng, rng } from "../../src/base/rng.ts";
import { buildGraph } from "../../src/grammar/build.ts";
import { positionsOf } from "../../src/grammar/positions.ts";
import { regexNode } from "../../src/grammar/regex.ts";
import { acceptsText } from "../../src/grammar/texts.ts";

/** Whether an expression takes a text, whole or anywhere in it. */
function takerOf(source: string, whole = true): (text: string) => boolean {
  const node = regexNode(source, { whole, spelling: "plain", where: "regex" });
  const positions = positionsOf(buildGraph({ root: "text", rules: new Map([["text", node]]) }, "regex"), "regex");
  return (text) => acceptsText(positions, text);
}

const ALPHABET = ["a", "b", "c", "0", "1", "_", " ", "\n", "-", "é", "日", "😀", "A", "."];

function randomText(random: Rng): string {
  return Array.from({ length: random.below(7) }, () => ALPHABET[random.below(ALPHABET.length)]!).join("");
}

function randomPattern(random: Rng, depth = 0): string {
  const atoms = [
    "a",
    "b",
    ".",
    "\\d",
    "\\w",
    "\\s",
    "\\S",
    "[a-c]",
    "[^a\\d]",
    "[\\w-]",
    "é",
    "\\u{1F600}",
    "\\p{Lu}",
    "\\.",
    "[日\\-]",
  ];
  const atom = () => {
    if (depth < 3 && random.below(4) === 0)
      return `(${random.below(2) ? "?:" : ""}${randomPattern(random, depth + 1)})`;
    return atoms[random.below(atoms.length)]!;
  };
  const quantifiers = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?"];
  const sequence = () =>
    Array.from({ length: 1 + random.below(3) }, () => atom() + quantifiers[random.below(quantifiers.length)]!).join("");
  return Array.from({ length: 1 + random.below(2) }, sequence).join("|");
}

describe("a regular expression", () => {
  test("takes what JavaScript's does: 500 random ones, 60 random texts each, whole and in parts", () => {
    const random = rng(1, "patterns");
    for (let i = 0; i < 500; i++) {
      const source = randomPattern(random);
      const takes = takerOf(source);
      const finds = takerOf(source, false);
      const [whole, part] = [new RegExp(`^(?:${source})$`, "u"), new RegExp(source, "u")];
      for (let n = 0; n < 60; n++) {
        const text = randomText(random);
        assert.equal(takes(text), whole.test(text), `${source} on ${JSON.stringify(text)}`);
        assert.equal(finds(text), part.test(text), `part ${source} on ${JSON.stringify(text)}`);
      }
    }
  });

  const asserted = [
    "^a",
    "a$",
    "^a$",
    "^a|b$",
    "^(?:a|b$)",
    "(^a|b)c",
    "^(?!a)",
    "^(?!.*b)[a-c]+$",
    "^(?=.*0)\\w{2,4}$",
    "a(?!b)",
    "a(?=b|$)",
    "^(?!a$)[ab]{1,2}",
    "(a|b(?!c))",
    "^(a(?=b)|c)",
    "$",
    "^",
    "^$",
    "a$|^b",
    "(?!)",
    "^(?=a)(?!.*c)(?=.*b)",
  ];
  for (const source of asserted)
    test(`looks ahead and at the ends as JavaScript's does: ${source}`, () => {
      const random = rng(2, source);
      let finds: (text: string) => boolean = () => false;
      try {
        finds = takerOf(source, false);
      } catch (error) {
        assert.match(String(error), /no text matches/);
      }
      const part = new RegExp(source, "u");
      for (const text of ["", "a", "b", "ab", "ac", "bc", "ba", "abc", "a0", "0b"])
        assert.equal(finds(text), part.test(text), JSON.stringify(text));
      for (let n = 0; n < 200; n++) {
        const text = randomText(random);
        assert.equal(finds(text), part.test(text), JSON.stringify(text));
      }
    });

  const refused: readonly [source: string, code: string, message: RegExp][] = [
    ["(", "BAD_GRAMMAR", /has no \)/],
    [")", "BAD_GRAMMAR", /has no \(/],
    ["[a", "BAD_GRAMMAR", /has no \]/],
    ["[b-a]", "BAD_GRAMMAR", /wrong way/],
    ["a{3,2}", "BAD_GRAMMAR", /wrong way/],
    ["*a", "BAD_GRAMMAR", /nothing to repeat/],
    ["a**", "BAD_GRAMMAR", /nothing to repeat/],
    ["a{100000}", "BAD_GRAMMAR", /count above/],
    ["\\p{Nonsense}", "BAD_GRAMMAR", /no property Nonsense/],
    ["\\bword", "UNSUPPORTED", /\\b cannot be honoured/],
    ["(a)\\1", "UNSUPPORTED", /\\1 cannot be honoured/],
    ["(?<=a)b", "UNSUPPORTED", /look-behind/],
    ["(?i:a)", "UNSUPPORTED", /flags/],
    ["(a$)+", "UNSUPPORTED", /repeated/],
    ["a^b", "UNSUPPORTED", /\^ behind/],
    ["a\\", "BAD_GRAMMAR", /ends in the middle/],
  ];
  for (const [source, code, message] of refused)
    test(`is refused with its place: ${source}`, () => {
      assert.throws(() => takerOf(source), { code, message });
    });
});
