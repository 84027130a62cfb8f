/** Files and folders in memory, with the meaning of a POSIX file system. Knows nothing of the machine around it. */
import { fail } from "../base/errors.ts";
import type { FileWriter, Host } from "./types.ts";

/** The part of {@link Host} that concerns files. */
export type FileTree = Pick<
  Host,
  | "readText"
  | "readBytes"
  | "readInto"
  | "fileSize"
  | "kindOf"
  | "listFolder"
  | "makeFolder"
  | "createFile"
  | "extendFile"
  | "link"
  | "realPath"
  | "blobOf"
  | "scratchPath"
  | "appendText"
  | "rename"
  | "syncFolder"
  | "remove"
  | "createExclusive"
  | "join"
  | "absolute"
  | "freeDiskBytes"
>;

/** Files grow by blocks, so that a large one is never copied. */
const BLOCK = 2 ** 20;

/** All blocks but the last are whole; the last has room for more. */
interface MemoryFile {
  readonly blocks: Uint8Array[];
  size: number;
}

/** Every path that exists, absolute; the root is a folder. */
type Entries = Map<string, MemoryFile | "folder">;

/** Joins parts with "/" and resolves "." and ".."; nothing is above the root. */
export function joinPaths(...parts: string[]): string {
  const path = parts.filter((part) => part !== "").join("/");
  const rooted = path.startsWith("/");
  const kept: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") kept.push(name);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!rooted) kept.push(name);
  }
  return `${rooted ? "/" : ""}${kept.join("/")}` || ".";
}

const absolute = (path: string): string => {
  if (path.includes("\0")) fail("NOT_FOUND", `${JSON.stringify(path)}: a path has no NUL`);
  return joinPaths("/", path);
};
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";
const below = (folder: string): string => (folder === "/" ? "/" : `${folder}/`);

/**
 * An empty tree that holds at most `maxBytes`; more gives DISK, as a full disk does. Paths are separated by "/" and
 * relative ones start at the root. All is lost with the program.
 */
export function createFileTree({ maxBytes = Number.POSITIVE_INFINITY } = {}): FileTree {
  const entries: Entries = new Map([["/", "folder"]]);
  const used = () => [...entries.values()].reduce((n, entry) => n + (entry === "folder" ? 0 : entry.size), 0);
  return {
    ...readers(entries),
    ...writers(entries, () => maxBytes - used()),
    ...folders(entries),
    link: () => false,
    join: joinPaths,
    absolute,
    freeDiskBytes: () => maxBytes - used(),
  };
}

function readers(entries: Entries) {
  const fileAt = (path: string) => findFile(entries, path);
  const readInto: Host["readInto"] = (path, offset, target) => {
    const file = fileAt(path);
    const end = offset + target.length;
    if (end > file.size) fail("DISK", `${path}: ended at byte ${file.size}, expected ${end}`);
    for (let at = offset; at < end; ) {
      const start = at % BLOCK;
      const part = file.blocks[Math.floor(at / BLOCK)]!.subarray(start, Math.min(BLOCK, start + end - at));
      target.set(part, at - offset);
      at += part.length;
    }
  };
  const readBytes: Host["readBytes"] = (path, offset = 0, length = Math.max(0, fileAt(path).size - offset)) => {
    if (offset + length > fileAt(path).size)
      fail("DISK", `${path}: ended at byte ${fileAt(path).size}, expected ${offset + length}`);
    const target = new Uint8Array(length);
    readInto(path, offset, target);
    return target;
  };
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    readInto,
    readBytes,
    readText: (path: string) => text.decode(readBytes(path)),
    blobOf: async (path: string) => new Blob(readBlocks(fileAt(path))),
    realPath(path: string) {
      if (!entries.has(absolute(path))) fail("NOT_FOUND", `${path}: there is no such file or folder`);
      return absolute(path);
    },
    fileSize: (path: string) => fileAt(path).size,
    kindOf(path: string) {
      const entry = path.includes("\0") ? undefined : entries.get(absolute(path));
      return entry === undefined ? undefined : entry === "folder" ? ("folder" as const) : ("file" as const);
    },
  };
}

function writers(entries: Entries, free: () => number) {
  const append = (path: string, file: MemoryFile, bytes: Uint8Array) => {
    if (bytes.length > free()) fail("DISK", `${path}: the disk is full. Free some space and try again with --resume`);
    appendBytes(file, bytes);
  };
  const encode = (text: string) => new TextEncoder().encode(text);
  const fileToExtend = (path: string): MemoryFile => {
    const entry = entries.get(absolute(path)) ?? newFile(entries, path);
    return entry === "folder" ? fail("DISK", `${path}: it is a folder, expected a file`) : entry;
  };
  const writerOf = (path: string, file: MemoryFile): FileWriter => {
    let open = true;
    const mustBeOpen = () => open || fail("BUG", `${path}: is closed`);
    return {
      write(bytes) {
        mustBeOpen();
        append(path, file, bytes);
      },
      finish() {
        mustBeOpen();
        open = false;
      },
      abandon() {
        open = false;
        if (entries.get(absolute(path)) === file) entries.delete(absolute(path));
      },
    };
  };
  let scratches = 0;
  return {
    scratchPath: () => `/tmp/ownlm-${++scratches}.tmp`,
    createFile: (path: string) => writerOf(path, newFile(entries, path)),
    extendFile: (path: string) => writerOf(path, fileToExtend(path)),
    appendText: (path: string, text: string) => append(path, fileToExtend(path), encode(text)),
    createExclusive(path: string, text: string) {
      if (entries.has(absolute(path))) return false;
      append(path, newFile(entries, path), encode(text));
      return true;
    },
  };
}

function folders(entries: Entries) {
  return {
    listFolder(path: string) {
      const prefix = below(findFolder(entries, path));
      const inside = [...entries.keys()].filter((key) => key !== "/" && key.startsWith(prefix));
      const names = inside.map((key) => key.slice(prefix.length)).filter((name) => !name.includes("/"));
      return names.sort();
    },
    makeFolder(path: string) {
      const folder = absolute(path);
      for (let end = folder.indexOf("/", 1); ; end = folder.indexOf("/", end + 1)) {
        const part = end < 0 ? folder : folder.slice(0, end);
        const entry = entries.get(part) ?? "folder";
        if (entry !== "folder") fail(part === folder ? "EXISTS" : "NOT_FOUND", `${path}: ${part} is no folder`);
        entries.set(part, "folder");
        if (end < 0) return;
      }
    },
    rename: (from: string, to: string) => rename(entries, from, to),
    syncFolder: (path: string) => void findFolder(entries, path),
    remove(path: string) {
      const target = absolute(path);
      if (target === "/") fail("DISK", `${path}: the root stays`);
      entries.delete(target);
      for (const key of [...entries.keys()]) if (key.startsWith(below(target))) entries.delete(key);
    },
  };
}

function findFile(entries: Entries, path: string): MemoryFile {
  const entry = entries.get(absolute(path));
  if (entry === "folder") return fail("DISK", `${path}: it is a folder, expected a file`);
  return entry ?? fail("NOT_FOUND", `${path}: there is no such file or folder`);
}

function findFolder(entries: Entries, path: string): string {
  if (entries.get(absolute(path)) === "folder") return absolute(path);
  return fail("NOT_FOUND", `${path}: there is no such folder`);
}

/** A new, empty file in a folder that exists, in place of a file that was there. */
function newFile(entries: Entries, path: string): MemoryFile {
  const key = absolute(path);
  if (entries.get(key) === "folder") fail("DISK", `${path}: it is a folder, expected a file`);
  if (entries.get(parentOf(key)) !== "folder") fail("NOT_FOUND", `${path}: there is no such folder`);
  const file: MemoryFile = { blocks: [], size: 0 };
  entries.set(key, file);
  return file;
}

/** As POSIX has it: a file takes the place of a file, a folder that of an empty folder. */
function rename(entries: Entries, from: string, to: string): void {
  const [source, target] = [absolute(from), absolute(to)];
  const there = entries.get(target);
  const moved = entries.get(source) ?? fail("NOT_FOUND", `${from}: there is no such file or folder`);
  if (entries.get(parentOf(target)) !== "folder") fail("NOT_FOUND", `${to}: there is no such folder`);
  if (source === target) return;
  if (target.startsWith(below(source))) fail("DISK", `${from}: got ${to}, which is inside of it`);
  if (there !== undefined && (there === "folder") !== (moved === "folder"))
    fail("DISK", `${from}: got ${to}, where a ${there === "folder" ? "folder" : "file"} is`);
  const keys = [...entries.keys()];
  if (there === "folder" && keys.some((key) => key.startsWith(below(target))))
    fail("DISK", `${from}: got ${to}, a folder that is not empty`);
  for (const key of keys.filter((key) => key === source || key.startsWith(below(source)))) {
    entries.set(target + key.slice(source.length), entries.get(key)!);
    entries.delete(key);
  }
}

/** The written part of each block, copied. */
function readBlocks({ blocks, size }: MemoryFile): Uint8Array<ArrayBuffer>[] {
  return blocks.map((block, i) => block.slice(0, Math.min(BLOCK, size - i * BLOCK)));
}

function appendBytes(file: MemoryFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const [index, start] = [Math.floor(file.size / BLOCK), file.size % BLOCK];
    const count = Math.min(bytes.length - done, BLOCK - start);
    const block = file.blocks[index] ?? new Uint8Array(0);
    file.blocks[index] = block.length >= start + count ? block : enlarged(block, start + count);
    file.blocks[index].set(bytes.subarray(done, done + count), start);
    file.size += count;
    done += count;
  }
}

/** A copy with room for `length` bytes, and for as many again where the block allows. */
function enlarged(block: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(Math.min(BLOCK, Math.max(length, 2 * block.length)));
  larger.set(block);
  return larger;
}
