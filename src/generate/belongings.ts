/** The files that go with a model's weights: tokenizer, templates, defaults and terms. Reads no weight. */
import type { Host } from "../host/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { tokenizerConfig } from "../tokenizer/write-json.ts";

const BELONGS =
  /^(tokenizer.*|vocab.*|merges\.txt|special_tokens_map\.json|added_tokens\.json|generation_config\.json|chat_template.*|.*\.jinja|(LICEN[CS]E|NOTICE).*)$/i;

/** Far above any vocabulary's. */
const MAX_FILE_BYTES = 2 ** 28;

/** Of a model folder, the files besides config and weights that belong to the model, by name. */
export function belongings(host: Host, folder: string): Map<string, Uint8Array> {
  const names = host.listFolder(folder).filter((name) => BELONGS.test(name));
  const paths = names.map((name) => [name, host.join(folder, name)] as const);
  const copied = paths.filter(([, path]) => host.kindOf(path) === "file" && host.fileSize(path) <= MAX_FILE_BYTES);
  return new Map(copied.map(([name, path]) => [name, host.readBytes(path)]));
}

/** The same files for a tokenizer that was inside of another file. */
export function tokenizerFiles(tokenizer: Tokenizer | undefined, maxPositions: number): Map<string, Uint8Array> {
  if (!tokenizer) return new Map();
  const bytes = (json: unknown) => new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
  return new Map([
    ["tokenizer.json", bytes(tokenizer)],
    ["tokenizer_config.json", bytes(tokenizerConfig(tokenizer, { modelMaxLength: maxPositions }))],
  ]);
}
