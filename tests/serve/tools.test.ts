import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createToolReader, type Part, readCalls, type ToolFormat, toolFormatOf } from "../../src/serve/tool-format.ts";
import { readToolUse } from "../../src/serve/tools.ts";
import { sharedData } from "../helpers/paths.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

/** Texts as models write them, and what is in them. */
const CASES: readonly [format: ToolFormat, text: string, parts: readonly Part[]][] = [
  ["hermes", "Hello < world", [{ content: "Hello < world" }]],
  [
    "hermes",
    '<tool_call>\n{"name": "look", "arguments": {"q": "</a>; x"}}\n</tool_call>',
    [{ call: { name: "look", arguments: '{"q":"</a>; x"}' } }],
  ],
  [
    "hermes",
    'Let me see.\n<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>\n<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>',
    [
      { content: "Let me see.\n" },
      { call: { name: "look", arguments: "{}" } },
      { call: { name: "add", arguments: '{"a":1}' } },
    ],
  ],
  ["hermes", '<tool_call>{"name": "look"}', [{ call: { name: "look", arguments: "{}" } }]],
  ["hermes", '<tool_call>{"name": "other"}</tool_call>', [{ content: '<tool_call>{"name": "other"}</tool_call>' }]],
  ["hermes", "<tool_call>{broken</tool_call> on", [{ content: "<tool_call>{broken</tool_call> on" }]],
  ["hermes", "a <tool_", [{ content: "a <tool_" }]],
  [
    "mistral",
    '[TOOL_CALLS][{"name": "look", "arguments": {"q": "x"}}, {"name": "add", "arguments": {}}]',
    [{ call: { name: "look", arguments: '{"q":"x"}' } }, { call: { name: "add", arguments: "{}" } }],
  ],
  [
    "mistral",
    '[TOOL_CALLS]look[ARGS]{"q": "x"}[TOOL_CALLS]add[ARGS]{"a": 2}',
    [{ call: { name: "look", arguments: '{"q":"x"}' } }, { call: { name: "add", arguments: '{"a":2}' } }],
  ],
  ["llama", '{"name": "look", "parameters": {"q": "x"}}', [{ call: { name: "look", arguments: '{"q":"x"}' } }]],
  ["llama", '<|python_tag|>{"name": "add", "parameters": {}}', [{ call: { name: "add", arguments: "{}" } }]],
  [
    "llama",
    '{"name": "look", "parameters": {"q": "a;b"}}; {"name": "add", "parameters": {}}',
    [{ call: { name: "look", arguments: '{"q":"a;b"}' } }, { call: { name: "add", arguments: "{}" } }],
  ],
  ["llama", '{"a": 1} is JSON', [{ content: '{"a": 1} is JSON' }]],
  ["llama", "It is {so}", [{ content: "It is {so}" }]],
];

/** Parts with texts that follow each other joined. */
function joined(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (last && "content" in last && "content" in part) all[all.length - 1] = { content: last.content + part.content };
    else all.push(part);
  }
  return all;
}

describe("calls in a text", () => {
  for (const [format, text, parts] of CASES)
    test(`of ${format} are found however it is cut: ${text.slice(0, 50)}`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat(text.length)), (cuts) => {
          const reader = createToolReader(format, ["look", "add"]);
          const places = [0, ...cuts.sort((a, b) => a - b), text.length];
          const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
          assert.deepEqual(joined([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]), parts);
        }),
        { numRuns: 50 },
      );
    });

  test("that are none make no error, and no text is lost", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("hermes", "mistral", "llama"),
        fc.array(fc.string(), { maxLength: 8 }),
        (format, texts) => {
          const reader = createToolReader(format as ToolFormat, ["look"]);
          const parts = [...texts.flatMap((text) => reader.push(text)), ...reader.end()];
          const all = parts.map((part) => ("content" in part ? part.content : "")).join("");
          assert.equal(all.trim(), texts.join("").trim());
        },
      ),
    );
    assert.equal(readCalls("[]"), undefined);
    assert.equal(readCalls('{"name": 5}'), undefined);
  });
});

describe("the format of a template", () => {
  const cases: readonly [file: string, format: ToolFormat | undefined][] = [
    ["Qwen-Qwen2.5-7B-Instruct", "hermes"],
    ["Qwen-Qwen3-0.6B", "hermes"],
    ["NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "hermes"],
    ["meta-llama-Llama-3.1-8B-Instruct", "llama"],
    ["mistralai-Mistral-Nemo-Instruct-2407", "mistral"],
    ["google-gemma-2-2b-it", undefined],
    ["microsoft-Phi-3.5-mini-instruct", undefined],
  ];
  for (const [name, format] of cases) {
    const file = sharedData("chat-templates", `${name}.jinja`);
    test(`of ${name} is ${format}`, { skip: !file && "no shared chat templates" }, () => {
      assert.equal(toolFormatOf(readFileSync(file!, "utf8")), format);
    });
  }
});

const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "Tells the weather",
    parameters: {
      type: "object",
      properties: { place: { enum: ["Bonn", "Kyoto"] }, days: { type: "integer", minimum: 1, maximum: 7 } },
      required: ["place", "days"],
      additionalProperties: false,
    },
  },
} as const;

describe("tools of a request", () => {
  test("are checked, and what is wrong is named", () => {
    const cases: readonly [body: object, where: RegExp][] = [
      [{ tools: {} }, /^tools: /],
      [{ tools: [{ type: "retrieval" }] }, /^tools\[0\]\.type: /],
      [{ tools: [{ type: "function", function: { name: "a b" } }] }, /^tools\[0\]\.function\.name: /],
      [{ tools: [WEATHER, WEATHER] }, /^tools\[1\]\.function\.name: /],
      [
        { tools: [{ type: "function", function: { name: "f", parameters: [] } }] },
        /^tools\[0\]\.function\.parameters: /,
      ],
      [{ tools: [WEATHER], tool_choice: "always" }, /^tool_choice: /],
      [
        { tools: [WEATHER], tool_choice: { type: "function", function: { name: "f" } } },
        /^tool_choice\.function\.name: /,
      ],
      [{ tool_choice: "required" }, /^tool_choice: /],
      [{ tools: [WEATHER], parallel_tool_calls: "no" }, /^parallel_tool_calls: /],
    ];
    for (const [body, message] of cases) assert.throws(() => readToolUse(body as never, "hermes"), { message });
    assert.throws(() => readToolUse({ tools: [WEATHER] }, undefined), { code: "UNSUPPORTED", message: /^tools: / });
    assert.equal(readToolUse({ tools: [WEATHER], tool_choice: "none" }, undefined), undefined);
  });
});

describe("a call that is asked for", { skip: skipWithoutRuntime }, () => {
  const template = (mark: string) =>
    `{% if tools %}{% for tool in tools %}{{ tool.function.name }}${mark}\n{% endfor %}{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>`;
  for (const [format, mark] of [
    ["hermes", "<tool_call>"],
    ["mistral", "[TOOL_CALLS]"],
    ["llama", "<|python_tag|>"],
  ] as const)
    test(`is made by any model, with arguments of its schema, in the way of ${format}`, async () => {
      const folder = chatFolder();
      writeFileSync(path.join(folder, "chat_template.jinja"), template(mark));
      const client = clientOf(await serverOf(folder));
      const ask = {
        model: "tiny",
        messages: [{ role: "user" as const, content: "Rain?" }],
        tools: [
          { ...WEATHER, function: { ...WEATHER.function, parameters: { ...WEATHER.function.parameters } } },
        ] as never,
        tool_choice: "required" as const,
        temperature: 1,
        seed: 3,
        max_tokens: 120,
      };
      const { choices } = await client.chat.completions.create(ask);
      const { message, finish_reason } = choices[0]!;
      assert.equal(finish_reason, "tool_calls");
      assert.equal(message.content, null);
      const [call] = message.tool_calls!;
      assert.ok(call?.type === "function" && call.function.name === "weather");
      const { place, days } = JSON.parse(call.function.arguments);
      assert.ok(["Bonn", "Kyoto"].includes(place) && days >= 1 && days <= 7);
      const stream = client.chat.completions.stream(ask as never);
      const final = (await stream.finalChatCompletion()).choices[0]!;
      const [streamed] = final.message.tool_calls as { function: { arguments: string } }[];
      assert.equal(streamed!.function.arguments, call.function.arguments);
      assert.equal(final.finish_reason, "tool_calls");
      // What was answered goes back into the chat.
      const messages = [...ask.messages, message, { role: "tool" as const, tool_call_id: call.id, content: "Sun" }];
      const next = await client.chat.completions.create({ ...ask, messages, tool_choice: "none", max_tokens: 3 });
      assert.ok(next.usage!.prompt_tokens > 0);
    });
});
