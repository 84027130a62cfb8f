/** The one door to files, memory, time and the network. What each platform can give; the rest of ownlm asks for no more. */

/** A file being written from its beginning to its end. */
export interface FileWriter {
  write(bytes: Uint8Array): void;
  /** Makes sure the bytes are on the disk, unless told that nobody needs them after this process, and closes. Nothing can be written after it. */
  finish(durable?: boolean): void;
  /** Closes and removes the file, once or more often. */
  abandon(): void;
}

/** Files and the machine. Paths are the platform's own; errors are NOT_FOUND, EXISTS or DISK and name the path. */
export interface Host {
  readonly name: "node" | "web";
  /** UTF-8, as it is: a byte order mark stays, and what is no UTF-8 becomes U+FFFD. */
  readText(path: string): string;
  /** All bytes, or `length` of them from `offset`; throws when the file ends before, and then allocates nothing. */
  readBytes(path: string, offset?: number, length?: number): Uint8Array;
  /** Fills `target` from `offset`; throws when the file ends before. */
  readInto(path: string, offset: number, target: Uint8Array): void;
  fileSize(path: string): number;
  kindOf(path: string): "file" | "folder" | "other" | undefined;
  /** Names in a folder, sorted. */
  listFolder(path: string): string[];
  /** Makes a folder and those above it. */
  makeFolder(path: string): void;
  createFile(path: string): FileWriter;
  /** Goes on at the end of a file, made where there is none. */
  extendFile(path: string): FileWriter;
  /** A path for a file that is used for a while and removed again; no two calls give the same. */
  scratchPath(): string;
  /** Adds text at the end of a file, making it when there is none. */
  appendText(path: string, text: string): void;
  /** At once: a file takes the place of a file; a folder may take that of an empty one only. */
  rename(from: string, to: string): void;
  /** Makes a folder's entries durable after renames. */
  syncFolder(path: string): void;
  /** Removes a file or a folder with all it holds; nothing when there is none. */
  remove(path: string): void;
  /** Makes a file that must not exist yet, with all of its text at once; false when it does. */
  createExclusive(path: string, text: string): boolean;
  /** Makes a symbolic link to `target`, which is relative to the link; false where there are none. EXISTS where the name is taken. */
  link(target: string, path: string): boolean;
  /** The path of what a path leads to, with every link followed. */
  realPath(path: string): string;
  /** A file to be sent: its bytes are read when they are needed, where the platform can. */
  blobOf(path: string): Promise<Blob>;
  join(...parts: string[]): string;
  absolute(path: string): string;
  /** SHA-256 in hexadecimal, fed in pieces; `hex` closes it. */
  sha256(): { update(bytes: Uint8Array): void; hex(): string };
  /** SHA-1 alike: it names things as git does, and protects nothing. */
  sha1(): { update(bytes: Uint8Array): void; hex(): string };
  /** The platform's own `fetch`. */
  readonly fetch: typeof globalThis.fetch;
  /** An environment variable; undefined where it is not set or there are none. */
  env(name: string): string | undefined;
  /** The user's own folder. */
  homeFolder(): string;
  availableMemoryBytes(): number;
  freeDiskBytes(path: string): number;
  cpuThreads(): number;
  /** Milliseconds on a clock that never goes back. */
  nowMs(): number;
  readonly processId: number;
  /** When this process began, in milliseconds since 1970: tells it from an earlier one of the same number. */
  readonly startedMs: number;
  /** True while a process lives; undefined where nobody can tell. */
  isAlive(processId: number): boolean | undefined;
}
