/** Where tests find the repository's own files and the shared test data. */
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, from the compiled place of this file. */
export const repoRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/** A path under the shared test data, or undefined where it is missing (the test is then skipped by name). */
export function sharedData(...parts: string[]): string | undefined {
  const root = process.env.OWNLM_SHARED ?? path.join(repoRoot, "../shared");
  const file = path.join(root, "data", ...parts);
  return existsSync(file) ? file : undefined;
}

/** A path under tests/golden. */
export function golden(...parts: string[]): string {
  return path.join(repoRoot, "tests/golden", ...parts);
}
