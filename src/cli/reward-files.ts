/** Functions that score answers, out of a person's own modules. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { fail, messageOf } from "../base/errors.ts";
import type { RewardFunction, Rewards } from "../tune/objectives/rewards.ts";

/**
 * Every function that the files export, by its name; a default export by the file's. Throws NOT_FOUND, and BAD_OPTION for a file that
 * cannot be run or exports none.
 */
export async function loadRewards(files: readonly string[]): Promise<Rewards> {
  const all: Record<string, RewardFunction> = {};
  for (const file of files) {
    const found = functionsOf(await loaded(file), path.parse(file).name);
    if (found.length === 0)
      fail("BAD_OPTION", `reward: ${file}: exports no function, expected one that scores answers`);
    for (const [name, score] of found) {
      if (name in all) fail("BAD_OPTION", `reward: ${file}: exports ${name}, as a file before it does. Rename one`);
      all[name] = score;
    }
  }
  return all;
}

function functionsOf(module: object, fileName: string): [string, RewardFunction][] {
  const named = Object.entries(module).filter(([, value]) => typeof value === "function");
  return named.map(([name, value]) => [name === "default" ? fileName : name, value as RewardFunction]);
}

async function loaded(file: string): Promise<object> {
  try {
    return (await import(pathToFileURL(path.resolve(file)).href)) as object;
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (code === "ERR_MODULE_NOT_FOUND" && messageOf(error).includes(path.resolve(file)))
      return fail("NOT_FOUND", `reward: ${file}: there is no such file`, error);
    const advice =
      code === "ERR_UNKNOWN_FILE_EXTENSION"
        ? ". This Node.js runs no TypeScript: version 22.18 and later do, or compile it"
        : "";
    return fail("BAD_OPTION", `reward: ${file}: cannot be run: ${messageOf(error)}${advice}`, error);
  }
}
