/** One file from the hub into the cache: gone on with where it was cut, hashed, put in place whole. Knows no repository's list. */
import { fail, OwnlmError } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import { createTurn, sleep } from "../base/pause.ts";
import type { FileWriter, Host } from "../host/types.ts";
import { discard } from "../weights/files.ts";
import { takeLock } from "../weights/lock.ts";
import { blobPath } from "./cache.ts";
import type { RepoFile } from "./client.ts";
import { folderName, type RepoAt } from "./id.ts";
import { bodyPieces, type Requests } from "./requests.ts";
import type { HubSettings } from "./settings.ts";

/** A file to be fetched, and who hears of it. */
export interface Download {
  /** At a commit. */
  readonly repo: RepoAt;
  readonly file: RepoFile;
  /** Told how many of the file's bytes are here: whenever some have come, and fewer when they turn out wrong. */
  readonly onBytes: (bytes: number, received: number) => void;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

interface Fetching extends Download {
  readonly host: Host;
  readonly settings: HubSettings;
  readonly requests: Requests;
  /** What has come so far. */
  readonly part: string;
}

/** Attempts in a row that bring nothing new. */
const ATTEMPTS = 5;
const FIRST_WAIT_MS = 250;
const LOCK_WAIT_MS = 100;
const READ_BYTES = 2 ** 22;
/** How often a part of the file is written out: small pieces would be as many calls. */
const WRITE_BYTES = 2 ** 20;

/**
 * Puts a file's blob in the cache, which may be there already. A part that an earlier try left is gone on with; what
 * does not hash to the blob's name is fetched once more from its beginning, and then BAD_HUB. Another process that
 * fetches the same blob is waited for. Throws NETWORK after five attempts without a new byte, DISK, ABORTED.
 */
export async function fetchBlob(host: Host, settings: HubSettings, requests: Requests, what: Download): Promise<void> {
  const { repo, file, onBytes } = what;
  const blob = blobPath(host, settings, repo, file.hash);
  if (isWhole(host, blob, file)) return onBytes(file.bytes, 0);
  host.makeFolder(host.join(blob, ".."));
  using _ = await lockBlob(host, settings, what);
  if (isWhole(host, blob, file)) return onBytes(file.bytes, 0);
  const part = `${blob}.ownlm.incomplete`;
  const fetching: Fetching = { ...what, host, settings, requests, part };
  if (!(await fetchHashed(fetching)) && !(await fetchHashed(fetching))) wrongHash(fetching);
  // Whole on the disk before it has its name: a blob of the right name and size is never looked into again.
  host.extendFile(part).finish();
  host.rename(part, blob);
}

const isWhole = (host: Host, blob: string, { bytes }: RepoFile) =>
  host.kindOf(blob) === "file" && host.fileSize(blob) === bytes;

/** Waits until no other process, and nobody in this one, fetches the blob. */
async function lockBlob(host: Host, settings: HubSettings, { repo, file, signal, onWarning }: Download) {
  const folder = host.join(settings.cache, ".locks", folderName(repo));
  host.makeFolder(folder);
  const path = host.join(folder, `${file.hash}.ownlm`);
  for (let told = false; ; told = true) {
    const taken = takeLock(host, path);
    if (typeof taken !== "number") return taken;
    if (!told && taken !== host.processId) onWarning(`${file.path}: process ${taken} is fetching it; waiting`);
    await sleep(LOCK_WAIT_MS, signal, `${file.path}: stopped while another process fetches it`);
  }
}

/** Fetches what is missing; false, and nothing left, where the whole is not what it should be. */
async function fetchHashed(fetching: Fetching): Promise<boolean> {
  const { host, part, file } = fetching;
  await fetchRest(fetching);
  if ((await hashOf(host, part, file, fetching.signal)) === file.hash) return true;
  discard(host, part);
  fetching.onBytes(0, 0);
  return false;
}

function wrongHash({ repo, file }: Fetching): never {
  return fail(
    "BAD_HUB",
    `${repo.id}: ${file.path}: what the hub sends does not have the ${file.algorithm} ${file.hash} that it names. Nothing was kept; try again later.`,
  );
}

/** Fetches from where the part ends until it has all bytes, again and again where the connection breaks. */
async function fetchRest(fetching: Fetching): Promise<void> {
  const { host, part, file, onBytes, onWarning, signal } = fetching;
  for (let attempt = 1; ; ) {
    const before = sizeOf(host, part, file);
    onBytes(before, 0);
    if (before === file.bytes && (file.bytes > 0 || host.kindOf(part) === "file")) return;
    const { url, answer } = await asked(fetching, before);
    try {
      await writeAnswer(fetching, url, answer, before);
      if (sizeOf(host, part, file) === file.bytes) return;
      fail("NETWORK", `${file.path}: ended at byte ${sizeOf(host, part, file)} of ${file.bytes}.`);
    } catch (error) {
      if (!(error instanceof OwnlmError) || error.code !== "NETWORK") throw error;
      attempt = sizeOf(host, part, file) > before ? 1 : attempt + 1;
      if (attempt > ATTEMPTS) throw error;
      const waitMs = FIRST_WAIT_MS * 2 ** (attempt - 1);
      onWarning(`${error.message} Going on from ${formatBytes(sizeOf(host, part, file))} in ${waitMs / 1000} s`);
      await sleep(waitMs, signal, `${file.path}: stopped; what has come is kept`);
    }
  }
}

/** Bytes that are here. A part that is longer than the file is of no use. */
function sizeOf(host: Host, part: string, { bytes }: RepoFile): number {
  if (host.kindOf(part) !== "file") return 0;
  const size = host.fileSize(part);
  if (size <= bytes) return size;
  host.remove(part);
  return 0;
}

/** Asks for the bytes from a place on. Attempts at that are made by {@link Requests}. */
async function asked({ settings, requests, repo, file, signal }: Fetching, from: number) {
  const prefix = repo.type === "model" ? "" : `${repo.type}s/`;
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const url = `${settings.endpoint}/${prefix}${repo.id}/resolve/${repo.revision}/${path}`;
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  return { url, answer: await requests.send(url, { headers, ...(signal && { signal }) }) };
}

/** Puts what comes at the end of the part. */
async function writeAnswer(fetching: Fetching, url: string, answer: Response, from: number): Promise<void> {
  const { host, settings, part, signal } = fetching;
  const begins = beginningOf(answer, fetching, from);
  const writer = begins > 0 ? host.extendFile(part) : host.createFile(part);
  try {
    await writeBody(fetching, bodyPieces(settings, url, answer, signal), writer, begins);
  } finally {
    writer.finish(false);
  }
}

/** Where the answer's bytes begin: where they were asked from, or at 0 where the server sends the whole again. */
function beginningOf(answer: Response, { file }: Fetching, from: number): number {
  if (answer.status !== 206) return 0;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "");
  if (Number(range?.[1]) === from && (range![2] === "*" || Number(range![2]) === file.bytes)) return from;
  return fail(
    "BAD_HUB",
    `${file.path}: asked for bytes from ${from} of ${file.bytes}, got the range ${answer.headers.get("content-range")}`,
  );
}

/** Writes pieces as they come, gathered to larger ones. */
async function writeBody(
  { file, onBytes }: Fetching,
  pieces: AsyncIterable<Uint8Array>,
  writer: FileWriter,
  from: number,
): Promise<void> {
  const gathered = new Uint8Array(WRITE_BYTES);
  let [here, filled] = [from, 0];
  const flush = () => {
    writer.write(gathered.subarray(0, filled));
    filled = 0;
  };
  try {
    for await (const piece of pieces) {
      if (here + piece.length > file.bytes)
        fail("BAD_HUB", `${file.path}: the hub sends more than the ${file.bytes} bytes that it names`);
      for (let done = 0; done < piece.length; ) {
        const count = Math.min(piece.length - done, WRITE_BYTES - filled);
        gathered.set(piece.subarray(done, done + count), filled);
        filled += count;
        done += count;
        if (filled === WRITE_BYTES) flush();
      }
      here += piece.length;
      onBytes(here, piece.length);
    }
  } finally {
    flush();
  }
}

/** SHA-256 of a file, or SHA-1 as git takes it: of "blob LENGTH", a NUL, and the content. */
async function hashOf(host: Host, path: string, { algorithm }: RepoFile, signal?: AbortSignal): Promise<string> {
  const turn = createTurn(signal, `${path}: stopped; what has come is kept`);
  const hash = algorithm === "sha256" ? host.sha256() : host.sha1();
  const size = host.fileSize(path);
  if (algorithm === "git-sha1") hash.update(new TextEncoder().encode(`blob ${size}\0`));
  for (let at = 0; at < size; at += READ_BYTES) {
    hash.update(host.readBytes(path, at, Math.min(READ_BYTES, size - at)));
    await turn();
  }
  return hash.hex();
}
