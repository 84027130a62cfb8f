/** Files that clients uploaded, in a folder of bounded size. Knows no HTTP. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { newId, nowSeconds } from "./context.ts";

/** A file as OpenAI describes one. */
export interface StoredFile {
  readonly id: string;
  readonly object: "file";
  readonly bytes: number;
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: "fine-tune";
  readonly status: "processed";
}

/** The files of a folder. */
export interface FileStore {
  /** Keeps JSON lines. Throws BAD_DATA with the line at fault, BUSY where the folder is full. */
  add(filename: string, bytes: Uint8Array): StoredFile;
  /** The newest first. */
  list(): StoredFile[];
  /** Throws NOT_FOUND. */
  get(id: string): StoredFile;
  /** Throws NOT_FOUND. */
  read(id: string): Uint8Array;
  /** Throws NOT_FOUND. */
  remove(id: string): void;
}

const ID = /^file-[0-9a-f]{32}$/;

/** Opens the folder, which holds at most so many bytes. */
export function openFileStore(host: Host, folder: string, mostBytes: number): FileStore {
  host.makeFolder(folder);
  const [dataOf, factsOf] = [".jsonl", ".json"].map((end) => (id: string) => host.join(folder, id + end)) as [
    (id: string) => string,
    (id: string) => string,
  ];
  const files = new Map<string, StoredFile>();
  for (const name of host.listFolder(folder)) {
    const id = name.replace(/\.json$/, "");
    if (ID.test(id)) files.set(id, JSON.parse(host.readText(factsOf(id))) as StoredFile);
  }
  const get = (id: string) =>
    files.get(id) ?? fail("NOT_FOUND", `file: there is no ${JSON.stringify(id.slice(0, 80))}`);
  return {
    add(filename, bytes) {
      checkLines(bytes);
      const held = [...files.values()].reduce((sum, file) => sum + file.bytes, 0);
      if (held + bytes.length > mostBytes)
        fail("BUSY", `file: the server keeps ${held} bytes of at most ${mostBytes}. Delete files first.`);
      const id = newId("file");
      const created_at = nowSeconds();
      const file: StoredFile = {
        ...{ id, object: "file", bytes: bytes.length, created_at },
        ...{ filename: filename.slice(0, 200), purpose: "fine-tune", status: "processed" },
      };
      writeAtOnce(host, dataOf(id), bytes);
      writeAtOnce(host, factsOf(id), new TextEncoder().encode(JSON.stringify(file)));
      files.set(id, file);
      return file;
    },
    list: () => [...files.values()].sort((a, b) => b.created_at - a.created_at),
    get,
    read: (id) => host.readBytes(dataOf(get(id).id)),
    remove(id) {
      get(id);
      host.remove(factsOf(id));
      host.remove(dataOf(id));
      files.delete(id);
    },
  };
}

/** Writes a file that is whole or not there. */
export function writeAtOnce(host: Host, path: string, bytes: Uint8Array): void {
  const file = host.createFile(`${path}.new`);
  try {
    file.write(bytes);
    file.finish();
  } catch (error) {
    file.abandon();
    throw error;
  }
  host.rename(`${path}.new`, path);
}

function checkLines(bytes: Uint8Array): void {
  const text = decoded(bytes);
  const lines = text.split("\n");
  if (lines.every((line) => line.trim() === "")) fail("BAD_DATA", "file: is empty, expected JSON lines");
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    if (!isJsonObject(parsed(line, i))) fail("BAD_DATA", `file: line ${i + 1}: expected a JSON object`);
  }
}

function parsed(line: string, index: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    return fail("BAD_DATA", `file: line ${index + 1}: ${(error as Error).message}`);
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("BAD_DATA", "file: is no UTF-8 text, expected JSON lines");
  }
}
