/** Compares text with a file under tests/golden; with OWNLM_UPDATE_GOLDEN=1 writes the file instead. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { golden } from "./paths.ts";

/** Fails unless `text` is what the golden file says. */
export function matchesGolden(text: string, ...file: string[]): void {
  const place = golden(...file);
  if (process.env.OWNLM_UPDATE_GOLDEN === "1") {
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  const [got, expected] = [text.split("\n"), readFileSync(place, "utf8").split("\n")];
  const line = got.findIndex((_, i) => got[i] !== expected[i]);
  if (line < 0 && got.length === expected.length) return;
  const at = line < 0 ? got.length : line;
  assert.fail(
    `${file.join("/")}, line ${at + 1}: got "${got[at] ?? ""}", expected "${expected[at] ?? ""}". ` +
      "If the new text is right, set OWNLM_UPDATE_GOLDEN=1.",
  );
}
