/** Writes docs/cli.md from what the verbs declare: `node dist/scripts/docs.js`. A test compares the two. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { COMMON_OPTIONS } from "../src/cli/args.ts";
import { optionRows } from "../src/cli/help.ts";
import type { Verb } from "../src/cli/verb.ts";
import { VERBS } from "../src/cli/verbs.ts";

const cell = (text: string) => text.replaceAll("|", "\\|");

function section(verb: Verb): string {
  const rows = optionRows(verb.options).map(([left, right]) => `| \`${cell(left)}\` | ${cell(right)} |`);
  return [
    `## ownlm ${verb.name}`,
    `\`ownlm ${[verb.name, verb.operands].filter(Boolean).join(" ")}\`: ${verb.summary}.`,
    "",
    ...verb.examples.map(([command, does]) => `- \`${command}\`: ${does}`),
    "",
    "| option | |",
    "|---|---|",
    ...rows,
  ].join("\n");
}

/** The page of all verbs. */
export function cliPage(verbs: readonly Verb[]): string {
  const common = optionRows(COMMON_OPTIONS).map(
    ([left, right]) => `\`${left}\` (${right.charAt(0).toLowerCase()}${right.slice(1)})`,
  );
  return [
    "# The command line",
    "",
    "Made by `node dist/scripts/docs.js` from the options as the program declares them.",
    `Every verb also takes ${common.join(" and ")}.`,
    "Exit statuses: 0 done, 1 failed, 2 typed wrongly, 130 stopped by Ctrl-C, by a closed terminal, or while training by a reader that went away.",
    'Errors are one or two lines on stderr; with `--json` one line on stdout: `{"error": {"code", "message"}}`.',
    "",
    verbs.map(section).join("\n\n"),
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(path.resolve(path.dirname(process.argv[1]), "../../docs/cli.md"), cliPage(VERBS));
