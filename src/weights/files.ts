/** Names of files in a folder, and what is left when writing them fails. */
import type { Host } from "../host/types.ts";

/** True for a name that stays in its folder. */
export function isFileName(name: string): boolean {
  return name !== "" && !/[/\\\0]|^\.\.?$/.test(name);
}

/** Removes what is half-written, as far as possible: the error that led here is the one to tell. */
export function discard(host: Host, path: string): void {
  try {
    host.remove(path);
  } catch {}
}
