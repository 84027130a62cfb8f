/** The door on Node. Outside the runtime and the command line, only it and its scratch files import node:*. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { type ErrorCode, fail, OwnlmError } from "../base/errors.ts";
import { scratchPath } from "./node-scratch.ts";
import type { FileWriter, Host } from "./types.ts";

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ["NOT_FOUND", "there is no such file or folder"],
  ENOTDIR: ["NOT_FOUND", "a part of the path is no folder"],
  ERR_INVALID_ARG_VALUE: ["NOT_FOUND", "no path of a file"],
  EEXIST: ["EXISTS", "it exists already"],
  EISDIR: ["DISK", "it is a folder, expected a file"],
  EACCES: ["DISK", "permission denied. Try another place or ask for the right to it"],
  EPERM: ["DISK", "not permitted. Try another place or ask for the right to it"],
  EROFS: ["DISK", "the disk is read-only. Try another place"],
  ENOSPC: ["DISK", "the disk is full. Free some space and try again"],
  EDQUOT: ["DISK", "the disk quota is used up. Free some space and try again"],
  ELOOP: ["DISK", "its links lead in a circle"],
  ENAMETOOLONG: ["DISK", "the name is too long. Try a shorter one"],
  EMFILE: ["DISK", "too many files are open"],
  ERR_STRING_TOO_LONG: ["DISK", "too long to be read as one text"],
};

/** Runs a file operation; its errors become ours. */
function at<R>(file: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const known = CODES[code];
    if (known) return fail(known[0], `${file}: ${known[1]}`, error);
    if ((error as NodeJS.ErrnoException).syscall) return fail("DISK", `${file}: ${(error as Error).message}`, error);
    throw error;
  }
}

function readInto(file: string, offset: number, target: Uint8Array): void {
  at(file, () => {
    const fd = fs.openSync(file, "r");
    try {
      let done = 0;
      while (done < target.length) {
        const count = fs.readSync(fd, target, done, Math.min(target.length - done, 2 ** 30), offset + done);
        if (count === 0) fail("DISK", `${file}: ended at byte ${offset + done}, expected ${offset + target.length}`);
        done += count;
      }
    } finally {
      fs.closeSync(fd);
    }
  });
}

function openWriter(file: string, flags: "w" | "a"): FileWriter {
  const fd = at(file, () => fs.openSync(file, flags));
  let open = true;
  const mustBeOpen = () => open || fail("BUG", `${file}: is closed`);
  const close = () => {
    if (!open) return;
    open = false;
    at(file, () => fs.closeSync(fd));
  };
  return {
    write(bytes) {
      mustBeOpen();
      at(file, () => {
        for (let done = 0; done < bytes.length; )
          done += fs.writeSync(fd, bytes, done, Math.min(bytes.length - done, 2 ** 30));
      });
    },
    finish(durable = true) {
      mustBeOpen();
      if (durable) at(file, () => fs.fsyncSync(fd));
      close();
    },
    abandon() {
      try {
        close();
      } finally {
        at(file, () => fs.rmSync(file, { force: true }));
      }
    },
  };
}

/**
 * A file with its text appears at once, through a link: a process that ends in between leaves no empty file. Where the
 * file system has no links, the file is made first and written then.
 */
function createExclusive(file: string, text: string): boolean {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    at(file, () => fs.writeFileSync(temporary, text));
    return linkNew(temporary, file) ?? createWithoutLink(file, text);
  } finally {
    remove(temporary);
  }
}

/** A second name for a file: false where the name is taken, undefined where there are no links. */
function linkNew(file: string, name: string): boolean | undefined {
  try {
    fs.linkSync(file, name);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EEXIST" ? false : undefined;
  }
}

function createWithoutLink(file: string, text: string): boolean {
  try {
    at(file, () => fs.writeFileSync(file, text, { flag: "wx" }));
    return true;
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "EXISTS") return false;
    throw error;
  }
}

/**
 * Node's own way to make several folders at once never ends where a file system takes none, as /proc: here each is
 * tried twice at most.
 */
function makeFolder(folder: string): void {
  try {
    at(folder, () => fs.mkdirSync(folder));
  } catch (error) {
    if (kindOf(folder) === "folder") return;
    const parent = path.dirname(folder);
    const mayLackParent = error instanceof OwnlmError && error.code === "NOT_FOUND" && parent !== folder;
    if (!mayLackParent || kindOf(parent) !== undefined) throw error;
    makeFolder(parent);
    makeLastFolder(folder);
  }
}

/** Another process may make it at the same moment. */
function makeLastFolder(folder: string): void {
  try {
    at(folder, () => fs.mkdirSync(folder));
  } catch (error) {
    if (kindOf(folder) !== "folder") throw error;
  }
}

function remove(file: string): void {
  try {
    at(file, () => fs.rmSync(file, { recursive: true, force: true }));
  } catch (error) {
    // A path that leads through a file leads to nothing.
    if (!(error instanceof OwnlmError && error.code === "NOT_FOUND")) throw error;
  }
}

function kindOf(file: string): "file" | "folder" | "other" | undefined {
  try {
    const stat = at(file, () => fs.statSync(file));
    return stat.isFile() ? "file" : stat.isDirectory() ? "folder" : "other";
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** Bytes that can be used without swapping, within the limit of a container where there is one. */
function availableMemoryBytes(): number {
  const limit = process.constrainedMemory?.();
  const free = memAvailable() ?? os.freemem();
  if (!limit || limit >= os.totalmem()) return free;
  return Math.min(free, limit - process.memoryUsage().rss);
}

/** Linux's own estimate, which counts caches that can be dropped; `os.freemem` does not. */
function memAvailable(): number | undefined {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/meminfo", "utf8"))?.[1];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}

function link(target: string, file: string): boolean {
  try {
    at(file, () => fs.symlinkSync(target, file));
    return true;
  } catch (error) {
    const { code } = ((error as OwnlmError).cause ?? error) as NodeJS.ErrnoException;
    if (["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"].includes(code ?? "")) return false;
    throw error;
  }
}

const hashOf = (algorithm: string) => {
  const hash = createHash(algorithm);
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest("hex") };
};

/** Node's files, clock and memory. */
export const host: Host = {
  name: "node",
  readText: (file) => at(file, () => fs.readFileSync(file, "utf8")),
  readBytes(file, offset = 0, length) {
    const size = host.fileSize(file);
    const count = length ?? Math.max(0, size - offset);
    // Devices and pipes have no size, and then only reading tells.
    if (size > 0 && offset + count > size) fail("DISK", `${file}: ended at byte ${size}, expected ${offset + count}`);
    const target = new Uint8Array(count);
    readInto(file, offset, target);
    return target;
  },
  readInto,
  fileSize: (file) => at(file, () => fs.statSync(file).size),
  kindOf,
  listFolder: (folder) => at(folder, () => fs.readdirSync(folder).sort()),
  makeFolder,
  createFile: (file) => openWriter(file, "w"),
  extendFile: (file) => openWriter(file, "a"),
  link,
  realPath: (file) => at(file, () => fs.realpathSync(file)),
  blobOf: (file) => at(file, () => fs.openAsBlob(file)),
  scratchPath: () => scratchPath(),
  appendText: (file, text) => at(file, () => fs.appendFileSync(file, text)),
  rename: (from, to) => at(from, () => fs.renameSync(from, to)),
  syncFolder(folder) {
    if (process.platform === "win32") return;
    at(folder, () => {
      const fd = fs.openSync(folder, "r");
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  },
  remove,
  createExclusive,
  join: path.join,
  absolute: (file) => path.resolve(file),
  sha256: () => hashOf("sha256"),
  sha1: () => hashOf("sha1"),
  fetch: (...request) => globalThis.fetch(...request),
  env: (name) => process.env[name],
  homeFolder: () => os.homedir(),
  availableMemoryBytes,
  freeDiskBytes(folder) {
    const { bavail, bsize } = at(folder, () => fs.statfsSync(folder));
    return bavail * bsize;
  },
  cpuThreads: () => os.availableParallelism(),
  nowMs: () => performance.now(),
  processId: process.pid,
  startedMs: performance.timeOrigin,
  isAlive(processId) {
    // Zero and negative numbers mean groups of processes.
    if (!Number.isSafeInteger(processId) || processId <= 0) return false;
    try {
      process.kill(processId, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM";
    }
  },
};
