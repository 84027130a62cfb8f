import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createConversation } from "../../src/cli/conversation.ts";
import { markdownPainter } from "../../src/cli/markdown.ts";
import { palette } from "../../src/cli/terminal.ts";
import { withoutColor } from "../../src/cli/text.ts";
import { host } from "../../src/host/node.ts";
import { openLocal } from "../../src/serve/open.ts";
import { modelFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder } from "../serve/servers.ts";
import { ownlm } from "./world.ts";

describe("Markdown in a terminal", () => {
  const paint = palette(true);
  const all = (text: string) => {
    const painter = markdownPainter(paint);
    return painter.push(text) + painter.end();
  };

  test("is painted, its marks taken out", () => {
    assert.equal(all("a **b** `c`"), `a ${paint.bold("b")} ${paint.cyan("c")}`);
    assert.equal(all("## H\nx"), `${paint.bold("## H")}\nx`);
    assert.equal(
      all("```ts\na ** b `c`\n```\n"),
      `${paint.dim("```ts\n")}${paint.cyan("a ** b `c`")}\n${paint.dim("```\n")}`,
    );
    assert.equal(all("2 * 3 * 4, a_b_c"), "2 * 3 * 4, a_b_c");
  });

  test("loses no letter, and is the same however it is cut", () => {
    const markdown = fc
      .array(fc.constantFrom("a", "**", "*", "`", "```", "\n", "# ", " ", "x y"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(markdown, fc.array(fc.nat(40)), (text, cuts) => {
        const painter = markdownPainter(paint);
        const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, i) => painter.push(text.slice(places[i], end)));
        const cut = withoutColor(pieces.join("") + painter.end());
        assert.equal(cut, withoutColor(all(text)));
        assert.equal(cut.replace(/[*`]/g, ""), text.replace(/[*`]/g, ""));
      }),
    );
  });

  test("is left alone where there are no colours", () => {
    const painter = markdownPainter(palette(false));
    assert.equal(painter.push("**a** `b`") + painter.end(), "**a** `b`");
  });
});

describe("ownlm chat", { skip: skipWithoutRuntime }, () => {
  const folder = chatFolder();

  test("answers each line of a pipe, knowing those before", async () => {
    const args = ["chat", folder, "-n", "6", "--temperature", "0"];
    const { status, stdout } = await ownlm([...args, "--json"], { stdin: "the cat\nthe dog\n" });
    assert.equal(status, 0);
    const [first, second] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(first.role, "assistant");
    assert.ok(second.usage.promptTokens > first.usage.promptTokens);
    assert.ok(second.usage.cachedTokens >= first.usage.promptTokens);
    assert.equal((await ownlm(args, { stdin: "the cat\n" })).stdout, `${first.content}\n`);
    assert.equal((await ownlm([...args, "the cat"])).stdout, `${first.content}\n`);
  });

  test("refuses a model that knows no chats, and says what to do", async () => {
    const { status, stderr } = await ownlm(["chat", modelFolder("llama"), "hi"]);
    assert.equal(status, 1);
    assert.match(stderr, /has no chat template.*Try ownlm generate, or ownlm tune/);
  });

  const conversation = async (settings: { onForget?: (turns: number) => void; maxNewTokens?: number } = {}) => {
    const backend = await openLocal(host, { path: folder, model: {}, slots: 1, queue: 1 });
    const { onForget = () => {}, maxNewTokens = 20 } = settings;
    const options = { temperature: 0, maxNewTokens, logitBias: [[0, -100]] } as const;
    return { backend, chat: createConversation(backend, { system: "s", options, onForget }) };
  };
  const never = new AbortController().signal;

  test("keeps an answer that was stopped as far as it came, and goes on", async () => {
    const { backend, chat } = await conversation({ maxNewTokens: 200 });
    const stop = new AbortController();
    let shown = "";
    const made = await chat.ask("the cat", stop.signal, (piece) => {
      shown += piece;
      if (shown.length > 5) stop.abort();
    });
    assert.equal(made.finishReason, "abort");
    assert.ok(made.completionTokens < 200);
    assert.deepEqual(chat.turns.at(-1), { role: "assistant", content: shown });
    assert.equal(chat.takeBack(), "the cat");
    assert.deepEqual(chat.turns, [{ role: "system", content: "s" }]);
    await backend.dispose();
  });

  test("forgets the oldest turns where the context is full, never the system's word", async () => {
    let forgotten = 0;
    const { backend, chat } = await conversation({
      onForget: (turns) => {
        forgotten += turns;
      },
    });
    for (let i = 0; i < 12; i++) await chat.ask("the cat sat on the mat", never, () => {});
    assert.ok(forgotten > 0);
    assert.equal(chat.turns[0]!.role, "system");
    assert.equal(chat.turns.length, 1 + 24 - forgotten);
    await assert.rejects(
      chat.ask("cat ".repeat(1000), never, () => {}),
      { code: "CONTEXT_OVERFLOW" },
    );
    await backend.dispose();
  });
});
