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
  assert.equal(
    text,
    readFileSync(place, "utf8"),
    `${file.join("/")} differs. If it should, set OWNLM_UPDATE_GOLDEN=1.`,
  );
}
