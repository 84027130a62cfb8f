/** One writer to a place: a lock file that outlives no process. Knows nothing of what is written there. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Host } from "../host/types.ts";

/** Held while somebody writes. Disposing it once or more often gives the place back. */
export interface FileLock extends Disposable {
  readonly path: string;
}

/** Another process may take a dead lock over at the same moment. */
const ATTEMPTS = 3;

/**
 * Takes a folder, made where there is none, for this process; LOCKED names the process that has it. See
 * {@link takeLock} for what is taken over and not seen.
 */
export function lockFolder(host: Host, out: string): FileLock {
  host.makeFolder(out);
  const path = host.join(out, "train.lock");
  const taken = takeLock(host, path);
  if (typeof taken !== "number") return taken;
  return fail(
    "LOCKED",
    taken === UNKNOWN
      ? `${out}: another process has just taken it. Wait for it, or choose another --out.`
      : `${out}: process ${taken} is training there. Wait for it, choose another --out, or remove ${path}.`,
  );
}

/** In place of a process's number: somebody has just taken the lock. */
const UNKNOWN = 0;

/**
 * Takes a lock file for this process, or gives the number of the process that has it, 0 where that cannot be told. A
 * lock whose process is gone, and one left empty or unreadable by a crash, are taken over. Processes of other machines
 * on a shared disk are not seen.
 */
export function takeLock(host: Host, path: string): FileLock | number {
  // The start tells this process from one of the same number before it, as the first in a container has.
  const text = `${host.processId} ${host.startedMs}\n`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (host.createExclusive(path, text)) return heldLock(host, path, text);
    const found = textOf(host, path);
    if (found === undefined) continue;
    const owner = livingOwner(host, found, text);
    if (owner !== undefined) return owner;
    takeAside(host, path, found);
  }
  return UNKNOWN;
}

function heldLock(host: Host, path: string, text: string): FileLock {
  let held = true;
  const dispose = () => {
    if (!held) return;
    held = false;
    if (textOf(host, path) === text) host.remove(path);
  };
  return { path, [Symbol.dispose]: dispose };
}

/** The file's text; undefined when it is gone. */
function textOf(host: Host, path: string): string | undefined {
  try {
    return host.readText(path);
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** The number of the process that holds the lock and may be alive. */
function livingOwner(host: Host, found: string, own: string): number | undefined {
  const owner = Number(/^(\d{1,15})\b/.exec(found)?.[1] ?? Number.NaN);
  if (!(owner > 0)) return undefined;
  if (owner === host.processId) return found === own ? owner : undefined;
  return host.isAlive(owner) === false ? undefined : owner;
}

/** Moves a dead lock away. Another process may have replaced it since it was read: that one is put back. */
function takeAside(host: Host, path: string, dead: string): void {
  const aside = `${path}.${host.processId}.old`;
  try {
    host.rename(path, aside);
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "NOT_FOUND") return;
    throw error;
  }
  const taken = textOf(host, aside);
  if (taken !== undefined && taken !== dead) host.createExclusive(path, taken);
  host.remove(aside);
}
