/** Help texts made from what verbs declare. Pure. */
import {
  defaultText,
  flagName,
  isRepeated,
  type OptionSpec,
  type OptionSpecs,
  placeholderOf,
} from "../base/options.ts";
import { COMMON_OPTIONS } from "./args.ts";
import type { Verb } from "./verb.ts";

/** The list of all verbs. */
export function generalHelp(verbs: readonly Verb[], version: string): string {
  const width = Math.max(...verbs.map((verb) => usageOf(verb).length));
  return [
    `ownlm ${version}: build, fine-tune, evaluate, run and serve your own language model`,
    "",
    ...verbs.map((verb) => `  ownlm ${usageOf(verb).padEnd(width)}  ${verb.summary}`),
    "",
    "ownlm VERB --help tells more. Every verb takes --json for programs.",
  ].join("\n");
}

const usageOf = ({ name, operands }: Verb) => (operands ? `${name} ${operands}` : name);

/** The help of one verb. */
export function verbHelp(verb: Verb): string {
  const rows = optionRows({ ...verb.options, ...COMMON_OPTIONS });
  const width = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  return [
    `ownlm ${usageOf(verb)} [options]`,
    `  ${verb.summary}`,
    "",
    "Options:",
    ...rows.flatMap(([left, right]) =>
      left.length > width ? [`  ${left}`, `  ${" ".repeat(width)}  ${right}`] : [`  ${left.padEnd(width)}  ${right}`],
    ),
    "",
    verb.examples.length > 1 ? "Examples:" : "Example:",
    ...verb.examples.flatMap(([command, does]) => [`  ${command}`, `      ${does}`]),
  ].join("\n");
}

/** Name and explanation of each option: "-n, --max-new-tokens N", "Most new tokens (default 128)". */
export function optionRows(specs: OptionSpecs): [left: string, right: string][] {
  return Object.entries(specs).map(([name, spec]) => {
    const flag = [spec.short && `-${spec.short}`, flagName(name)].filter(Boolean).join(", ");
    return [[flag, placeholderOf(spec)].filter(Boolean).join(" "), explained(spec)];
  });
}

function explained(spec: OptionSpec): string {
  const notes = [rangeNote(spec), defaultText(spec)].filter(Boolean).join("; ");
  return notes ? `${spec.help} (${notes})` : spec.help;
}

function rangeNote(spec: OptionSpec): string {
  if (isRepeated(spec)) return "may be repeated";
  if (spec.kind !== "int" && spec.kind !== "number") return "";
  return spec.max >= 2 ** 31 - 1 ? `from ${spec.min}` : `${spec.min} to ${spec.max}`;
}
