import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type ChatInput, chatTemplate } from "../../src/tokenizer/chat-template.ts";
import { sharedData } from "../helpers/paths.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { chatInput, chats, type Outcome, type PythonInput, renderOurs } from "./chat.ts";

const hash = (outcome: Outcome) =>
  typeof outcome === "string" ? createHash("sha256").update(outcome).digest("hex").slice(0, 16) : outcome;

function agree(ours: Outcome, theirs: Outcome, name: string): void {
  if (typeof theirs === "string") assert.equal(ours, theirs, name);
  else assert.notEqual(typeof ours, "string", `${name}: Python fails with ${theirs.error}`);
}

const refused = ["{{ (1).real }}", "{{ '<y>'|e|upper }}", "{{ 'x'|wordwrap(3) }}", "{{ '１２'|int }}"];
const hello: ChatInput = { messages: [{ role: "user", content: "hello" }] };
const render = (source: string, input: ChatInput = hello) => chatTemplate(source, "t.jinja").render(input);

describe("chat templates", () => {
  for (const [name, source] of Object.entries(chats.templates))
    test(`our template "${name}" gives what transformers gives, and fails where it fails`, () => {
      chats.inputs.forEach((input, i) => {
        agree(hash(renderOurs(source, input)), chats.hashes[name]![i]!, `${name}, input ${i}`);
      });
    });

  for (const [name, outcomes] of Object.entries(chats.shared)) {
    const file = sharedData("chat-templates", name);
    test(`${name} gives what transformers gives`, { skip: file ? false : "the shared test data is missing" }, () => {
      const source = readFileSync(file!, "utf8");
      chats.inputs.forEach((input, i) => {
        agree(hash(renderOurs(source, input)), outcomes[i]!, `${name}, input ${i}`);
      });
    });
  }

  test("expressions give what Python's Jinja gives; the refused ones are known", () => {
    const without: string[] = [];
    for (const [source, outcome] of chats.snippets) {
      if (source === "{{ self }}") continue;
      const ours = renderOurs(source, chats.inputs[3]!);
      if (typeof outcome === "string" && typeof ours !== "string" && ours.error === "UNSUPPORTED") without.push(source);
      else agree(ours, outcome, source);
    }
    assert.deepEqual(without, refused);
  });

  test("everything agrees with the transformers that is installed", { skip: skipWithoutPython }, () => {
    const pairs: [string, PythonInput][] = [];
    const sources = Object.values(chats.templates);
    for (const name of Object.keys(chats.shared)) {
      const file = sharedData("chat-templates", name);
      if (file) sources.push(readFileSync(file, "utf8"));
    }
    for (const source of sources) for (const input of chats.inputs) pairs.push([source, input]);
    for (const [source] of chats.snippets) if (source !== "{{ self }}") pairs.push([source, chats.inputs[3]!]);
    const theirs = runPython("../golden/tokenizer/chats.py", ["--live"], JSON.stringify(pairs)) as Outcome[];
    pairs.forEach(([source, input], i) => {
      if (!refused.includes(source)) agree(renderOurs(source, input), theirs[i]!, source.slice(0, 200));
    });
  });

  test("raise_exception is a typed error with the template's words", () => {
    assert.throws(() => render("\n{{ raise_exception('only ' ~ 2) }}"), {
      code: "BAD_CHAT",
      message: "t.jinja: line 2: only 2",
    });
  });

  test("input that is no chat is refused by its place", () => {
    const bad = (input: unknown, message: RegExp) =>
      assert.throws(() => render("{{ messages }}", input as ChatInput), { code: "BAD_CHAT", message });
    bad({ messages: "hi" }, /messages: got "hi", expected a list/);
    bad({ messages: [] }, /messages: got none/);
    bad({ messages: [{ content: "x" }] }, /messages\[0\]/);
    bad({ messages: [null] }, /messages\[0\]/);
    bad({ ...hello, tools: [3] }, /tools/);
    bad({ messages: [{ role: "user", content: () => 1 }] }, /messages\[0\]\.content: got a function/);
    const circular: Record<string, unknown> = { role: "user" };
    circular.content = circular;
    bad({ messages: [circular] }, /nested deeper/);
    assert.throws(() => chatTemplate(5, "t"), { code: "BAD_CHAT" });
    assert.throws(() => chatTemplate("x".repeat(2 ** 20 + 1), "t"), { code: "BAD_CHAT", message: /characters/ });
    assert.throws(() => render("{{ strftime_now('%Y') }}"), { code: "BAD_CHAT", message: /`now`/ });
  });

  test("values that are no JSON show their kind and nothing of themselves", () => {
    const content = [{ type: "image", image: new Uint8Array(3) }];
    assert.equal(
      render("{{ messages[0].content[0].image }}", { messages: [{ role: "user", content }] }),
      "<Uint8Array>",
    );
  });

  test("what the assistant wrote is marked by generation tags", () => {
    const { text, spans } = chatTemplate(chats.templates.generation!, "t").renderWithMask(chatInput(chats.inputs[3]!));
    assert.deepEqual(
      spans.map(([start, end]) => text.slice(start, end)),
      ["Hi!</s>"],
    );
  });

  test("without generation tags the mask is what each turn adds behind its prompt", () => {
    const source =
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    const { text, spans } = chatTemplate(source, "t").renderWithMask(chatInput(chats.inputs[12]!));
    assert.deepEqual(
      spans.map(([start, end]) => text.slice(start, end)),
      ["<end>\n", "three<end>\n"],
    );
    const changing = "{% for m in messages %}{% if loop.last %}last {% endif %}{{ m.role }}{% endfor %}";
    assert.throws(() => chatTemplate(changing, "t").renderWithMask(chatInput(chats.inputs[3]!)), { code: "BAD_CHAT" });
  });
});
