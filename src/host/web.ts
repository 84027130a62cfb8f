/**
 * The door where there is no Node: files in memory, gone with the page, and what a browser tells of the machine. The
 * origin's private file system can take the memory's place behind the same functions.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { createFileTree } from "./memory.ts";
import type { Host } from "./types.ts";

/** A host with an empty file tree of its own, of at most `maxBytes`. */
export function createWebHost(options: { readonly maxBytes?: number } = {}): Host {
  return {
    name: "web",
    ...createFileTree(options),
    sha256: () => hashOf(sha256.create()),
    sha1: () => hashOf(sha1.create()),
    fetch: (...request) => globalThis.fetch(...request),
    env: () => undefined,
    homeFolder: () => "/",
    availableMemoryBytes: () => deviceMemoryBytes(),
    cpuThreads: () => globalThis.navigator?.hardwareConcurrency ?? 1,
    nowMs: () => performance.now(),
    processId: 1,
    startedMs: performance.timeOrigin,
    isAlive: (processId) => processId === 1,
  };
}

const hashOf = (hash: { update(bytes: Uint8Array): unknown; digest(): Uint8Array }) => ({
  update: (bytes: Uint8Array) => void hash.update(bytes),
  hex: () => bytesToHex(hash.digest()),
});

/** The machine's memory as browsers tell it, rounded and at most 8 GiB; 4 GiB where they do not, as WebAssembly has. */
function deviceMemoryBytes(): number {
  const gibibytes = (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory;
  return 2 ** 30 * (gibibytes ?? 4);
}

/** The page's files and machine. */
export const host: Host = createWebHost();
