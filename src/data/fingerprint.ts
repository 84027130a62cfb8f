/** Whether two runs see the same tokens and settings. Hashes through the host. */
import type { Host } from "../host/types.ts";
import type { Tokens } from "./pack.ts";

/** A value with one JSON form. */
export type Setting =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Setting[]
  | { readonly [name: string]: Setting };

const BLOCK = 2 ** 16;

/**
 * The SHA-256, in hexadecimal, of the settings as JSON with sorted names, and of the tokens as little-endian 32-bit
 * integers. Equal tokens give equal fingerprints whatever array holds them.
 */
export function fingerprint(sha256: Host["sha256"], tokens: Tokens, settings: Setting = null): string {
  const hash = sha256();
  hash.update(new TextEncoder().encode(`${canonicalJson(settings)}\n${tokens.length}\n`));
  const block = new DataView(new ArrayBuffer(4 * BLOCK));
  for (let at = 0; at < tokens.length; at += BLOCK) {
    const count = Math.min(BLOCK, tokens.length - at);
    for (let i = 0; i < count; i++) block.setUint32(4 * i, tokens[at + i]!, true);
    hash.update(new Uint8Array(block.buffer, 0, 4 * count));
  }
  return hash.hex();
}

/** JSON with the names of objects sorted; undefined ones are left out. */
export function canonicalJson(value: Setting): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, v]) => `${JSON.stringify(name)}:${canonicalJson(v as Setting)}`).join(",")}}`;
}
