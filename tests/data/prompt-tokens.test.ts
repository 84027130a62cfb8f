import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PromptExample } from "../../src/data/example.ts";
import { tokenizePrompt } from "../../src/data/prompt-tokens.ts";
import { exampleOf, recogniseShape } from "../../src/data/shapes.ts";
import { tokenizeExamples } from "../../src/data/tokenize-examples.ts";
import { chatTokenizer } from "../../src/tokenizer/chat.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";

const TEMPLATE =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const plain = trainBpe(["What is one and one? Two. user assistant\n\n"], {
  vocabSize: 300,
  preTokenizer: "llama3",
  specialTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
});
const tokenizer = chatTokenizer(plain, new Map([["default", TEMPLATE]]), "model", { eos_token: "<|endoftext|>" });
const promptOf = (record: Record<string, unknown>) =>
  exampleOf(record as never, "prompt", "asked.jsonl: line 1") as PromptExample;

describe("prompts", () => {
  test("are records of a prompt and nothing that is learnt otherwise", () => {
    assert.equal(recogniseShape([{ prompt: "a", answer: "b" }], "f"), "prompt");
    assert.equal(recogniseShape([{ prompt: "a", completion: "b" }], "f"), "completion");
  });

  test("keep the whole record for whoever scores the answers", () => {
    const record = { prompt: "one and one", answer: 2 };
    assert.deepEqual(promptOf(record).record, record);
  });

  test("of chats end where the assistant begins, without the answer that the data has", () => {
    const asked = promptOf({
      prompt: [
        { role: "user", content: "one?" },
        { role: "assistant", content: "Two." },
      ],
    });
    const { ids, mask } = tokenizePrompt(asked, tokenizer);
    assert.equal(tokenizer.decode(ids), "<|im_start|>user\none?<|im_end|>\n<|im_start|>assistant\n");
    assert.ok(mask.every((loss) => loss === 0));
  });

  test("of texts have no end token", () => {
    const { ids } = tokenizePrompt(promptOf({ prompt: "one and one" }), tokenizer);
    assert.equal(tokenizer.decode(ids), "one and one");
  });

  test("that are too long lose their beginning", () => {
    const { ids, cut } = tokenizePrompt(promptOf({ prompt: "What is one and one?" }), tokenizer, { maxLength: 4 });
    assert.equal(ids.length, 4);
    assert.ok(cut > 0 && "What is one and one?".endsWith(tokenizer.decode(ids)));
  });

  test("are kept in a set although no token of theirs carries loss", () => {
    const { tokens, report } = tokenizeExamples([promptOf({ prompt: "one" }), promptOf({ prompt: "two" })], tokenizer);
    assert.deepEqual([tokens.length, report.kept, report.lossTokens], [2, 2, 0]);
  });

  test("without anything in them are refused", () => {
    assert.throws(() => promptOf({ prompt: "" }), { code: "BAD_DATA", message: /"prompt" is (empty|missing)/ });
    assert.throws(() => promptOf({ prompt: [{ role: "assistant", content: "Two." }] }), {
      code: "BAD_DATA",
      message: /"prompt" is empty/,
    });
  });
});
