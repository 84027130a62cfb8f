/** Arguments of built-in functions, by Python's rules. */
import { unsupported, wrong } from "./machine.ts";
import { type Args, intOf, isUndefined, textOf, typeName, type Value } from "./values.ts";

/** Values of the named parameters in their order; undefined where nothing is given. Too many and unknown ones fail. */
export function bind(args: Args, name: string, parameters: readonly string[]): (Value | undefined)[] {
  if (args.at.length > parameters.length)
    wrong(`${name}() takes at most ${parameters.length} arguments (${args.at.length} given)`);
  for (const given of args.named.keys()) {
    const at = parameters.indexOf(given);
    if (at < 0) wrong(`${name}() got an unexpected keyword argument '${given}'`);
    if (at < args.at.length) wrong(`${name}() got multiple values for argument '${given}'`);
  }
  return parameters.map((parameter, i) => args.at[i] ?? args.named.get(parameter) ?? nullOf(args, parameter, i));
}

function nullOf(args: Args, parameter: string, at: number): Value | undefined {
  return args.at[at] === null || args.named.get(parameter) === null ? null : undefined;
}

/** An argument that must be a string. */
export function stringArg(value: Value | undefined, name: string): string {
  const text = value === undefined ? undefined : textOf(value);
  if (value !== undefined && isUndefined(value)) wrong(value.hint);
  return text ?? wrong(`${name}: expected a string, got ${value === undefined ? "nothing" : typeName(value)}`);
}

/** An argument that must be an integer. */
export function intArg(value: Value | undefined, name: string, otherwise?: number): number {
  if (value === undefined && otherwise !== undefined) return otherwise;
  if (value !== undefined && isUndefined(value)) wrong(value.hint);
  return (
    (value === undefined ? undefined : intOf(value)) ??
    wrong(`${name}: expected an integer, got ${value === undefined ? "nothing" : typeName(value)}`)
  );
}

/** An integer that JavaScript holds exactly. */
export function safeInt(value: number): number {
  if (Number.isSafeInteger(value)) return value + 0;
  return unsupported("an integer of more than 53 bits");
}
