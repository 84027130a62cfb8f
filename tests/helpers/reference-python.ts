/** Runs the Python scripts that compare ownlm with transformers. Needs OWNLM_PYTHON: an interpreter with both installed. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { repoRoot } from "./paths.ts";

const python = process.env.OWNLM_PYTHON;

/** Why tests that need Python are skipped, or false. */
export const skipWithoutPython = python ? false : "OWNLM_PYTHON names no interpreter with torch and transformers";

/** What a script under tests/interop prints as its last line, parsed. Fails with its error output when it prints no JSON. */
export function runPython(script: string, args: readonly string[], input = ""): unknown {
  const { stdout, stderr } = spawnSync(python!, [path.join(repoRoot, "tests/interop", script), ...args], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    timeout: 300_000,
    env: { ...process.env, HF_HUB_OFFLINE: "1", TOKENIZERS_PARALLELISM: "false" },
  });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch (error) {
    throw new Error(`${script}: ${stderr.slice(-4000) || `printed ${JSON.stringify(last)}`}`, { cause: error });
  }
}
