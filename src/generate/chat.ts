/** Finds the chat templates of a model's files. Knows no tokens. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { type ChatTokenizer, chatTokenizer, readChatTemplates } from "../tokenizer/chat.ts";
import { tokenizerFilesOfGguf } from "../tokenizer/gguf.ts";
import { readJson } from "../weights/folder.ts";
import { openGguf } from "../weights/gguf.ts";
import { isGguf } from "./gguf-model.ts";
import { openTokenizer } from "./load.ts";

/** The largest template file that is read. */
const MOST_TEMPLATE_BYTES = 2 ** 20;

/**
 * The tokenizer of a folder, of a path to a tokenizer.json, or of a GGUF file, with its chat templates: chat_template.jinja
 * beside it, before `chat_template` in tokenizer_config.json; or the key of the GGUF file. Throws what {@link openTokenizer} does.
 */
export function openChatTokenizer(host: Host, path: string): ChatTokenizer {
  const tokenizer = openTokenizer(host, path);
  const now = () => new Date();
  if (isGguf(host, path)) {
    const { config } = tokenizerFilesOfGguf(openGguf(host, path).metadata, path);
    return chatTokenizer(tokenizer, readChatTemplates(config.chat_template, path), path, config, now);
  }
  const beside = (name: string) =>
    host.kindOf(path) === "folder" ? host.join(path, name) : path.replace(/[^/\\]*$/, name);
  const isThere = (file: string) => host.kindOf(file) === "file";
  const configFile = beside("tokenizer_config.json");
  const config = isThere(configFile) ? readJson(host, configFile) : undefined;
  const templates = readChatTemplates(isJsonObject(config) ? config.chat_template : undefined, configFile);
  const templateFile = beside("chat_template.jinja");
  if (isThere(templateFile)) {
    const size = host.fileSize(templateFile);
    if (size > MOST_TEMPLATE_BYTES)
      fail("BAD_CHAT", `${templateFile}: got ${size} bytes, expected at most ${MOST_TEMPLATE_BYTES}`);
    templates.set("default", host.readText(templateFile));
  }
  return chatTokenizer(tokenizer, templates, path, config, now);
}
