/** Names for scratch files of this process, and the end of those that killed processes have left. Writes none. */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";

const SCRATCH = /^ownlm-(\d+)-[0-9a-f-]{36}\.tmp$/;
/** Another machine may share the folder: its processes are not seen, but they do not pack for that long. */
const LEFT_AFTER_MS = 3_600_000;

/** A path for a new file that is wanted for a short time. */
export function scratchPath(folder = os.tmpdir()): string {
  sweep(folder);
  return path.join(folder, `ownlm-${process.pid}-${randomUUID()}.tmp`);
}

function sweep(folder: string): void {
  try {
    for (const name of fs.readdirSync(folder)) {
      const pid = SCRATCH.exec(name)?.[1];
      const file = path.join(folder, name);
      if (pid && !isAlive(Number(pid)) && Date.now() - fs.statSync(file).mtimeMs > LEFT_AFTER_MS) fs.rmSync(file);
    }
  } catch {
    // Another process sweeps too, or the folder is not ours: whoever packs will be told.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
