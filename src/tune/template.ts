/** Which chat template the data goes through and the result keeps. Renders nothing. */
import { fail } from "../base/errors.ts";
import type { Example } from "../data/example.ts";
import type { Host } from "../host/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { chatTemplate } from "../tokenizer/chat-template.ts";

/**
 * For models that were never shown a chat: each turn behind a line with its role, EOS behind what the assistant wrote. It
 * needs no token that the model does not have.
 */
export const SIMPLE_TEMPLATE = `{%- for message in messages -%}
{%- if message['role'] not in ['system', 'user', 'assistant'] -%}
{{- raise_exception('this simple chat template knows system, user and assistant, and not ' + message['role']) -}}
{%- endif -%}
{%- if not loop.first -%}
{{- '\\n' -}}
{%- endif -%}
{{- '### ' + message['role'] + ':\\n' + message['content'] -}}
{%- if message['role'] == 'assistant' -%}
{{- eos_token -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '\\n### assistant:\\n' -}}
{%- endif -%}
`;

/** True where an example is made of messages, which only a chat template can put into one text. */
export function isChat(example: Example): boolean {
  switch (example.kind) {
    case "text":
      return false;
    case "chat":
      return true;
    default:
      return typeof example.prompt !== "string";
  }
}

/** The template that is used in place of the model's own: its source, and whether it is ours. */
export interface ChosenTemplate {
  readonly source: string;
  readonly isSimple: boolean;
}

const MOST_BYTES = 2 ** 20;

/**
 * The template of `file`; else, for chats and a model without one, {@link SIMPLE_TEMPLATE}; else undefined. Throws
 * NOT_FOUND, BAD_CHAT for a file that is no template, BAD_TOKENIZER where the simple one has no token to end answers with.
 */
export function chosenTemplate(
  host: Host,
  file: string | undefined,
  tokenizer: ChatTokenizer,
  hasChats: boolean,
  showName: (name: string) => string,
): ChosenTemplate | undefined {
  if (file !== undefined) return { source: readTemplate(host, file), isSimple: false };
  if (!hasChats || tokenizer.chatTemplates.size > 0) return undefined;
  if (tokenizer.eosId === undefined)
    fail(
      "BAD_TOKENIZER",
      `the model has no chat template, and its tokenizer no token that ends a text. Give a template with ${showName("chatTemplate")}, or data of prompt and completion`,
    );
  return { source: SIMPLE_TEMPLATE, isSimple: true };
}

function readTemplate(host: Host, file: string): string {
  if (host.kindOf(file) !== "file")
    fail("NOT_FOUND", `${file}: there is no such file, expected a chat template (Jinja)`);
  const bytes = host.fileSize(file);
  if (bytes > MOST_BYTES) fail("BAD_CHAT", `${file}: got ${bytes} bytes, expected at most ${MOST_BYTES}`);
  const source = host.readText(file);
  chatTemplate(source, file);
  return source;
}
