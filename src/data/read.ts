/** Texts from files and folders: UTF-8, read in pieces, with what is wrong named by file and place. Knows no tokens. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { readLines } from "./jsonl.ts";
import { decodePieces, refuseBinary, type TextPieces } from "./pieces.ts";
import type { TextDocument } from "./types.ts";

/** What reading needs of the platform. */
export type ReadHost = Pick<Host, "kindOf" | "listFolder" | "fileSize" | "readInto" | "join" | "sha256">;

/** How texts are read. */
export interface ReadOptions {
  /** Refuse bytes that are no UTF-8 instead of replacing them. */
  readonly strict?: boolean;
  /** Bytes read at once. */
  readonly pieceBytes?: number;
  /** Picks folders, found below one that was named, that hold no texts. */
  readonly leaveOut?: (folder: string) => boolean;
  /** Bytes of all files together, at most. The texts are held in memory. */
  readonly maxBytes?: number;
}

/** The texts, and what a person should know of them. */
export interface Texts {
  readonly documents: readonly TextDocument[];
  /** One line each: bytes replaced, empty files left out. */
  readonly warnings: readonly string[];
}

const EXTENSIONS = [".txt", ".md", ".jsonl"];
const MAX_DEPTH = 16;

/**
 * Reads files and folders of text. Of a folder it takes `*.txt`, `*.md` and `*.jsonl` in it and below it, by name,
 * and leaves out names that begin with a dot. A byte order mark is dropped, line ends stay as they are. Errors:
 * NOT_FOUND, DISK, BAD_TEXT (binary, empty, or no UTF-8 with `strict`), BAD_DATA (nothing to read, or too much).
 */
export function readTexts(host: ReadHost, paths: readonly string[], options: ReadOptions = {}): Texts {
  if (paths.length === 0) fail("BAD_DATA", "texts: got no path, expected a file or a folder of texts");
  const warnings: string[] = [];
  const files = paths.flatMap((path) => filesOf(host, path, options, warnings));
  checkSize(host, files, options.maxBytes ?? 2 ** 30);
  const documents = files.flatMap((file) => readFile(host, file, options, warnings));
  if (documents.length === 0) fail("BAD_DATA", `${paths.join(", ")}: every file is empty, expected some text`);
  for (const document of documents)
    if (document.invalidBytes > 0)
      warnings.push(
        `${document.path}: ${document.invalidBytes} bytes are no UTF-8 (the first at byte ${document.firstInvalidByte}) and became U+FFFD`,
      );
  return { documents, warnings };
}

interface FoundFile {
  readonly path: string;
  /** Found in a folder, not named by the user. */
  readonly listed: boolean;
}

function filesOf(host: ReadHost, path: string, options: ReadOptions, warnings: string[]): FoundFile[] {
  const kind = host.kindOf(path);
  if (kind === undefined) fail("NOT_FOUND", `${path}: there is no such file or folder. Try another path`);
  if (kind === "other") fail("UNSUPPORTED", `${path}: is no regular file, expected a file or a folder of texts`);
  if (kind === "file") return [{ path, listed: false }];
  const { leaveOut = () => false } = options;
  const left: LeftOut = { files: [], folders: [] };
  const files = walk(host, path, 0, leaveOut, left);
  const [others, folders] = [left.files, left.folders];
  if (files.length === 0) {
    const found = others.length ? ` among ${others.length} files such as ${others[0]}` : "";
    fail("BAD_DATA", `${path}: no ${EXTENSIONS.join(", ")} file${found}. Try to name the files themselves`);
  }
  if (others.length) warnings.push(`${path}: ${others.length} files of other kinds are left out, such as ${others[0]}`);
  if (folders.length) warnings.push(`${path}: folders of models are left out: ${folders.join(", ")}`);
  return files.map((file) => ({ path: file, listed: true }));
}

interface LeftOut {
  readonly files: string[];
  readonly folders: string[];
}

function walk(
  host: ReadHost,
  folder: string,
  depth: number,
  leaveOut: (folder: string) => boolean,
  left: LeftOut,
): string[] {
  // A link to a folder above would give the same files again and again.
  if (depth > MAX_DEPTH) fail("BAD_DATA", `${folder}: more than ${MAX_DEPTH} folders deep. Is a link a circle?`);
  return host.listFolder(folder).flatMap((name) => {
    if (name.startsWith(".")) return [];
    const path = host.join(folder, name);
    const kind = host.kindOf(path);
    if (kind === "folder" && !leaveOut(path)) return walk(host, path, depth + 1, leaveOut, left);
    if (kind === "file" && EXTENSIONS.includes(extensionOf(name))) return [path];
    if (kind === "folder") left.folders.push(name);
    if (kind === "file") left.files.push(name);
    return [];
  });
}

function extensionOf(path: string): string {
  const dot = path.lastIndexOf(".");
  return dot < 0 ? "" : path.slice(dot).toLowerCase();
}

function checkSize(host: ReadHost, files: readonly FoundFile[], maxBytes: number): void {
  let total = 0;
  for (const file of files) total += watched(file, () => host.fileSize(file.path));
  if (total <= maxBytes) return;
  const [got, most] = [total, maxBytes].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`);
  fail("BAD_DATA", `texts: got ${got} in ${files.length} files, expected at most ${most}. Try fewer files`);
}

function readFile(host: ReadHost, file: FoundFile, options: ReadOptions, warnings: string[]): TextDocument[] {
  return watched(file, () => {
    const size = host.fileSize(file.path);
    if (size === 0) {
      if (!file.listed) fail("BAD_TEXT", `${file.path}: is empty, expected some text`);
      warnings.push(`${file.path}: is empty and left out`);
      return [];
    }
    const pieces: TextPieces = {
      path: file.path,
      bytes: size,
      pieceBytes: options.pieceBytes ?? 4 * 2 ** 20,
      strict: options.strict ?? false,
      read: (offset, target) => host.readInto(file.path, offset, target),
      sha256: () => host.sha256(),
    };
    refuseBinary(pieces);
    if (extensionOf(file.path) === ".jsonl") return readLines(pieces);
    return [decodePieces(pieces)];
  });
}

/** Says so when a listed file went away before it was read. */
function watched<R>(file: FoundFile, action: () => R): R {
  try {
    return action();
  } catch (error) {
    if (!file.listed || !(error instanceof OwnlmError) || error.code !== "NOT_FOUND") throw error;
    return fail("NOT_FOUND", `${messageOf(error)}: it went away after its folder was listed. Try again`, error);
  }
}
