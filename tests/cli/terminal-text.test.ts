import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatBytes, formatCount, formatDuration } from "../../src/base/format.ts";
import { displayWidth, fitText, padText, safeText, visibleText } from "../../src/cli/text.ts";

const RED = "\u001b[31m";

describe("text for a terminal", () => {
  test("loses everything that could command the terminal", () => {
    assert.equal(safeText(`a${RED}b\r\nc\td\u0007\u009b2J\u202e!\u0000\u007f`), "a[31mb\nc\td2J!");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(safeText(text).replace(/[\n\t]/g, ""), /\p{Cc}/u);
        assert.doesNotMatch(visibleText(text), /\p{Cc}/u);
      }),
    );
  });

  test("is safe in pieces as it is whole", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("\u001b", "[31m", "\r", "\n", "x", "\u009b")), (pieces) => {
        assert.equal(pieces.map(safeText).join(""), safeText(pieces.join("")));
      }),
    );
  });

  test("shows control characters by name where asked", () => {
    assert.equal(visibleText("a\n\t\r\u001b\u0085\u202e "), "a\\n\\t\\r\\x1b\\x85\\u202e ");
  });

  const widths: readonly [text: string, width: number][] = [
    ["", 0],
    ["plain", 5],
    [`${RED}red\u001b[0m`, 3],
    ["日本語", 6],
    ["한국", 4],
    ["e\u0301", 1],
    ["🙂", 2],
    ["👩‍👩‍👧", 2],
    ["❤️", 2],
    ["✓", 1],
    ["ｆｕｌｌ", 8],
    ["│─█▌⣿", 5],
  ];
  for (const [text, width] of widths)
    test(`${JSON.stringify(text)} is ${width} columns wide`, () => assert.equal(displayWidth(text), width));

  test("is cut to any width without splitting a character", () => {
    assert.equal(fitText("abcdef", 4), "abc…");
    assert.equal(fitText("日本語", 4), "日…");
    assert.equal(fitText("abcdef", 4, "~"), "abc~");
    assert.equal(fitText(`${RED}abcdef\u001b[39m`, 4), `${RED}abc…\u001b[0m`);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 20 }), (text, columns) => {
        assert.ok(displayWidth(fitText(text, columns)) <= columns);
        assert.equal(displayWidth(padText(text, columns)), columns);
      }),
    );
  });
});

describe("numbers", () => {
  const table: readonly [shown: string, expected: string][] = [
    [formatBytes(0), "0 B"],
    [formatBytes(1023), "1023 B"],
    [formatBytes(1536), "1.5 KiB"],
    [formatBytes(2 ** 20 - 1), "1.0 MiB"],
    [formatBytes(300 * 2 ** 20), "300 MiB"],
    [formatBytes(Number.NaN), "?"],
    [formatCount(0), "0"],
    [formatCount(1234), "1,234"],
    [formatCount(9999), "9,999"],
    [formatCount(12_345), "12.3K"],
    [formatCount(999_999), "1.0M"],
    [formatCount(1_235_814_400), "1.2B"],
    [formatDuration(420), "0.4s"],
    [formatDuration(12_400), "12s"],
    [formatDuration(59_700), "1m 00s"],
    [formatDuration(185_000), "3m 05s"],
    [formatDuration(7_620_000), "2h 07m"],
    [formatDuration(273_600_000), "3d 04h"],
    [formatDuration(Number.POSITIVE_INFINITY), "?"],
  ];
  for (const [shown, expected] of table) test(`are shown as ${expected}`, () => assert.equal(shown, expected));
});
