/** Texts for property tests: every code unit, lone surrogates and long runs included, and the common cases often. */
import fc from "fast-check";

const common = fc.constantFrom(
  ..."aabct' \n\r\t.,!09AZé",
  "'s",
  "'LL",
  "'\u017f",
  "  ",
  "\r\n",
  " the",
  "\u0301",
  "\u0085",
  "\ufeff",
  "\u00a0",
  "\u2028",
  "漢字",
  "١٢٣",
  "👩‍👩‍👧",
  "𝐀",
  "𝟗",
);
const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
const anyCodePoint = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
const run = fc.tuple(fc.constantFrom("a", "ab", " ", "\n", "1", "é", "!", "🙂"), fc.integer({ min: 1, max: 80 }));

/** Any text that JavaScript can hold. */
export const anyText = mixed(anyCodePoint, anyUnit);

/** Text of characters that every Unicode version in use knows. */
export const settledText = mixed(fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }), common);

function mixed(rare: fc.Arbitrary<string>, rarer: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 8, arbitrary: common },
    { weight: 2, arbitrary: rare },
    { weight: 1, arbitrary: rarer },
    { weight: 1, arbitrary: run.map(([piece, count]) => piece.repeat(count)) },
  );
  return fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
}

/** A text as UTF-8 holds it: lone surrogates are U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}
