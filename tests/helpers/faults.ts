/** A host on which the n-th operation fails, and a copy of all that is on a disk. */
import assert from "node:assert/strict";
import { fail, OwnlmError } from "../../src/base/errors.ts";
import type { FileWriter, Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";
import { putFile } from "./weights.ts";

/** Thrown for everything that a process does after its end. */
export class Killed extends Error {}

/**
 * "error": the one operation fails, half done, and the program goes on. "kill": it and all after it do nothing more.
 * "power": a kill that loses what was not made durable of files still open. "full": it and all later writing fails.
 */
export type Fault = "error" | "kill" | "power" | "full";

/** A host and how many operations it was asked for. */
export interface FaultyHost extends Host {
  readonly operations: () => number;
}

/** A host like `base` whose operation number `at` (from 1) meets the fault. */
export function faultyHost(base: Host, fault: Fault, at: number): FaultyHost {
  let count = 0;
  const unfinished = new Set<string>();
  /** Runs one operation, or `half` of it and the fault. */
  const step = <R>(action: () => R, half: () => void, grows: boolean): R => {
    count++;
    if (count < at || (count > at && fault === "error") || (fault === "full" && !grows)) return action();
    if (count > at && fault !== "full") throw new Killed();
    half();
    if (fault === "power") for (const file of unfinished) if (base.kindOf(file)) putFile(base, file, "");
    if (fault === "kill" || fault === "power") throw new Killed();
    return fail("DISK", "the disk: it is full, or broken");
  };
  const nothing = () => {};
  const plain = <A extends unknown[], R>(action: (...args: A) => R, grows = false) => {
    return (...args: A): R => step(() => action(...args), nothing, grows);
  };
  return {
    ...base,
    operations: () => count,
    readText: plain(base.readText),
    readBytes: plain(base.readBytes),
    readInto: plain(base.readInto),
    fileSize: plain(base.fileSize),
    kindOf: plain(base.kindOf),
    listFolder: plain(base.listFolder),
    makeFolder: plain(base.makeFolder, true),
    appendText: plain(base.appendText, true),
    createExclusive: plain(base.createExclusive, true),
    rename: plain(base.rename),
    syncFolder: plain(base.syncFolder),
    remove: (path) =>
      step(
        () => base.remove(path),
        () => removeHalf(base, path),
        false,
      ),
    createFile(path) {
      const writer = step(() => base.createFile(path), nothing, true);
      unfinished.add(path);
      return faultyWriter(writer, step, () => unfinished.delete(path));
    },
  };
}

function faultyWriter(
  writer: FileWriter,
  step: <R>(action: () => R, half: () => void, grows: boolean) => R,
  done: () => void,
): FileWriter {
  return {
    write: (bytes) =>
      step(
        () => writer.write(bytes),
        () => writer.write(bytes.subarray(0, bytes.length >> 1)),
        true,
      ),
    finish() {
      step(
        () => writer.finish(),
        () => {},
        true,
      );
      done();
    },
    abandon() {
      step(
        () => writer.abandon(),
        () => {},
        false,
      );
      done();
    },
  };
}

/** A folder is removed entry by entry: here the last one stays. */
function removeHalf(host: Host, path: string): void {
  if (host.kindOf(path) !== "folder") return;
  for (const name of host.listFolder(path).slice(0, -1)) host.remove(host.join(path, name));
}

/**
 * Runs an action with a fault at its first, second, ... operation until it meets none, each on a disk of its own, and
 * gives what is left of them. Only DISK may be thrown.
 */
export function* disksAfter(
  disk: () => Host,
  fault: Fault,
  action: (host: Host) => void,
): Generator<[at: number, disk: Host]> {
  for (let at = 1; ; at++) {
    const host = disk();
    const faulty = faultyHost(host, fault, at);
    try {
      action(faulty);
    } catch (error) {
      assert.ok(
        error instanceof Killed || (error instanceof OwnlmError && error.code === "DISK"),
        `at ${at}: ${error}`,
      );
    }
    if (faulty.operations() < at) return;
    yield [at, host];
  }
}

/** A new disk with the same files. */
export function copyOf(host: Host): Host {
  const copy = createWebHost();
  const walk = (folder: string) => {
    for (const name of host.listFolder(folder)) {
      const path = host.join(folder, name);
      if (host.kindOf(path) === "folder") {
        copy.makeFolder(path);
        walk(path);
      } else putFile(copy, path, host.readBytes(path));
    }
  };
  walk("/");
  return copy;
}

/** Every file of a disk with its content as text. */
export function filesOf(host: Host, folder = "/"): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of host.listFolder(folder)) {
    const path = host.join(folder, name);
    if (host.kindOf(path) === "folder") Object.assign(files, filesOf(host, path));
    else files[path] = new TextDecoder("latin1").decode(host.readBytes(path));
  }
  return files;
}
