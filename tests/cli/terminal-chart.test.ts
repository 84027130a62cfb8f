import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { barPicture, lossChart, progressBar } from "../../src/cli/chart.ts";
import { displayWidth } from "../../src/cli/text.ts";

const falling = Array.from({ length: 41 }, (_, i) => ({ step: i * 5, loss: 2 + 4 * Math.exp(-i / 8) }));

describe("a loss chart", () => {
  test("is drawn in braille", () => {
    const validation = [{ step: 100, loss: 3 }];
    assert.deepEqual(lossChart(falling, { width: 32, height: 7, validation }), PICTURE_UNICODE);
  });

  test("is drawn in ASCII", () => {
    const validation = [{ step: 100, loss: 3 }];
    assert.deepEqual(lossChart(falling, { width: 32, height: 7, unicode: false, validation }), PICTURE_ASCII);
  });

  test("has room for one point, and says when there is none", () => {
    assert.deepEqual(lossChart([], { width: 40, height: 8 }), ["no loss yet"]);
    assert.deepEqual(lossChart([{ step: 1, loss: Number.NaN }], { width: 40, height: 8 }), ["no loss yet"]);
    const one = lossChart([{ step: 7, loss: 2 }], { width: 20, height: 5, unicode: false });
    assert.deepEqual(one, ["2.50 +", "     |      *", "1.50 +", "     +--------------", "      step 7"]);
  });

  test("averages the points of a column", () => {
    const noisy = Array.from({ length: 4000 }, (_, i) => ({ step: i, loss: 3 + (i % 2 ? 1 : -1) }));
    const chart = lossChart(noisy, { width: 30, height: 6, unicode: false });
    const labels = chart.slice(0, 4).flatMap((line) => line.match(/\d\.\d+/g) ?? []);
    assert.ok(labels.length > 1 && labels.every((label) => Math.abs(Number(label) - 3) < 0.02));
  });

  test("has room for long labels at its narrowest", () => {
    const at = (step: number, loss: number) => ({ step, loss });
    for (const points of [
      [at(100_000, -999.495)],
      [at(100_000, 9999.485)],
      [at(1e12, -1e29)],
      [at(1, -5e-324), at(0, -10000)],
    ])
      for (const line of lossChart(points, { width: 20, height: 4 })) assert.ok(displayWidth(line) <= 20, line);
  });

  test("stays in its frame whatever the points are", () => {
    const numbers = fc.oneof(fc.double(), fc.double({ min: 0, max: 12 }));
    const points = fc.array(fc.record({ step: fc.integer({ min: 0, max: 1e6 }), loss: numbers }), { maxLength: 30 });
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 90 }), fc.integer({ min: 0, max: 20 }), (list, width, height) => {
        for (const unicode of [true, false]) {
          const chart = lossChart(list, { width, height, unicode });
          assert.ok(chart.length === 1 || chart.length === Math.max(4, height));
          for (const line of chart) assert.ok(displayWidth(line) <= Math.max(20, width), line);
        }
      }),
    );
  });
});

const PICTURE_UNICODE = [
  "6.00 ┤⠱⡀",
  "     │ ⠈⢆",
  "4.01 ┤  ⠈⠢⢄",
  "     │     ⠑⠤⢄⣀    ●",
  "2.03 ┤         ⠉⠒⠒⠢⠤⠤⠤⠤⢄⣀⣀⣀⣀⣀⣀⣀⣀",
  "     └──────────────────────────",
  "      0         step         200",
];
const PICTURE_ASCII = [
  "6.00 +*",
  "     | **",
  "4.01 +   **",
  "     |     ******  o",
  "2.03 +           ***************",
  "     +--------------------------",
  "      0         step         200",
];

describe("a progress bar", () => {
  test("fills with what is done", () => {
    assert.equal(progressBar({ done: 0, total: 8, width: 15 }), "             0%".padStart(15));
    assert.equal(progressBar({ done: 5, total: 8, width: 15 }), "██████▎     62%");
    assert.equal(progressBar({ done: 8, total: 8, width: 15 }), "██████████ 100%");
    assert.equal(progressBar({ done: 9, total: 8, width: 15, unicode: false }), "########## 100%");
    assert.equal(progressBar({ done: 5, total: 8, width: 15, unicode: false }), "######....  62%");
    assert.equal(progressBar({ done: 5, total: 0, width: 15, unicode: false }), "..........    ?");
  });
});

describe("a picture of probabilities", () => {
  const items = [
    { label: " the", value: 0.5 },
    { label: "\n", value: 0.25 },
    { label: "\u001b[2J", value: 0.1 },
    { label: "日本", value: 0 },
  ];

  test("shows labels without obeying them", () => {
    assert.deepEqual(barPicture(items, { width: 30 }), [
      '" the"     50.0% █████████████',
      '"\\n"       25.0% ██████▌',
      '"\\x1b[2J"  10.0% ██▋',
      '"日本"      0.0%',
    ]);
    assert.equal(barPicture(items, { width: 30, unicode: false })[1], '"\\n"       25.0% #######');
  });

  test("cuts long labels and has no lines without items", () => {
    assert.deepEqual(barPicture([]), []);
    assert.equal(barPicture(Array.from({ length: 200_000 }, () => ({ label: "a", value: 0 }))).length, 200_000);
    const [line] = barPicture([{ label: "x".repeat(50), value: 1 }], { width: 20 });
    assert.equal(line, '"xxxxxxxx… 100.0% ██');
  });
});
