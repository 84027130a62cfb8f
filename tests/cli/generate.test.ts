import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { modelFolder, temporaryFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { ownlm } from "./world.ts";

const ESC = String.fromCharCode(27);

describe("ownlm generate", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const generate = ["generate", folder];

  test("writes the continuation and a line end, the same for the same seed", async () => {
    const { status, stdout, stderr } = await ownlm([...generate, "the cat", "--seed", "1", "-n", "8"]);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /\n$/);
    assert.equal((await ownlm([...generate, "the cat", "--seed", "1", "-n", "8"])).stdout, stdout);
    const { text } = (await ownlm([...generate, "the cat", "--seed", "1", "-n", "8", "--json"])).json();
    assert.equal(stdout, `${text}\n`);
  });

  test("has the JSON that tools rely on", async () => {
    const result = await ownlm([...generate, "the cat", "--json", "-t", "0", "-n", "4"]);
    const { text, ids, promptIds, finishReason, usage, ...rest } = result.json();
    assert.equal(typeof text, "string");
    assert.deepEqual([(ids as number[]).length, promptIds], [4, [259, 263]]);
    assert.equal(finishReason, "length");
    assert.deepEqual(usage, { promptTokens: 2, completionTokens: 4 });
    assert.deepEqual(rest, {});
    assert.equal(result.stdout.trim().split("\n").length, 1);
  });

  test("continues each prompt of a file, in lines or JSON lines, as it does alone", async () => {
    const [lines, jsonl] = ["prompts.txt", "prompts.jsonl"].map((name) => path.join(temporaryFolder(), name));
    writeFileSync(lines!, "the cat\n\nthe dog sat\nOnce\n");
    writeFileSync(jsonl!, '{"prompt":"the cat"}\n{"prompt":"the dog sat","id":4}\n{"prompt":"Once"}\n');
    const options = ["-n", "5", "--temperature", "0"];
    const { status, stdout, stderr } = await ownlm([...generate, "--prompts", lines!, "--batch", "2", ...options]);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal((await ownlm([...generate, "--prompts", jsonl!, ...options])).stdout, stdout);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const [i, prompt] of ["the cat", "the dog sat", "Once"].entries()) {
      const alone = (await ownlm([...generate, prompt, "--json", ...options])).json();
      assert.deepEqual(rows[i], { index: i, prompt, ...alone });
    }
    for (const [args, says] of [
      [["--prompts", "nowhere.txt"], /nowhere\.txt: there is no such file/],
      [["the", "--prompts", lines!], /expected one of them/],
    ] as const) {
      const bad = await ownlm([...generate, ...args]);
      assert.notEqual(bad.status, 0);
      assert.match(bad.stderr, says);
    }
    writeFileSync(jsonl!, '{"prompt":"the cat"}\n{"text":"x"}\n');
    assert.match((await ownlm([...generate, "--prompts", jsonl!])).stderr, /line 2: prompt: got/);
  });

  test("has a flag for every rule, and shows several continuations one after the other", async () => {
    const several = [...generate, "the cat", "-n", "6", "--num-return-sequences", "2", "--seed", "5"];
    const sequences = (await ownlm([...several, "--json"])).json().sequences as { text: string }[];
    assert.equal(sequences.length, 2);
    const shown = (await ownlm(several)).stdout.trimEnd();
    assert.equal(shown, `${sequences[0]!.text}\n\n---\n\n${sequences[1]!.text}`.trimEnd());
    const args = [...generate, "the cat", "--json", "-n", "6", "-t", "0", "--logit-bias", "7=1000"];
    assert.deepEqual((await ownlm([...args, "--suppress-tokens", "8,9"])).json().ids, [7, 7, 7, 7, 7, 7]);
    const rules = "--bad-words-ids 7 --no-repeat-ngram-size 2 --exponential-decay-length-penalty 2,1.1".split(" ");
    const both = (await ownlm([...args, "--logit-bias", "1,8=3", "--logprobs", "1", ...rules])).json();
    assert.ok(!(both.ids as number[]).includes(7));
    assert.equal((both.logprobs as unknown[]).length, 6);
    const search = [
      "--num-beams",
      "3",
      "--num-return-sequences",
      "2",
      "--early-stopping",
      "never",
      "--length-penalty",
      "0.5",
    ];
    const beams = (await ownlm([...generate, "the cat", "--json", "-n", "6", ...search])).json();
    const [best, second] = beams.sequences as { score: number }[];
    assert.ok(best!.score >= second!.score);
    const wrong = await ownlm([...args, "--logit-bias", "seven"]);
    assert.match(wrong.stdout, /--logit-bias.*token ids and a number/);
  });

  test("shows the prompt on a terminal, and nothing that could command it", async () => {
    // Random weights give every byte soon.
    const args = [...generate, `the${ESC}[31m`, "-t", "3", "-n", "60", "--seed", "4"];
    const bytes = (await ownlm(args)).stdout;
    const { stdout } = await ownlm(args, { columns: 80, env: { NO_COLOR: "1" } });
    assert.match(stdout, /^the\[31m/);
    const control = [...stdout].filter((c) => c.charCodeAt(0) < 32 && c !== "\n" && c !== "\t");
    assert.deepEqual(control, []);
    assert.ok(
      [...bytes].some((c) => c.charCodeAt(0) < 32 && c !== "\n" && c !== "\t"),
      "the seed gives none to remove",
    );
  });

  test("reads a prompt from standard input, less the line end that echo adds", async () => {
    const { promptIds } = (await ownlm([...generate, "-", "--json", "-n", "1"], { stdin: "the cat\n" })).json();
    assert.deepEqual(promptIds, [259, 263]);
    const bad = await ownlm([...generate, "-"], { stdin: Uint8Array.of(0xff) });
    assert.deepEqual([bad.status, bad.stdout], [1, ""]);
    assert.match(bad.stderr, /not UTF-8/);
  });

  test("ends at a stop text", async () => {
    const { text } = (await ownlm([...generate, "the", "--json", "-t", "0", "-n", "6"])).json();
    const stop = (text as string).slice(2, 4);
    const cut = (await ownlm([...generate, "the", "--json", "-t", "0", "-n", "6", "--stop", stop])).json();
    assert.equal(cut.finishReason, "stop");
    assert.equal(cut.text, (text as string).slice(0, (text as string).indexOf(stop)));
  });

  test("keeps what was made when it is stopped", async () => {
    const controller = new AbortController();
    const args = [...generate, "the", "-n", "50", "-t", "0"];
    const whole = (await ownlm(args)).stdout;
    const onOutput = () => controller.abort();
    const { status, stdout, stderr } = await ownlm(args, { signal: controller.signal, onOutput });
    assert.equal(status, 130);
    assert.ok(stdout.length < whole.length && whole.startsWith(stdout.trimEnd()) && stdout.endsWith("\n"));
    assert.match(stderr, /^ownlm: stopped.*\n$/);
    const json = (await ownlm([...args, "--json"], { signal: AbortSignal.abort() })).json();
    assert.deepEqual([json.finishReason, json.ids], ["abort", []]);
  });

  test("says in a line what is wrong, and how to call it", async () => {
    const cases: readonly [args: string[], status: number, message: RegExp][] = [
      [["Once"], 2, /Once: there is no such folder, and this version has no model in the box.*ownlm train/],
      [[folder], 2, /no prompt\. Try: ownlm generate/],
      [[], 2, /got no operand/],
      [[folder, "a", "b"], 2, /got 3 operands/],
      [[`${folder}x`, "a"], 1, /there is no such file or folder/],
      [[folder, "a", "--temperature", "hot"], 2, /--temperature: got "hot"/],
      [[folder, "a", "--top-p", "2"], 2, /--top-p: got 2, expected a number from 0 to 1/],
      [[folder, "the ".repeat(80)], 1, /prompt: got \d+ tokens, expected less than the context of 64/],
      [[folder, "a", "--context", "65"], 2, /65/],
    ];
    for (const [args, status, message] of cases) {
      const result = await ownlm(["generate", ...args]);
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stdout, "");
      assert.equal(result.stderr.trimEnd().split("\n").length, 1);
      const json = await ownlm(["generate", ...args, "--json"]);
      assert.equal(json.status, status);
      const { code, message: told } = json.json().error as { code: string; message: string };
      assert.match(code, /^[A-Z_]+$/);
      assert.match(told, message);
    }
  });
});
