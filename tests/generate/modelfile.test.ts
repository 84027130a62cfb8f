import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { exportPath } from "../../src/generate/export.ts";
import { goTemplate } from "../../src/generate/modelfile.ts";
import { host } from "../../src/host/node.ts";
import type { ChatMessage } from "../../src/tokenizer/chat-messages.ts";
import { chatParts } from "../../src/tokenizer/chat-parts.ts";
import { chatTemplate } from "../../src/tokenizer/chat-template.ts";
import { randomAdapter } from "../helpers/adapters.ts";
import { renderGo } from "../helpers/go-template.ts";
import { sharedData } from "../helpers/paths.ts";
import { moment } from "../tokenizer/chat.ts";
import { modelFolder, smallTokenizer, temporaryFolder } from "./folders.ts";

const said = (role: string, content: string): ChatMessage => ({ role, content });
const TURNS = [said("user", "What is 2 + 2?"), said("assistant", "4."), said("user", "And 3 + 3?")];

const renderer = (source: string) => {
  const template = chatTemplate(source, "test");
  const variables = { bos_token: "<s>", eos_token: "</s>" };
  return (messages: readonly ChatMessage[], addGenerationPrompt: boolean) =>
    template.render({ messages, addGenerationPrompt, variables, now: moment });
};

/** The template's own text, and that of its form in Go, without the token that begins texts. */
function both(source: string, messages: readonly ChatMessage[]): readonly [own: string, go: string] {
  const render = renderer(source);
  const parts = chatParts(render, "<s>", "</s>")!;
  return [render(messages, true).replace(/^<s>/, ""), renderGo(goTemplate(parts)!, messages as never)];
}

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const TEMPLATES: Readonly<Record<string, string>> = {
  ChatML: CHATML,
  "ChatML with a system message of its own": `{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are Q.<|im_end|>\n' }}{% endif %}${CHATML}`,
  Zephyr:
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
  "Alpaca's words":
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n{% elif m.role == 'user' %}### Instruction:\n{{ m.content }}\n\n{% else %}### Response:\n{{ m.content }}\n\n{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:\n{% endif %}",
};

describe("a chat template in Go", () => {
  const conversations = [TURNS.slice(0, 1), TURNS, [said("system", "Be kind."), ...TURNS]];
  for (const [name, source] of Object.entries(TEMPLATES))
    test(`of ${name} renders the same`, () => {
      for (const messages of conversations) {
        const [own, go] = both(source, messages);
        assert.equal(go, own);
      }
    });

  for (const [name, hasTemplate] of [
    ["Qwen-Qwen2.5-7B-Instruct.jinja", true],
    ["google-gemma-2-2b-it.jinja", true],
    ["microsoft-Phi-3.5-mini-instruct.jinja", true],
    ["meta-llama-Llama-3.1-8B-Instruct.jinja", undefined],
    ["mistralai-Mistral-Nemo-Instruct-2407.jinja", undefined],
    ["Qwen-Qwen3-0.6B.jinja", undefined],
    ["HuggingFaceTB-SmolLM3-3B.jinja", undefined],
  ] as const) {
    const file = sharedData("chat-templates", name);
    test(`of ${name} renders the same, or is none`, { skip: file ? false : "the shared test data is missing" }, () => {
      const source = readFileSync(file!, "utf8");
      const parts = chatParts(renderer(source), "<s>", "</s>");
      if (hasTemplate !== undefined) assert.equal(parts !== undefined, hasTemplate);
      if (!parts) return;
      for (const messages of parts.system ? conversations : conversations.slice(0, 2)) {
        const [own, go] = both(source, messages);
        assert.equal(go, own);
      }
    });
  }

  test("is none where a template is more than texts around roles, or its texts are Go's own marks", () => {
    const counted = "{% for m in messages %}{{ loop.index }}: {{ m.content }}\n{% endfor %}";
    const shouted = "{% for m in messages %}[{{ m.role }}]{{ m.content | upper }}{% endfor %}";
    const last = "{% for m in messages %}{% if loop.last %}<now>{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}";
    for (const source of [counted, shouted, last]) assert.equal(chatParts(renderer(source), "", ""), undefined, source);
    const marked = chatParts(
      renderer("{% for m in messages %}{{ '{{' + m.role }}{{ m.content }};{% endfor %}"),
      "",
      "",
    )!;
    assert.equal(goTemplate(marked), undefined);
  });
});

describe("a Modelfile", () => {
  const tokenizer = smallTokenizer();
  const generationConfig = { do_sample: true, temperature: 0.7, top_p: 0.9, eos_token_id: tokenizer.eosId };

  test("is written beside the GGUF file, with template, context, sampling and stops", async () => {
    const folder = modelFolder("llama", { generationConfig });
    writeFileSync(path.join(folder, "chat_template.jinja"), CHATML);
    const gguf = path.join(temporaryFolder(), "my.gguf");
    const { modelfile } = await exportPath(host, folder, { gguf, modelfile: true });
    const end = JSON.stringify(tokenizer.tokenOf(tokenizer.eosId!));
    assert.equal(
      readFileSync(modelfile!, "utf8"),
      [
        "FROM ./my.gguf",
        `TEMPLATE """{{ range $i, $_ := .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n{{ else if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n{{ else if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n{{ end }}{{ end }}<|im_start|>assistant\n"""`,
        "PARAMETER num_ctx 64",
        "PARAMETER temperature 0.7",
        "PARAMETER top_p 0.9",
        `PARAMETER stop ${end}`,
        "",
      ].join("\n"),
    );
    await assert.rejects(exportPath(host, folder, { gguf: `${gguf}.2.gguf`, modelfile: true }), { code: "EXISTS" });
  });

  test("of an adapter has the adapter's own template; without one it names the file and the context alone", async () => {
    const folder = modelFolder("llama");
    const adapter = randomAdapter(path.join(temporaryFolder(), "a"), folder, { targets: ["q_proj"] }, 1);
    const [one, other] = [temporaryFolder(), temporaryFolder()];
    await exportPath(host, adapter, { gguf: path.join(one, "a.gguf"), modelfile: true });
    const plain = readFileSync(path.join(one, "Modelfile"), "utf8");
    assert.match(plain, /^FROM \.\/a\.gguf\nPARAMETER num_ctx 64\n/);
    assert.doesNotMatch(plain, /TEMPLATE/);
    for (const name of ["tokenizer.json", "tokenizer_config.json"])
      writeFileSync(path.join(adapter, name), readFileSync(path.join(folder, name)));
    writeFileSync(path.join(adapter, "chat_template.jinja"), CHATML);
    await exportPath(host, adapter, { gguf: path.join(other, "a.gguf"), modelfile: true });
    assert.match(readFileSync(path.join(other, "Modelfile"), "utf8"), /TEMPLATE """.*<\|im_start\|>/s);
  });
});
