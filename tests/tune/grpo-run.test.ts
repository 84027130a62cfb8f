import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { loadRewards } from "../../src/cli/reward-files.ts";
import { host } from "../../src/host/node.ts";
import type { TuneEvent } from "../../src/tune/events.ts";
import type { Rewards } from "../../src/tune/objectives/rewards.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { file, lines, newOut, PAIRS, stopAt, tuned, weights } from "./tuning.ts";

const prompts = file("prompts.jsonl", lines(PAIRS.map(({ prompt, completion }) => ({ prompt, answer: completion }))));
/** The part of an answer's characters that are zeros. */
const source =
  "export const zeros = (prompt, completions) => completions.map((text) => text.split('0').length / (text.length + 1));\n";
const score = file("score.mjs", source);
const GRPO: TuneOptions = {
  objective: "grpo",
  ...{ group: 4, answerTokens: 4, batch: 2, steps: 6, checkpointEvery: 2, lr: 3e-3, warmup: 0, method: "full" },
};

const rewardsOf = (events: readonly TuneEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [event.metrics!.reward!] : []));

describe("a run that learns from rewards", { skip: skipWithoutRuntime }, () => {
  test("writes more of what a module's function scores high, with adapters and with all weights", async () => {
    for (const method of ["full", "lora"] as const) {
      const options = { ...GRPO, method, lr: method === "full" ? 3e-3 : 3e-2, steps: 40, reward: [score] };
      const { events, done } = await tuned(newOut(), options, { loadRewards }, [prompts]);
      const rewards = rewardsOf(events);
      const mean = (of: number[]) => of.reduce((sum, x) => sum + x, 0) / of.length;
      const [before, after] = [mean(rewards.slice(0, 5)), mean(rewards.slice(-5))];
      assert.ok(after > before + 0.1, `${method}: rewards ${before} before, ${after} after`);
      assert.equal(done.result, method === "full" ? "model" : "adapter");
    }
  });

  test("is told of the record", async () => {
    const told = new Set<string>();
    const exact: Rewards[string] = (prompt, completions, { answer }) => {
      told.add(`${prompt}${answer}`);
      return completions.map((text) => (text.startsWith(String(answer)) ? 1 : 0));
    };
    await tuned(newOut(), { ...GRPO, steps: 1 }, { rewards: { exact } }, [prompts]);
    const known = new Set(PAIRS.map(({ prompt, completion }) => `${prompt}${completion}`));
    assert.ok(told.size >= 2 && [...told].every((each) => known.has(each)));
  });

  test("goes on to the last bit after it was broken off", async () => {
    const [whole, broken] = [newOut(), newOut()];
    const options = { ...GRPO, reward: [score] };
    const { events } = await tuned(whole, options, { loadRewards }, [prompts]);
    await stopAt(broken, (event) => event.event === "step" && event.step === 3, options, { loadRewards }, [prompts]);
    await tune(host, runtime!, {}, { out: broken, resume: true }, { loadRewards });
    assert.deepEqual(weights(broken), weights(whole));
    const logged = readFileSync(path.join(broken, "log.jsonl"), "utf8").trim().split("\n");
    assert.deepEqual(rewardsOf(logged.map((line) => JSON.parse(line))), rewardsOf(events));
  });

  test("refuses to begin where nothing scores, and to leave no room for a prompt", async () => {
    await assert.rejects(tuned(newOut(), GRPO, {}, [prompts]), {
      code: "BAD_OPTION",
      message: /^reward: got no function/,
    });
    await assert.rejects(tuned(newOut(), { ...GRPO, reward: [score], answerTokens: 63 }, { loadRewards }, [prompts]), {
      code: "BAD_OPTION",
      message: /^answerTokens: got 63, expected at most 62/,
    });
  });

  test("refuses options of other objectives", async () => {
    await assert.rejects(tuned(newOut(), { ...GRPO, gamma: 1 }), { code: "BAD_OPTION", message: /^gamma/ });
    await assert.rejects(tuned(newOut(), { group: 4 }), {
      code: "BAD_OPTION",
      message: /^group: is of objective grpo/,
    });
  });
});

describe("modules of reward functions", () => {
  test("give every function they export by its name, a default one by the file's", async () => {
    const both = file(
      "both.mjs",
      "export default () => [1];\nexport const short = () => [2];\nexport const limit = 3;\n",
    );
    assert.deepEqual(Object.keys(await loadRewards([both, score])).sort(), ["both", "short", "zeros"]);
  });

  for (const [says, name, content, expected] of [
    ["exports none", "none.mjs", "export const limit = 3;\n", { code: "BAD_OPTION", message: /exports no function/ }],
    ["does not parse", "wrong.mjs", "export const = ;\n", { code: "BAD_OPTION", message: /cannot be run/ }],
  ] as const)
    test(`are refused where one ${says}`, async () => {
      await assert.rejects(loadRewards([file(name, content)]), expected);
    });

  test("are refused where one is not there, or exports what another does", async () => {
    await assert.rejects(loadRewards(["no-such-file.mjs"]), { code: "NOT_FOUND" });
    const again = file("again.mjs", source);
    await assert.rejects(loadRewards([score, again]), {
      code: "BAD_OPTION",
      message: /exports zeros, as a file before/,
    });
  });
});
