/** Which modules have adapters and which are trained whole, by their names, as PEFT reads `target_modules` and `modules_to_save`. */
import { fail, messageOf } from "../base/errors.ts";

/**
 * Last parts of modules' names ("q_proj", "mlp.down_proj"), or one text: "all-linear" for every linear layer but the head, the
 * experts and their router, anything else a regular expression of a whole name.
 */
export type Targets = readonly string[] | string;

/** True for a module of that name, or whose name ends with it behind a dot. */
export const endsWithName = (module: string, end: string): boolean => module === end || module.endsWith(`.${end}`);

/** True for a parameter of a module, at any depth, whose name ends so; as in PEFT "norm" is the end of "input_layernorm" too. */
export function isInModules(parameter: string, ends: readonly string[]): boolean {
  const parts = parameter.split(".");
  return parts.some((_, i) => i > 0 && ends.some((end) => parts.slice(0, i).join(".").endsWith(end)));
}

/** Where PEFT finds no linear layers of their own. */
const OF_EXPERTS = /\.experts\.|\.(gate|router)$/;

/** What says whether a module is a target. Throws BAD_OPTION for a pattern that is none. */
export function targetTest(targets: Targets): (module: string) => boolean {
  if (typeof targets !== "string") return (module) => targets.some((target) => endsWithName(module, target));
  if (targets.toLowerCase() === "all-linear") return (module) => !OF_EXPERTS.test(module);
  const pattern = expression(targets);
  return (module) => pattern.test(module);
}

function expression(targets: string): RegExp {
  try {
    return new RegExp(`^(?:${targets})$`);
  } catch (error) {
    return fail("BAD_OPTION", `targets: got ${targets}: ${messageOf(error)}`, error);
  }
}

/** Throws BAD_OPTION where a target names none of the linear layers that have adapters by now. */
export function requireTargets(targets: Targets, modules: readonly string[]): void {
  const expected = "expected the end of a linear layer's name, such as q_proj";
  const missing =
    typeof targets === "string"
      ? modules.length === 0 && targets
      : targets.find((target) => !modules.some((module) => endsWithName(module, target)));
  if (missing) fail("BAD_OPTION", `targets: got ${missing}, ${expected}`);
  if (modules.length === 0) fail("BAD_OPTION", `targets: got none, ${expected}`);
}

/** Throws BAD_OPTION where a name of modules to be trained whole is no module's. */
export function requireSaved(ends: readonly string[], parameters: readonly string[]): void {
  const missing = ends.find((end) => !parameters.some((name) => isInModules(name, [end])));
  if (missing !== undefined)
    fail("BAD_OPTION", `modulesToSave: got ${missing}, expected the end of a module's name, such as lm_head`);
}
