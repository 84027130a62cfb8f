import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  columnsOf,
  type Environment,
  isTerminal,
  liveArea,
  palette,
  wantsColor,
  wantsUnicode,
} from "../../src/cli/terminal.ts";

const ESC = "\u001b";

const CODES = new RegExp(`${ESC}\\[\\d*[A-Z]|\n|\r|[^${ESC}\n\r]+`, "gu");

/** A terminal that keeps a screen: text, newline, up, carriage return and clear-to-end are understood. */
function screen(columns = 40, rows = 24) {
  const lines = [""];
  let row = 0;
  let writes = 0;
  const write = (text: string) => {
    writes++;
    for (const part of text.match(CODES) ?? []) {
      const up = /\[(\d+)A/.exec(part);
      if (up) row -= Number(up[1]);
      else if (part === `${ESC}[J`) lines.splice(row, lines.length, "");
      else if (part === "\n") lines[++row] ??= "";
      else if (part !== "\r") lines[row] += part;
    }
    assert.ok(row >= 0, "the cursor stays on the screen");
  };
  return { isTTY: true, columns, rows, write, lines, writes: () => writes };
}

function pipe() {
  const written: string[] = [];
  return { write: (text: string) => void written.push(text), written };
}

/** A clock that is moved by hand. */
function clock(env: Environment = {}) {
  const time = { ms: 0 };
  return { time, options: { nowMs: () => time.ms, env } };
}

describe("a live area", () => {
  test("replaces its lines on a terminal and leaves the last ones", () => {
    const out = screen();
    const { time, options } = clock();
    const area = liveArea(out, options);
    for (const step of [1, 2, 3]) {
      time.ms += 100;
      area.draw([`step ${step}`, "bar"]);
    }
    area.log("checkpoint written");
    area.finish(["done"]);
    assert.deepEqual(out.lines, ["checkpoint written", "done", ""]);
  });

  test("draws no more often than asked, and shows what was held back at the end", () => {
    const out = screen();
    const { time, options } = clock();
    const area = liveArea(out, options);
    for (time.ms = 0; time.ms < 100; time.ms++) area.draw([`${time.ms}`]);
    assert.equal(out.writes(), 2);
    area.finish();
    assert.deepEqual(out.lines, ["99", ""]);
  });

  test("cuts lines to the window, and shows only as many as fit", () => {
    const out = screen(20, 3);
    const area = liveArea(out, clock().options);
    area.draw(["gone", "x".repeat(50), "last"]);
    area.finish();
    assert.deepEqual(out.lines, [`${"x".repeat(18)}…`, "last", ""]);
  });

  test("goes back over lines that a narrower window has wrapped", () => {
    const written: string[] = [];
    const out = { isTTY: true, columns: 60, rows: 24, write: (text: string) => void written.push(text) };
    const { time, options } = clock();
    const area = liveArea(out, options);
    area.draw(["x".repeat(50), "y"]);
    out.columns = 30;
    time.ms = 1000;
    area.draw(["z"]);
    assert.equal(written[1], `${ESC}[3A\r${ESC}[Jz\n`);
  });

  test("prints plain lines now and then where there is no terminal", () => {
    for (const env of [{}, { TERM: "dumb" }]) {
      const { written, write } = pipe();
      const { time, options } = clock(env);
      const area = liveArea({ isTTY: "TERM" in env, write }, options);
      assert.equal(area.live, false);
      for (time.ms = 0; time.ms <= 25_000; time.ms += 1000) area.draw(["picture"], `at ${time.ms}`);
      area.log("note");
      area.finish(["done"]);
      assert.deepEqual(written, ["at 0\n", "at 10000\n", "at 20000\n", "note\n", "at 25000\n", "done\n"]);
    }
  });

  test("writes nothing when nothing was drawn", () => {
    const { written, write } = pipe();
    liveArea({ write }, clock().options).finish();
    liveArea({ isTTY: true, write }, clock().options).finish();
    assert.deepEqual(written, []);
  });
});

describe("what a terminal can do", () => {
  const tty = { isTTY: true, write: () => true };

  test("colours are for terminals without NO_COLOR", () => {
    assert.equal(wantsColor(tty, {}), true);
    assert.equal(wantsColor(tty, { NO_COLOR: "1" }), false);
    assert.equal(wantsColor(tty, { NO_COLOR: "" }), true);
    assert.equal(wantsColor(tty, { TERM: "dumb" }), false);
    assert.equal(wantsColor({ write: () => true }, {}), false);
    assert.equal(isTerminal({ ...tty, isTTY: false }, {}), false);
    assert.equal(palette(true).red("a"), `${ESC}[31ma${ESC}[39m`);
    assert.equal(palette(false).bold("a"), "a");
  });

  test("braille is for Unicode locales", () => {
    assert.equal(wantsUnicode({ LANG: "en_US.UTF-8" }, "linux"), true);
    assert.equal(wantsUnicode({ LC_ALL: "C", LANG: "en_US.UTF-8" }, "linux"), false);
    assert.equal(wantsUnicode({}, "linux"), true);
    assert.equal(wantsUnicode({}, "win32"), false);
    assert.equal(wantsUnicode({ WT_SESSION: "x" }, "win32"), true);
  });

  test("no window is narrower than 20 columns", () => {
    assert.equal(columnsOf({ ...tty, columns: 5 }), 20);
    assert.equal(columnsOf(tty), 80);
  });
});
