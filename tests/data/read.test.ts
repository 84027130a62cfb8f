import assert from "node:assert/strict";
import fs, { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { type ReadHost, type ReadOptions, readTexts } from "../../src/data/read.ts";
import { textOf } from "../../src/data/types.ts";
import { host } from "../../src/host/node.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-data-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A folder of files. */
function folder(files: Record<string, string | Uint8Array>): string {
  const dir = path.join(root, String(count++));
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), content);
  }
  return dir;
}

function file(content: string | Uint8Array, name = "a.txt"): string {
  return path.join(folder({ [name]: content }), name);
}

function only(content: string | Uint8Array, options?: ReadOptions, name?: string) {
  const { documents } = readTexts(host, [file(content, name)], options);
  assert.equal(documents.length, 1);
  return documents[0]!;
}

const bytes = (...list: number[]) => Uint8Array.from(list);
const text = (s: string) => new TextEncoder().encode(s);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe("reading texts", () => {
  test("a file is one document with its size and hash", () => {
    const document = only("h\u00e9llo \u{1f600}\r\n");
    assert.equal(textOf(document), "h\u00e9llo \u{1f600}\r\n");
    assert.equal(document.characters, 9);
    assert.equal(document.bytes, 13);
    assert.equal(document.invalidBytes, 0);
    assert.equal(document.firstInvalidByte, -1);
    assert.equal(only("abc").sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  test("a byte order mark is dropped at the beginning and kept elsewhere", () => {
    assert.equal(textOf(only(text("\uFEFFab\uFEFFc"))), "ab\uFEFFc");
    for (const pieceBytes of [1, 2, 3, 5])
      assert.equal(textOf(only(text("\uFEFF\uFEFFa"), { pieceBytes: pieceBytes + 2 })), "\uFEFFa");
  });

  test("any text comes back whole whatever the size of the pieces", () => {
    const texts = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((s) => !/\p{Cc}/u.test(s));
    fc.assert(
      fc.property(texts, fc.integer({ min: 4, max: 40 }), (s, pieceBytes) => {
        const whole = s.replace(/^\uFEFF/, "");
        const document = only(s, { pieceBytes });
        assert.equal(textOf(document), whole);
        assert.equal(document.characters, [...whole].length);
        assert.ok(document.chunks.every((chunk) => !/^[\uDC00-\uDFFF]/.test(chunk)));
      }),
      { numRuns: 150 },
    );
  });

  test("any bytes decode as TextDecoder decodes them, with the first bad byte told", () => {
    const tail = fc.array(
      fc.constantFrom(0x41, 0x20, 0x80, 0xbf, 0xc2, 0xe0, 0xe2, 0x82, 0xac, 0xed, 0xf0, 0x9f, 0xff),
    );
    fc.assert(
      fc.property(tail, fc.integer({ min: 4, max: 20 }), (list, pieceBytes) => {
        const prefix = text("x".repeat(300));
        const content = join(prefix, Uint8Array.from(list));
        const document = only(content, { pieceBytes });
        const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(content);
        assert.equal(textOf(document), expected);
        assert.equal(document.invalidBytes > 0, expected.includes("\uFFFD"));
        if (document.firstInvalidByte >= 0) {
          const before = content.subarray(0, document.firstInvalidByte);
          assert.doesNotThrow(() => new TextDecoder("utf-8", { fatal: true }).decode(before));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("long texts are cut before a lone space", () => {
    const document = only("one two  three four\nfive six seven eight nine ten ".repeat(20), { pieceBytes: 64 });
    assert.ok(document.chunks.length > 8);
    for (const chunk of document.chunks.slice(1)) assert.match(chunk, /^ \S/);
    for (const chunk of document.chunks.slice(0, -1)) assert.match(chunk, /\S$/);
  });

  test("invalid bytes are counted, replaced and told of", () => {
    const content = join(text("a".repeat(50)), bytes(0xff), text("b"), bytes(0xe2, 0x82), text("c"));
    const { documents, warnings } = readTexts(host, [file(content)]);
    assert.equal(textOf(documents[0]!), `${"a".repeat(50)}\uFFFDb\uFFFDc`);
    assert.equal(documents[0]!.invalidBytes, 3);
    assert.equal(documents[0]!.firstInvalidByte, 50);
    assert.match(warnings.join(), /3 bytes are no UTF-8 \(the first at byte 50\)/);
  });

  test("a folder gives its texts and those below it, by name", () => {
    const dir = folder({
      "b.txt": "B",
      "a.md": "A",
      "c/d.TXT": "D",
      "z.jsonl": '{"text":"Z"}\n',
      "x.png": "no",
      ".hidden.txt": "no",
      "empty.txt": "",
    });
    const { documents, warnings } = readTexts(host, [dir]);
    assert.deepEqual(documents.map(textOf), ["A", "B", "D", "Z"]);
    assert.equal(warnings.length, 2);
    assert.match(warnings.join("\n"), /x\.png/);
    assert.match(warnings.join("\n"), /empty\.txt: is empty and left out/);
  });

  test("each line of a .jsonl file is a document", () => {
    const lines = '\uFEFF{"text":"one\\ntwo","id":1}\r\n\n{"text":""}\n{"text":"\\ud83d\\ude00 \\ud83d"}';
    for (const pieceBytes of [4, 7, 1000]) {
      const { documents } = readTexts(host, [file(lines, "a.jsonl")], { pieceBytes });
      assert.deepEqual(documents.map(textOf), ["one\ntwo", "\u{1f600} \uFFFD"]);
      assert.match(documents[1]!.path, /a\.jsonl:4$/);
      assert.equal(documents[1]!.invalidBytes, 1);
      assert.equal(documents[0]!.sha256, only("one\ntwo").sha256);
    }
  });

  test("a file that goes away while its folder is read is named", () => {
    const dir = folder({ "a.txt": "A", "b.txt": "B" });
    const vanishing: ReadHost = {
      ...host,
      fileSize(name) {
        if (name.endsWith("b.txt")) fs.rmSync(name, { force: true });
        return host.fileSize(name);
      },
    };
    assert.throws(() => readTexts(vanishing, [dir]), { code: "NOT_FOUND", message: /b\.txt.*went away.*Try again/ });
  });

  test("a link in a circle ends with an error", { skip: process.platform === "win32" && "links need rights" }, () => {
    const dir = folder({ "a.txt": "A" });
    symlinkSync(dir, path.join(dir, "loop"));
    assert.throws(() => readTexts(host, [dir]), { code: "BAD_DATA", message: /circle/ });
  });

  test("more text than fits is refused before it is read", () => {
    const dir = folder({ "a.txt": "A".repeat(3 * 2 ** 20), "b.txt": "B" });
    assert.throws(() => readTexts(host, [dir], { maxBytes: 2 ** 21 }), { code: "BAD_DATA", message: /3\.0 MiB.*2\.0/ });
  });
});

const BAD: readonly [
  name: string,
  content: string | Uint8Array,
  code: string,
  message: RegExp,
  options?: ReadOptions,
][] = [
  ["empty.txt", "", "BAD_TEXT", /empty\.txt: is empty/],
  ["nul.txt", "abc\0def", "BAD_TEXT", /nul\.txt: has a NUL at byte 3/],
  ["control.txt", "\x01\x02\x03abc", "BAD_TEXT", /control\.txt: 50 % of the first 6 bytes/],
  ["noise.txt", bytes(0xff, 0xfd, 0x41), "BAD_TEXT", /noise\.txt: 67 %/],
  ["utf16.txt", bytes(0xff, 0xfe, 0x41, 0), "BAD_TEXT", /UTF-16.*iconv/],
  ["a.pdf", "%PDF-1.7 and so on", "BAD_TEXT", /a\.pdf: is a PDF.*pdftotext/],
  ["a.docx", bytes(0x50, 0x4b, 3, 4, 0), "BAD_TEXT", /office document/],
  ["a.gz", bytes(0x1f, 0x8b, 8, 0), "BAD_TEXT", /gunzip/],
  ["strict.txt", join(text("x".repeat(20)), bytes(0xc3, 0x28)), "BAD_TEXT", /byte 20 is no UTF-8/, { strict: true }],
  ["cut.txt", join(text("x".repeat(20)), bytes(0xe2, 0x82)), "BAD_TEXT", /byte 20/, { strict: true, pieceBytes: 5 }],
  ["marked.txt", join(text(`\uFEFF${"abc".repeat(9)}`), bytes(0xff)), "BAD_TEXT", /byte 30 /, { strict: true }],
  ["a.jsonl", '{"text":"a"}\n{"text":', "BAD_DATA", /a\.jsonl: line 2: is no JSON/],
  ["a.jsonl", '"text"', "BAD_DATA", /line 1: got .*expected an object/],
  ["a.jsonl", '[{"text":"a"}]', "BAD_DATA", /expected an object/],
  ["a.jsonl", '\n{"messages":[]}', "BAD_DATA", /line 2: "text" is missing.*messages/],
  ["a.jsonl", '{"text":3}', "BAD_DATA", /"text" is number/],
  ["a.jsonl", '{"text":null}', "BAD_DATA", /"text" is null/],
  ["a.jsonl", '{"__proto__":{"text":"a"}}', "BAD_DATA", /"text" is missing/],
  ["a.jsonl", "\n\n", "BAD_DATA", /no line with a text/],
  ["a.jsonl", '{"text":"\\ud83d"}', "BAD_TEXT", /surrogate/, { strict: true }],
  ["pictures/a.png", "x", "BAD_DATA", /no \.txt/],
];

describe("texts that cannot be read", () => {
  for (const [name, content, code, message, options] of BAD)
    test(`${name} with ${JSON.stringify(String(content).slice(0, 30))} is ${code}: ${message.source}`, () => {
      const dir = folder({ [name]: content });
      const target = name.startsWith("pictures") ? dir : path.join(dir, name);
      assert.throws(() => readTexts(host, [target], options), { name: "OwnlmError", code, message });
    });

  test("a missing path, no path, a device and a folder of nothing are named", () => {
    assert.throws(() => readTexts(host, [path.join(root, "nowhere.txt")]), {
      code: "NOT_FOUND",
      message: /nowhere\.txt/,
    });
    assert.throws(() => readTexts(host, []), { code: "BAD_DATA" });
    const device: ReadHost = { ...host, kindOf: () => "other" };
    assert.throws(() => readTexts(device, ["/dev/null"]), { code: "UNSUPPORTED", message: /\/dev\/null/ });
    assert.throws(() => readTexts(host, [folder({ "a.txt": "", "b.md": "" })]), { code: "BAD_DATA", message: /empty/ });
  });
});
