import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { dataFiles, type RecordOptions, readRecords } from "../../src/data/records.ts";
import { host } from "../../src/host/node.ts";
import { golden } from "../helpers/paths.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-records-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

function file(name: string, content: string | Uint8Array): string {
  const dir = path.join(root, String(count++));
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, name), content);
  return path.join(dir, name);
}

/** Good records as their values, bad ones as `number: problem`. */
async function read(name: string, content: string | Uint8Array, options?: RecordOptions): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const record of readRecords(host, file(name, content), options))
    found.push(record.problem === undefined ? record.value : `${record.number}: ${record.problem}`);
  return found;
}

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)));

describe("records of JSON lines", () => {
  test("are the lines that are not blank, with a byte order mark and both line ends", async () => {
    assert.deepEqual(await read("a.jsonl", '\uFEFF{"a":1}\r\n\n  \n{"a":"é"}'), [{ a: 1 }, { a: "é" }]);
  });

  test("that are bad are told by line, the others are read", async () => {
    const found = await read(
      "a.jsonl",
      bytes('{"a":1}\n[1]\n{"a":\n{"b":"', [0xff], '"}\n{"c":"', [0], '"}\n"x"\nnull\n{"d":4}\n{"d"'),
    );
    assert.deepEqual(found.slice(0, 2), [{ a: 1 }, "2: got [1], expected an object with named fields"]);
    assert.match(String(found[2]), /^3: is no JSON: got "\{\\"a\\":", expected an object/);
    assert.match(String(found[3]), /^4: has bytes that are no UTF-8/);
    assert.match(String(found[4]), /^5: is no JSON/);
    assert.deepEqual(found.slice(5, 8), [
      '6: got "x", expected an object with named fields',
      "7: got null, expected an object with named fields",
      { d: 4 },
    ]);
    assert.match(String(found[8]), /^9: is no JSON/);
  });

  test("that are too long are told and not held, and strict refuses the first bad one", async () => {
    const long = `{"a":"${"x".repeat(200)}"}\n{"a":1}\n`;
    const options = { maxRecordBytes: 100, pieceBytes: 7 };
    assert.deepEqual(await read("a.jsonl", long, options), ["1: is longer than 100 bytes", { a: 1 }]);
    await assert.rejects(read("a.jsonl", long, { ...options, strict: true }), {
      code: "BAD_DATA",
      message: /a\.jsonl: line 1: is longer/,
    });
  });

  test("a line of 100 MB is told like any other", async () => {
    const content = new Uint8Array(100_000_010).fill(0x61);
    content.set(bytes('\n{"a":1}'), content.length - 8);
    assert.deepEqual(await read("a.jsonl", content), [`1: is longer than ${2 ** 25} bytes`, { a: 1 }]);
  });
});

describe("records of a JSON list", () => {
  const json = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 });

  test("are those of JSON.parse whatever the layout and the size of the pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        json,
        fc.constantFrom(undefined, 2),
        fc.integer({ min: 4, max: 50 }),
        async (list, indent, n) => {
          const text = `  ${JSON.stringify(list, null, indent)}\n`;
          assert.deepEqual(await read("a.json", text, { pieceBytes: n }), JSON.parse(text));
          const lines = list.map((value) => `${JSON.stringify(value)}\n`).join("");
          if (list.length > 0) assert.deepEqual(await read("a.json", lines, { pieceBytes: n }), JSON.parse(text));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("that are bad are told by number", async () => {
    assert.deepEqual(await read("a.json", '[{"a":1}, 5, "],[", {"b" 1}, , {"c":3}]'), [
      { a: 1 },
      "2: got 5, expected an object with named fields",
      '3: got "],[", expected an object with named fields',
      '4: is no JSON: got " {\\"b\\" 1}", expected an object such as {"prompt": "...", ...}',
      "5: is empty: there is a comma too many",
      { c: 3 },
    ]);
  });

  test("end with the file, and nothing comes behind", async () => {
    const broken = (text: string) => read("a.json", text);
    await assert.rejects(broken('[{"a":1}, {"b": "x'), { code: "BAD_DATA", message: /ends inside record 2.*cut off/ });
    await assert.rejects(broken("[]]"), { code: "BAD_DATA", message: /goes on behind the list/ });
    await assert.rejects(broken('"text"'), { code: "BAD_DATA", message: /expected a JSON list/ });
    await assert.rejects(broken("  \n"), { code: "BAD_DATA", message: /is empty/ });
    await assert.rejects(broken(""), { code: "BAD_DATA", message: /is empty/ });
  });
});

describe("records of CSV", () => {
  test("are named by the first line, with quotes, line breaks and delimiters inside", async () => {
    const text = '\uFEFFprompt,completion\r\n"a ""b"", c","x\r\ny"\r\n\r\nplain,\r\n"",z';
    for (const pieceBytes of [4, 5, 6, 7, 100])
      assert.deepEqual(await read("a.csv", text, { pieceBytes }), [
        { prompt: 'a "b", c', completion: "x\r\ny" },
        { prompt: "plain", completion: "" },
        { prompt: "", completion: "z" },
      ]);
    assert.deepEqual(await read("a.tsv", "a\tb\n1,5\t2\n"), [{ a: "1,5", b: "2" }]);
  });

  test("give back any cells", async () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", "é", " ", "🙂") });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell)), fc.integer({ min: 4, max: 30 }), async (rows, pieceBytes) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = `a,b\n${rows.map((row) => `${row.map(quoted).join(",")}\n`).join("")}`;
        const expected = rows.map(([a, b]) => ({ a, b }));
        assert.deepEqual(await read("a.csv", text, { pieceBytes }), expected);
      }),
      { numRuns: 100 },
    );
  });

  test("that are bad are told by line", async () => {
    const text = bytes('a,b\n1\n1,2,3\n5" pipe,x\n"q"r,x\nx,', [0xff], "\nx,", [0], '\nok,1\n"open,1\nlost,2\n');
    assert.deepEqual(await read("a.csv", text), [
      "2: got 1 cells, expected the 2 of line 1",
      "3: got 3 cells, expected the 2 of line 1",
      "4: has a quote inside a cell that does not begin with one",
      "5: has text behind a closing quote, expected a delimiter",
      "6: has bytes that are no UTF-8. Try iconv to convert the file",
      "7: has a NUL byte, expected text",
      { a: "ok", b: "1" },
      "9: opens a quote that is never closed: everything up to line 11 is lost",
    ]);
  });

  test("need a header", async () => {
    await assert.rejects(read("a.csv", "a,a\n1,2\n"), { code: "BAD_DATA", message: /line 1: got the name "a" twice/ });
    await assert.rejects(read("a.csv", "a;b\n1;2\n"), { code: "BAD_DATA", message: /commas between them/ });
    await assert.rejects(read("a.csv", '"a\n'), { code: "BAD_DATA", message: /line 1: opens a quote/ });
    await assert.rejects(read("a.csv", "\n\n"), { code: "BAD_DATA", message: /is empty/ });
  });
});

describe("records of Parquet", () => {
  for (const codec of ["snappy", "zstd", "gzip", "brotli", "lz4", "none"])
    test(`are read as pyarrow wrote them, compressed with ${codec}`, async () => {
      const found = await read("a.parquet", fs.readFileSync(golden("tune", `chats-${codec}.parquet`)));
      assert.equal(found.length, 6);
      assert.deepEqual(found[1], {
        id: 1,
        messages: [
          { role: "user", content: "Question 1 é 🙂", tool_calls: null },
          { role: "assistant", content: "Answer 1", tool_calls: null },
        ],
      });
      const { messages } = found[4] as { messages: { tool_calls: unknown }[] };
      assert.deepEqual(messages[1]!.tool_calls, [
        { id: "c1", type: "function", function: { name: "add", arguments: '{"a": 1, "b": 2}' } },
      ]);
    });

  const whole = fs.readFileSync(golden("tune", "chats-zstd.parquet"));

  test("that are no table, or cut off, are refused", async () => {
    await assert.rejects(read("a.parquet", "PAR1"), { code: "BAD_DATA", message: /begin with PAR1/ });
    await assert.rejects(read("a.parquet", "hello, this is text"), { code: "BAD_DATA", message: /begin with PAR1/ });
    await assert.rejects(read("a.parquet", whole.subarray(0, 3000)), { code: "BAD_DATA", message: /cut off/ });
    const tail = Uint8Array.from([...whole.subarray(0, 4), ...whole.subarray(2000)]);
    await assert.rejects(read("a.parquet", tail), { code: "BAD_DATA" });
    await assert.rejects(read("a.jsonl", whole), { code: "BAD_DATA", message: /is a Parquet table/ });
  });

  test("whose description is damaged are refused or read, never a crash", async () => {
    const files = ["chats-snappy", "chats-gzip", "chats-zstd", "chats-lz4", "chats-brotli", "labelled"];
    const tables = files.map((name) => fs.readFileSync(golden("tune", `${name}.parquet`)));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (pick, flips) => {
          const damaged = Uint8Array.from(tables[pick % tables.length]!);
          const footer = 8 + new DataView(damaged.buffer).getUint32(damaged.length - 8, true);
          for (const [at, value] of flips) damaged[damaged.length - 1 - (at % footer)] = value;
          try {
            await read("a.parquet", damaged);
          } catch (error) {
            assert.ok(error instanceof OwnlmError, String(error));
            assert.ok(["BAD_DATA", "UNSUPPORTED"].includes(error.code));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("data files", () => {
  test("of a folder are those named for training, else all, and descriptions are left out", () => {
    const dir = path.join(root, "folder");
    const put = (name: string) => {
      fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
      fs.writeFileSync(path.join(dir, name), "x");
    };
    for (const name of ["b.csv", "a/x.jsonl", "dataset_info.json", "notes.txt", ".hidden.csv"]) put(name);
    const names = () => dataFiles(host, [dir]).map((found) => path.relative(dir, found));
    assert.deepEqual(names(), ["a/x.jsonl", "b.csv"]);
    for (const name of ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]) put(name);
    assert.deepEqual(names(), ["data/train-00000-of-00001.parquet"]);
  });

  test("of other kinds say what they are", async () => {
    await assert.rejects(read("a.txt", "x"), { code: "BAD_DATA", message: /the name says no format/ });
    await assert.rejects(read("a.jsonl", bytes([0x1f, 0x8b, 8])), { message: /gunzip/ });
    await assert.rejects(read("a.json", bytes([0xff, 0xfe, 0x7b, 0])), { message: /UTF-16/ });
    await assert.rejects(read("a.json", bytes([0x7b, 0, 0x7d, 0])), { message: /NUL bytes/ });
    assert.throws(() => dataFiles(host, [path.join(root, "none")]), { code: "NOT_FOUND" });
    assert.throws(() => dataFiles(host, []), { code: "BAD_DATA" });
  });
});
