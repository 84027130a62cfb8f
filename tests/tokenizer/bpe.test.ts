import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { byteCharacters } from "../../src/tokenizer/bytes.ts";
import { type PatternName, patterns } from "../../src/tokenizer/patterns.ts";
import { translateRegex } from "../../src/tokenizer/regex.ts";
import { crossings } from "../../src/tokenizer/safe-cuts.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { anyText, wellFormed } from "./texts.ts";

const corpus = [
  "the cat sat on the mat, the cats' hats aren't there; it's that they've we'll I'd",
  "aaaa aaaaaaaa abababab abab aab aabb bbaa 1234 12 123123 éé été 漢字漢字 🙂🙂 \n\n  \n   \t\t!!!! ... ¿",
  "a".repeat(40) + " ".repeat(40) + "ab".repeat(20) + "\n".repeat(9) + "é".repeat(9) + "!".repeat(17),
];
const names: readonly PatternName[] = ["gpt2", "llama3", "qwen2"];

/** The obvious way: a regular expression, spellings as strings, and the best merge looked for in the list each time. */
function referenceEncode(tokenizer: Tokenizer, pattern: string, nfc: boolean, text: string): number[] {
  const { model } = tokenizer.toJSON() as { model: { merges: string[] } };
  const normal = nfc ? text.normalize("NFC") : text;
  return [...normal.matchAll(translateRegex(pattern, "test"))].flatMap(([piece]) => {
    let symbols = [...Buffer.from(piece, "utf8")].map((byte) => byteCharacters[byte]!);
    for (;;) {
      const ranks = symbols.slice(1).map((right, i) => model.merges.indexOf(`${symbols[i]} ${right}`));
      const best = Math.min(...ranks.filter((rank) => rank >= 0));
      if (best === Infinity) return symbols.map((symbol) => tokenizer.idOf(symbol)!);
      const at = ranks.indexOf(best);
      symbols = [...symbols.slice(0, at), symbols[at]! + symbols[at + 1]!, ...symbols.slice(at + 2)];
    }
  });
}

describe("byte-level BPE", () => {
  for (const name of names) {
    const tokenizer = trainBpe(corpus, { vocabSize: 360, preTokenizer: name });
    test(`ids of any text are those of the obvious algorithm (${name})`, () => {
      fc.assert(
        fc.property(anyText, (text) => {
          const expected = referenceEncode(tokenizer, patterns[name], name === "qwen2", text);
          assert.deepEqual(tokenizer.encode(text), expected);
          assert.deepEqual(tokenizer.encode(text), expected, "the second time, from the cache");
          assert.deepEqual([...tokenizer.encodeIds(text)], expected, "as a typed array");
        }),
        { numRuns: 300 },
      );
    });

    test(`decoding gives the text back, lone surrogates as U+FFFD (${name})`, () => {
      fc.assert(
        fc.property(anyText, (text) => {
          const expected = wellFormed(name === "qwen2" ? text.normalize("NFC") : text);
          assert.equal(tokenizer.decode(tokenizer.encode(text)), expected);
        }),
      );
    });
  }

  test("the heap for long words gives the ids of the obvious algorithm", () => {
    const tokenizer = trainBpe(corpus, { vocabSize: 360 });
    const words = fc.array(fc.constantFrom("a", "b", "é", "c"), { minLength: 60, maxLength: 300 });
    fc.assert(
      fc.property(words, (letters) => {
        const word = letters.join("");
        assert.deepEqual(tokenizer.encode(word), referenceEncode(tokenizer, patterns.gpt2, false, word));
      }),
      { numRuns: 60 },
    );
  });

  test("long words of several scripts, which are cut where no token crosses, give the ids of the obvious algorithm", () => {
    const scripts = "漢字漢字字漢 кот кота то 漢кот字 éaéb 🙂漢🙂 ab漢 नमस्ते नम म 漢字кот가나 가나다";
    const tokenizer = trainBpe([scripts.repeat(3)], { vocabSize: 330, specialTokens: [] });
    const letters = fc.array(fc.constantFrom(..."漢字котaébनमसते가나다🙂", "\ud83d", "\u{1f642}", "漢字"), {
      minLength: 2,
      maxLength: 60,
    });
    fc.assert(
      fc.property(letters, (parts) => {
        const word = parts.join("");
        const expected = referenceEncode(tokenizer, patterns.gpt2, false, word);
        assert.deepEqual(tokenizer.encode(word), expected);
        assert.deepEqual(tokenizer.encode(word), expected, "the second time, from the cache");
      }),
      { numRuns: 300 },
    );
  });

  test("a million equal characters are encoded in bounded time and come back", () => {
    const tokenizers = [
      trainBpe(corpus, { vocabSize: 360 }),
      trainBpe(corpus, { vocabSize: 360, preTokenizer: "llama3" }),
    ];
    for (const piece of [
      "a",
      "ab",
      " ",
      "^",
      "_",
      "é",
      "\u0301",
      "\u200d",
      "🙂",
      "漢",
      "a ",
      " \n",
      "\r\n",
      "'s",
      "1",
    ]) {
      const text = piece.repeat(1e6 / piece.length);
      for (const one of tokenizers) assert.ok(one.decode(one.encodeIds(text)) === text, JSON.stringify(piece));
    }
  });

  test("a text can be encoded while another tokenizer's result is being read", () => {
    const [one, two] = names.map((preTokenizer) => trainBpe(corpus, { vocabSize: 300, preTokenizer }));
    const before = one!.encode("the cat");
    two!.encode("the mat");
    assert.deepEqual(one!.encode("the cat"), before);
  });

  test("the cache stays right when more words pass than it has room for", () => {
    const tokenizer = trainBpe(corpus, { vocabSize: 360 });
    const words = Array.from({ length: 200_000 }, (_, i) => ` w${i.toString(36)}`);
    const ids = tokenizer.encode(words.join(""));
    assert.equal(tokenizer.decode(ids), words.join(""));
    assert.deepEqual(tokenizer.encode(words[7]!), referenceEncode(tokenizer, patterns.gpt2, false, words[7]!));
  });
});

describe("crossings", () => {
  test("characters that some token holds side by side, whole or in part, may cross; most others may not", () => {
    const crossing = crossings();
    const whole = Buffer.from("a漢字кот é🙂漢");
    for (let from = 0; from < whole.length; from++) {
      const part = new Uint8Array(whole.subarray(from, from + 7));
      crossing.add(part, part.length);
    }
    for (const pair of ["a漢", "漢字", "字к", "ко", "от", "т ", " é"])
      assert.ok(crossing.mayCross(pair.charCodeAt(0), pair.charCodeAt(1)), pair);
    for (const pair of ["ab", "字漢", "то", "漢a", "éк"])
      assert.ok(!crossing.mayCross(pair.charCodeAt(0), pair.charCodeAt(1)), pair);
    assert.ok(crossing.mayCross(0xd83d, 0xde42), "halves of a pair stay together");
  });
});

describe("bytes and spellings", () => {
  const tokenizer = trainBpe(corpus, { vocabSize: 360, specialTokens: ["<|endoftext|>", "<|é|>"] });

  test("every id has a spelling that leads back to it and bytes that make its text", () => {
    for (let id = 0; id < tokenizer.vocabSize; id++) assert.equal(tokenizer.idOf(tokenizer.tokenOf(id)), id);
    assert.equal(tokenizer.tokenOf(tokenizer.encode(" the")[0]!), "Ġthe");
    assert.equal(Buffer.from(tokenizer.tokenBytes(tokenizer.idOf("<|é|>")!)).toString("utf8"), "<|é|>");
    assert.deepEqual([...tokenizer.tokenBytes(tokenizer.idOf("Ġ")!)], [32]);
    assert.equal(tokenizer.idOf("__proto__"), undefined);
  });

  test("the bytes of the ids joined are the bytes of the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = tokenizer.encode(text).flatMap((id) => [...tokenizer.tokenBytes(id)]);
        assert.deepEqual(bytes, [...Buffer.from(text, "utf8")]);
      }),
    );
  });
});

describe("special tokens", () => {
  const tokenizer = trainBpe(corpus, { vocabSize: 360, specialTokens: ["<|end|>", "<|end|>>", "a b"] });
  const [end, longer, spaced] = [0, 1, 2];

  test("spelled in a text they stay text unless allowed", () => {
    assert.ok(tokenizer.encode("x<|end|>").every((id) => id > 2));
    assert.deepEqual(tokenizer.encode("<|end|>", { allowSpecial: true }), [end]);
  });

  test("the longest one wins, wherever they touch", () => {
    const ids = tokenizer.encode("<|end|>><|end|>a b<|end|>>>", { allowSpecial: true });
    assert.deepEqual(ids, [longer, end, spaced, longer, tokenizer.idOf(">")]);
  });

  test("they come back as spelled, or are left out", () => {
    const ids = tokenizer.encode("1a b2", { allowSpecial: true });
    assert.equal(tokenizer.decode(ids), "1a b2");
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), "12");
  });
});

describe("training options", () => {
  test("a text that supports fewer tokens gives a smaller vocabulary", () => {
    assert.equal(trainBpe(["ab ab"], { vocabSize: 5000 }).vocabSize, 259);
    assert.equal(trainBpe([], { vocabSize: 5000, specialTokens: [] }).vocabSize, 256);
  });

  test("progress counts every text and ends at the vocabulary", () => {
    const seen: string[] = [];
    trainBpe(["ab ab", "cd cd"], {
      vocabSize: 259,
      onProgress: (p) =>
        seen.push(p.stage === "count" ? `${p.units} units, ${p.words} words` : `${p.vocabSize}/${p.target}`),
    });
    assert.deepEqual(seen, ["5 units, 2 words", "10 units, 4 words", "258/259", "259/259"]);
  });

  const refused: readonly [what: string, options: object, message: RegExp][] = [
    ["a vocabulary without room for the bytes", { vocabSize: 256 }, /vocabSize: got 256, expected an integer from 257/],
    ["a vocabulary of a broken size", { vocabSize: 300.5 }, /vocabSize: got 300.5/],
    ["a vocabulary of no size", {}, /vocabSize: got undefined/],
    ["a huge vocabulary", { vocabSize: 2 ** 31 }, /vocabSize/],
    ["an unknown pattern", { vocabSize: 300, preTokenizer: "toString" }, /preTokenizer: got "toString"/],
    ["an empty special token", { vocabSize: 300, specialTokens: [""] }, /specialTokens\[0\]/],
    ["a special token twice", { vocabSize: 300, specialTokens: ["a", "a"] }, /specialTokens\[1\].*second time/],
    ["a negative frequency", { vocabSize: 300, minFrequency: -1 }, /minFrequency: got -1/],
  ];
  for (const [what, options, message] of refused) {
    test(`${what} is refused`, () => {
      assert.throws(() => trainBpe(["a"], options as { vocabSize: number }), { code: "BAD_OPTION", message });
    });
  }
});
