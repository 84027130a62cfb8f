/** Gives back the memory of mapped weights that the runtime has copied into a form of its own. Knows Linux only. */
import { readFileSync } from "node:fs";
import process from "node:process";
import koffi from "koffi";

type Advise = (address: bigint, length: bigint, advice: number) => number;

/** Pages may be dropped; whoever reads them again gets them from the file. */
const DONT_NEED = 4;

/** Private, read-only pages of a file: those that are in the file already and lose nothing when they are dropped. */
const MAPPED = /^([0-9a-f]+)-([0-9a-f]+) r--[ps] \S+ \S+ \S+\s+(.*)$/;

let advise: Advise | undefined;

/**
 * Drops the resident pages of read-only maps of these files (real paths). ONNX Runtime keeps a file mapped after it has
 * packed its weights anew, and both would count as the process's memory. Where that is not possible nothing happens.
 */
export function dropFilePages(files: ReadonlySet<string>): void {
  if (process.platform !== "linux" || files.size === 0) return;
  try {
    advise ??= koffi.load("libc.so.6").func("int madvise(uint64_t, uint64_t, int)") as unknown as Advise;
    for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
      const [, from, to, file] = MAPPED.exec(line) ?? [];
      if (from === undefined || to === undefined || !files.has(file!)) continue;
      const start = BigInt(`0x${from}`);
      advise(start, BigInt(`0x${to}`) - start, DONT_NEED);
    }
  } catch {
    // Another C library, or no /proc: the pages stay until the system wants them.
  }
}
