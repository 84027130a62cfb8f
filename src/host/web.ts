/**
 * The door where there is no Node: files in memory, gone with the page, and what a browser tells of the machine. The
 * origin's private file system can take the memory's place behind the same functions.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { createFileTree } from "./memory.ts";
import type { Host } from "./types.ts";

/** A host with an empty file tree of its own, of at most `maxBytes`. */
export function createWebHost(options: { readonly maxBytes?: number } = {}): Host {
  return {
    name: "web",
    ...createFileTree(options),
    sha256() {
      const hash = sha256.create();
      return { update: (bytes) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
    },
    availableMemoryBytes: () => deviceMemoryBytes(),
    cpuThreads: () => globalThis.navigator?.hardwareConcurrency ?? 1,
    nowMs: () => performance.now(),
    processId: 1,
    startedMs: performance.timeOrigin,
    isAlive: (processId) => processId === 1,
  };
}

/** The machine's memory as browsers tell it, rounded and at most 8 GiB; 4 GiB where they do not, as WebAssembly has. */
function deviceMemoryBytes(): number {
  const gibibytes = (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory;
  return 2 ** 30 * (gibibytes ?? 4);
}

/** The page's files and machine. */
export const host: Host = createWebHost();
