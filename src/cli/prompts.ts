/** Prompts from a file, one a line or JSON lines, and their continuations as JSON lines. */
import { fail, messageOf } from "../base/errors.ts";
import { isJsonObject, showJson } from "../base/json.ts";
import { continueEach } from "../generate/continuations.ts";
import type { OpenModel } from "../generate/load.ts";
import type { GenerateOptions } from "../generate/request.ts";
import { VERB_TEMPERATURE } from "../generate/resolve.ts";
import { generationResult, promptIdsOf } from "../generate/text.ts";
import type { Host } from "../host/types.ts";
import { stdinText } from "./model-operand.ts";
import type { Io } from "./verb.ts";

/** The prompts of a file, "-" being standard input: `prompt` of each line of a .jsonl file, else each line that is not empty. */
export async function readPrompts(io: Io, file: string): Promise<string[]> {
  const text = file === "-" ? await stdinText(io) : fileText(io.host, file);
  const lines = text.split(/\r?\n/).map((line, i): [string, number] => [line, i + 1]);
  const filled = lines.filter(([line]) => line.trim() !== "");
  if (filled.length === 0) fail("BAD_DATA", `${file}: has no prompt, expected one on each line`);
  if (!filled[0]![0].startsWith("{")) return filled.map(([line]) => line);
  return filled.map(([line, number]) => promptOf(line, `${file}: line ${number}`));
}

function fileText(host: Host, file: string): string {
  if (host.kindOf(file) !== "file") fail("NOT_FOUND", `--prompts: ${file}: there is no such file`);
  return host.readText(file).replace(/^\ufeff/, "");
}

function promptOf(line: string, where: string): string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    fail("BAD_DATA", `${where}: is no JSON: ${messageOf(error)}`, error);
  }
  const prompt = isJsonObject(json) ? json.prompt : undefined;
  if (typeof prompt !== "string")
    fail(
      "BAD_DATA",
      `${where}: prompt: got ${showJson(prompt)}, expected a text, as in {"prompt": "Once upon a time"}`,
    );
  return prompt as string;
}

/** Writes the continuation of each prompt as a line of JSON, in their order, as they are done. */
export async function writeEach(
  io: Io,
  opened: OpenModel,
  prompts: readonly string[],
  options: GenerateOptions,
  batch: number,
): Promise<void> {
  const ids = prompts.map((prompt) => promptIdsOf(opened, prompt));
  let index = 0;
  for await (const made of continueEach(opened, ids, options, VERB_TEMPERATURE, batch)) {
    io.json({ index, prompt: prompts[index], ...generationResult(ids[index]!, made) });
    index++;
  }
}
