/** Tells models apart by looks at their files, fast for files of any size. */
import type { Host } from "../host/types.ts";

/** Places of each file that are looked at, and bytes at each. */
const [PLACES, BYTES] = [64, 16384];

/**
 * SHA-256 over the files' sizes and pieces of their content, and `more`. Files that differ outside these pieces alone are
 * taken for the same; training changes every weight.
 */
export function fingerprintOf(host: Host, files: readonly string[], more: string): string {
  const hash = host.sha256();
  const text = (part: string) => hash.update(new TextEncoder().encode(`${part}\n`));
  text(more);
  for (const file of files) {
    const size = host.fileSize(file);
    text(String(size));
    const last = Math.max(0, size - BYTES);
    const starts =
      size <= PLACES * BYTES ? [] : Array.from({ length: PLACES }, (_, i) => Math.floor((i * last) / (PLACES - 1)));
    if (starts.length === 0) hash.update(host.readBytes(file));
    for (const start of starts) hash.update(host.readBytes(file, start, BYTES));
  }
  return hash.hex();
}
