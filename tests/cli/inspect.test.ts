import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { verbHelp } from "../../src/cli/help.ts";
import { displayWidth } from "../../src/cli/text.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { modelFolder, temporaryFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { ownlm } from "./world.ts";

describe("--quantize", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const calls = [["generate", "-n", "2"], ["score"], ["next"]] as const;
  for (const [verb, ...rest] of calls)
    test(`is taken by ${verb}, and 3 bits are refused`, async () => {
      const run = (bits: string) => ownlm([verb, folder, "the cat", ...rest, "--quantize", bits, "--json"]);
      assert.equal((await run("4")).status, 0);
      assert.match((await run("3")).stdout, /--quantize: got .*3.*expected 4 or 8/);
    });
});

describe("ownlm score", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("gpt2");

  test("has the JSON that tools rely on", async () => {
    const { tokens, logprob, perplexity, bitsPerByte } = (
      await ownlm(["score", folder, "the cat sat", "--json"])
    ).json();
    const list = tokens as { id: number; text: string; logprob: number | null }[];
    assert.deepEqual(
      list.map(({ text }) => text),
      ["the", " cat", " sat"],
    );
    assert.equal(list[0]!.logprob, null);
    const sum = list.slice(1).reduce((all, token) => all + token.logprob!, 0);
    assert.ok(Math.abs((logprob as number) - sum) < 1e-9);
    assert.ok(Math.abs((perplexity as number) / Math.exp(-sum / 2) - 1) < 1e-9);
    assert.ok(Math.abs((bitsPerByte as number) - -sum / Math.LN2 / " cat sat".length) < 1e-9);
  });

  test("shows a row for each token, within the terminal", async () => {
    const { stdout } = await ownlm(["score", folder, "the cat\nsat é", "--bos"], { columns: 50 });
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines.slice(0, -3)) assert.ok(displayWidth(line) < 50, line);
    assert.match(stdout, /"\\n"/);
    assert.match(stdout, /"<c3>"/);
    assert.match(stdout, /log P = -\d+\.\d+ .* over 7 tokens\nperplexity/);
  });

  test("says why a single token has no score", async () => {
    const { status, stderr } = await ownlm(["score", folder, "a"]);
    assert.equal(status, 1);
    assert.match(stderr, /got one token, expected 2 at least.*bos/);
    assert.equal((await ownlm(["score", folder, "a", "--bos"])).status, 0);
  });
});

describe("ownlm next", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("gpt2");

  test("has the JSON that tools rely on, most probable first", async () => {
    const { candidates } = (await ownlm(["next", folder, "the cat", "--top", "4", "--json"])).json();
    const list = candidates as { id: number; text: string; probability: number; logprob: number }[];
    assert.equal(list.length, 4);
    for (const [i, { id, text, probability, logprob }] of list.entries()) {
      assert.ok(Number.isInteger(id) && typeof text === "string");
      assert.ok(Math.abs(Math.exp(logprob) - probability) < 1e-12);
      assert.ok(i === 0 || probability <= list[i - 1]!.probability);
    }
  });

  test("draws bars and tells what is left", async () => {
    const { stdout } = await ownlm(["next", folder, "the cat", "-n", "3"], { columns: 60 });
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.match(lines[0]!, /^".*" +\d+\.\d% █+/);
    assert.match(lines[3]!, /^\d+\.\d% for all other tokens$/);
    for (const line of lines) assert.ok(displayWidth(line) < 60);
  });
});

describe("ownlm tokenize", () => {
  const folder = modelFolder("gpt2");

  test("has the JSON that tools rely on, from an operand or standard input", async () => {
    const expected = { ids: [259, 263], tokens: ["the", "Ġcat"] };
    assert.deepEqual((await ownlm(["tokenize", folder, "the cat", "--json"])).json(), expected);
    assert.deepEqual((await ownlm(["tokenize", folder, "--stdin", "--json"], { stdin: "the cat" })).json(), expected);
    assert.deepEqual((await ownlm(["tokenize", folder, "-", "--json"], { stdin: "the cat" })).json(), expected);
    const file = path.join(folder, "tokenizer.json");
    assert.deepEqual((await ownlm(["tokenize", file, "the cat", "--json"])).json(), expected);
    assert.deepEqual((await ownlm(["tokenize", folder, "", "--json"])).json(), { ids: [], tokens: [] });
  });

  test("keeps every byte of standard input", async () => {
    const stdin = " the\r\ncat\n\n";
    const { ids } = (await ownlm(["tokenize", folder, "--stdin", "--json"], { stdin })).json();
    const decoded = await ownlm(["tokenize", folder, "--decode", (ids as number[]).join(" "), "--json"]);
    assert.equal(decoded.json().text, stdin);
  });

  test("leaves special tokens out on request", async () => {
    const json = JSON.parse(readFileSync(path.join(folder, "tokenizer.json"), "utf8"));
    const special = { id: "<|endoftext|>", ids: [0], tokens: ["<|endoftext|>"] };
    json.post_processor = {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: special.id, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { [special.id]: special },
    };
    const file = path.join(temporaryFolder(), "tokenizer.json");
    writeFileSync(file, JSON.stringify(json));
    assert.deepEqual((await ownlm(["tokenize", file, "the", "--json"])).json().ids, [0, 259]);
    assert.deepEqual((await ownlm(["tokenize", file, "the", "--json", "--no-special"])).json().ids, [259]);
  });

  test("shows each token with its id", async () => {
    const { stdout } = await ownlm(["tokenize", folder, "the é"]);
    assert.deepEqual(stdout.split("\n"), [
      '259 "the"',
      '221 " "',
      '128 "<c3>"',
      '103 "<a9>"',
      "4 tokens, 6 bytes (1.50 bytes a token)",
      "",
    ]);
  });

  test("refuses ids that are none and two texts at once", async () => {
    for (const ids of ["x", "1.5", "-3", "99999999999"]) {
      const { status, stderr } = await ownlm(["tokenize", folder, "--decode", "--", ids]);
      assert.equal(status, 2, stderr);
    }
    assert.equal((await ownlm(["tokenize", folder, "--decode", "9999"])).status, 1);
    assert.equal((await ownlm(["tokenize", folder, "text", "--stdin"])).status, 2);
  });
});

describe("ownlm tokenizer train", () => {
  const text = path.join(temporaryFolder(), "text.txt");
  writeFileSync(text, "the cat sat on the mat. ".repeat(50));

  test("writes a tokenizer that tokenize reads", async () => {
    const out = path.join(temporaryFolder(), "new/tokenizer");
    const trained = await ownlm(["tokenizer", "train", text, "--out", out, "--vocab", "265", "--json"]);
    assert.deepEqual(trained.json(), { out, type: "bpe", vocabSize: 265 });
    const { ids } = (await ownlm(["tokenize", out, "the cat", "--json"])).json();
    assert.deepEqual((await ownlm(["tokenize", out, "--decode", String(ids), "--json"])).json().text, "the cat");
    const config = JSON.parse(readFileSync(path.join(out, "tokenizer_config.json"), "utf8"));
    assert.equal(config.eos_token, "<|endoftext|>");
  });

  test("makes a token of each character on request", async () => {
    const out = temporaryFolder();
    const { vocabSize } = (await ownlm(["tokenizer", "train", text, "--out", out, "--type", "char", "--json"])).json();
    assert.equal(vocabSize, new Set("the cat sat on the mat. ").size + 1);
  });

  test("never writes over a tokenizer", async () => {
    const out = temporaryFolder();
    writeFileSync(path.join(out, "tokenizer.json"), "mine");
    const { status, stderr } = await ownlm(["tokenizer", "train", text, "--out", out]);
    assert.equal(status, 1);
    assert.match(stderr, /tokenizer\.json: exists already/);
    assert.equal(readFileSync(path.join(out, "tokenizer.json"), "utf8"), "mine");
  });

  test("writes nothing when it cannot be done", async () => {
    const out = path.join(temporaryFolder(), "out");
    assert.equal((await ownlm(["tokenizer", "train", `${text}x`, "--out", out])).status, 1);
    assert.equal((await ownlm(["tokenizer", "train", text])).status, 2);
    assert.equal((await ownlm(["tokenizer", "train", text, "--out", out, "--vocab", "5"])).status, 2);
    assert.ok(!existsSync(out));
  });
});

describe("ownlm bench", { skip: skipWithoutRuntime }, () => {
  test("has the JSON that tools rely on", async () => {
    const args = ["bench", modelFolder("llama"), "-p", "16", "-n", "4", "-r", "2", "--threads", "1"];
    const { pp, tg, threads, readBandwidthFraction, model } = (await ownlm([...args, "--json"])).json();
    assert.deepEqual([(pp as { tokens: number }).tokens, (tg as { tokens: number }).tokens, threads], [16, 4, 1]);
    assert.ok((readBandwidthFraction as number) > 0);
    assert.equal(model, args[1]);
    assert.match(
      (await ownlm(args)).stdout,
      /^.*, 1 thread\ntest +tokens\/s\npp16 +\d+\.\d\d ± .*\ntg4 .*\n.*GB\/s.*\n$/,
    );
  });

  test("says that a model is needed", async () => {
    const { status, stderr } = await ownlm(["bench"]);
    assert.equal(status, 2);
    assert.match(stderr, /got no model/);
  });
});

describe("the help of every verb", () => {
  for (const verb of VERBS)
    test(`of ${verb.name} has an example of it, of options that there are`, () => {
      assert.ok(verb.examples.length > 0);
      const flags = [...verbHelp(verb).matchAll(/--[a-z-]+/g)].map(([flag]) => flag);
      for (const [command] of verb.examples) {
        assert.match(command, new RegExp(`\\bownlm ${verb.name}\\b`));
        for (const [flag] of command.matchAll(/--[a-z-]+/g))
          assert.ok(flags.filter((f) => f === flag).length > 1, flag);
      }
    });
});
