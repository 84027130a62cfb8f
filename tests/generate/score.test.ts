import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { openModel } from "../../src/generate/load.ts";
import { tokenLogprobs } from "../../src/generate/score.ts";
import { readWholeText, scoreCsv, scoreIds, scoreText } from "../../src/generate/score-text.ts";
import { host } from "../../src/host/node.ts";
import { ownlm } from "../cli/world.ts";
import { repoRoot } from "../helpers/paths.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder, temporaryFolder } from "./folders.ts";

interface Golden {
  readonly model: string;
  readonly window: number;
  readonly stride: number;
  readonly ids: readonly number[];
  /** By transformers' own loss. */
  readonly perplexity: number;
  readonly logprobs: readonly (number | null)[];
}

const GOLDEN: readonly Golden[] = JSON.parse(
  readFileSync(path.join(repoRoot, "tests/golden/score/strided.json"), "utf8"),
);

const open = (folder: string, context?: number) => openModel(host, runtime!, folder, { threads: 1, context });

describe("a text scored through windows", { skip: skipWithoutRuntime }, () => {
  for (const { model, window, stride, ids, perplexity, logprobs } of GOLDEN)
    test(`of ${window} every ${stride} tokens has transformers' log probabilities and perplexity, ${model}`, async () => {
      using opened = await open(path.join(repoRoot, "tests/golden/models", model), window);
      const got = await scoreIds(opened, ids, { stride });
      assert.deepEqual(
        got.logprobs.map((each) => each === null),
        logprobs.map((each) => each === null),
      );
      for (const [i, expected] of logprobs.entries())
        assert.ok(Math.abs((got.logprobs[i] ?? 0) - (expected ?? 0)) < 2e-5, `${i}: ${got.logprobs[i]}, ${expected}`);
      assert.ok(Math.abs(got.perplexity / perplexity - 1) < 1e-5, `${got.perplexity}, ${perplexity}`);
    });

  const folder = modelFolder("llama", { context: 32 });

  /** Every window from nothing, and the log probability of a token where the first window that has something before it says it. */
  async function plainly(ids: readonly number[], window: number, stride: number): Promise<(number | undefined)[]> {
    using opened = await open(folder);
    using loan = opened.borrow();
    const logprobs = new Array<number | undefined>(ids.length).fill(undefined);
    for (let start = 0, done = 0; done < ids.length; start += stride) {
      const end = Math.min(start + window, ids.length);
      for (let i = Math.max(done, start + 1); i < end; i++) {
        loan.engine.truncate(0);
        const logits = Float64Array.from(await loan.engine.append(ids.slice(start, i)));
        const most = Math.max(...logits);
        logprobs[i] = logits[ids[i]!]! - most - Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
      }
      done = end;
    }
    return logprobs;
  }

  test("is scored as by a window from nothing for every token", async () => {
    const shapes = fc
      .tuple(
        fc.integer({ min: 2, max: 32 }),
        fc.array(fc.integer({ min: 0, max: 288 }), { minLength: 2, maxLength: 50 }),
      )
      .chain(([window, ids]) => fc.tuple(fc.constant(window), fc.integer({ min: 1, max: window }), fc.constant(ids)));
    await fc.assert(
      fc.asyncProperty(shapes, async ([window, stride, ids]) => {
        const expected = await plainly(ids, window, stride);
        using opened = await open(folder, window);
        using loan = opened.borrow();
        const got = await tokenLogprobs(loan.engine, ids, { stride });
        assert.equal(got.length, expected.length);
        for (const [i, one] of expected.entries()) {
          assert.equal(got[i] === undefined, one === undefined);
          assert.ok(Math.abs((got[i] ?? 0) - (one ?? 0)) < 1e-4, `${i}: ${got[i]} and ${one}`);
        }
      }),
      { numRuns: 12 },
    );
  });

  test("says how far it is, and stops on request", async () => {
    using opened = await open(folder, 8);
    const seen: string[] = [];
    const ids = Array.from({ length: 20 }, (_, i) => i);
    await scoreIds(opened, ids, { stride: 4, onProgress: (done, total) => seen.push(`${done}/${total}`) });
    assert.deepEqual(seen, ["8/20", "12/20", "16/20", "20/20"]);
    await assert.rejects(scoreIds(opened, ids, { signal: AbortSignal.abort() }), { code: "ABORTED" });
  });

  test("refuses windows that leave out tokens", async () => {
    using opened = await open(folder, 8);
    for (const stride of [9, 0, -1, 1.5, Number.NaN])
      await assert.rejects(scoreText(opened, "the cat", { stride }), {
        code: "BAD_OPTION",
        message: /stride.*8 tokens/,
      });
  });
});

describe("a score's tokens as comma-separated values", () => {
  test("are quoted by RFC 4180", () => {
    const tokens = [
      { id: 5, text: 'a "b",\n', logprob: null },
      { id: 6, text: " c", logprob: Math.log(0.5) },
    ];
    assert.equal(
      scoreCsv({ tokens }),
      `position,id,text,logprob,probability,bits\r\n0,5,"a ""b"",\n",,,\r\n1,6," c",${Math.log(0.5)},0.5,1\r\n`,
    );
  });
});

describe("ownlm score --file", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("gpt2");
  const file = path.join(temporaryFolder(), "story.txt");
  const story = "the cat sat on the mat; the dog sat on the cat. ".repeat(12);
  writeFileSync(file, story);

  test("gives what the text itself gives", async () => {
    const byFile = (await ownlm(["score", folder, "--file", file, "--json"])).json();
    assert.deepEqual(byFile, (await ownlm(["score", folder, "-", "--json"], { stdin: story })).json());
    assert.equal(byFile.window, 64);
    assert.equal(byFile.stride, 32);
    assert.ok((byFile.scoredTokens as number) > 64);
  });

  test("shows the greatest surprises, and perplexity through windows", async () => {
    const { stdout } = await ownlm(["score", folder, "--file", file, "--stride", "16"]);
    assert.match(stdout, /^The greatest surprises:\n( *[\d.]+ bits {2}token [\d,]+ {2}".*" then ".*"\n){10}\n/);
    assert.match(stdout, /over [\d,]+ tokens, in windows of 64 every 16\nperplexity [\d.]+, [\d.]+ bits per byte\n$/);
  });

  test("writes a line for each token with --csv, whose bits add up", async () => {
    const { stdout } = await ownlm(["score", folder, "--file", file, "--csv"]);
    const [header, first, ...rows] = stdout.trimEnd().split("\r\n");
    assert.equal(header, "position,id,text,logprob,probability,bits");
    assert.match(first!, /^0,\d+,".*",,,$/);
    const bits = rows.reduce((sum, row) => sum + Number(row.split(",").at(-1)), 0);
    const { logprob } = (await ownlm(["score", folder, "--file", file, "--json"])).json();
    assert.ok(Math.abs(bits + (logprob as number) / Math.LN2) < 1e-6 * bits);
  });

  test("refuses two texts, two forms, and files that are none or no text", async () => {
    const run = async (...args: string[]) => ownlm(["score", folder, ...args]);
    assert.match((await run("the", "--file", file)).stderr, /got a text and --file/);
    assert.match((await run("the", "--csv", "--json")).stdout, /--csv and --json/);
    assert.match((await run("--file", "no-such-file")).stderr, /no-such-file: there is no such file/);
    assert.match((await run("--file", folder)).stderr, /is no file/);
    assert.match((await run("--file", file, "--stride", "65")).stderr, /stride: got 65.*64 tokens/);
    const broken = path.join(temporaryFolder(), "broken.txt");
    writeFileSync(broken, Uint8Array.of(0x61, 0xff));
    assert.throws(() => readWholeText(host, broken), { code: "BAD_TEXT", message: /not UTF-8/ });
    assert.ok(existsSync(broken));
  });
});
