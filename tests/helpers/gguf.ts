/** Makes GGUF files byte by byte, so that tests can make them wrong. */

import type { Rng } from "../../src/base/rng.ts";

/** A little-endian number of so many bytes. */
export function le(value: number | bigint, bytes: 1 | 2 | 4 | 8): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return out.subarray(0, bytes);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => joinedAll(parts);

/** {@link joined} for more parts than a call has arguments. */
export function joinedAll(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Text after its length, or after another. */
export function text(value: string | Uint8Array, length?: bigint): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return joined(le(length ?? bytes.length, 8), bytes);
}

/** A key with a value: the number of its type and its bytes. */
export const pair = (key: string, type: number, ...value: Uint8Array[]): Uint8Array =>
  joined(text(key), le(type, 4), ...value);

/** A list as a value: the number of its elements' type, how many it says there are, their bytes. */
export const list = (type: number, count: number | bigint, ...elements: Uint8Array[]): Uint8Array =>
  joined(le(type, 4), le(count, 8), ...elements);

/** A tensor's entry; dims as in the file, the row's elements first. */
export const info = (
  name: string,
  dims: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
): Uint8Array => joined(text(name), le(dims.length, 4), ...dims.map((dim) => le(dim, 8)), le(type, 4), le(offset, 8));

interface Parts {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: number | bigint;
  readonly pairCount?: number | bigint;
  readonly pairs?: readonly Uint8Array[];
  readonly infos?: readonly Uint8Array[];
  readonly alignment?: number;
  readonly dataBytes?: number;
}

/** A file of these parts, with so many bytes of tensors. */
export function ggufBytes(parts: Parts): Uint8Array {
  const { pairs = [], infos = [], alignment = 32, dataBytes = 0 } = parts;
  const header = joined(
    new TextEncoder().encode(parts.magic ?? "GGUF"),
    le(parts.version ?? 3, 4),
    le(parts.tensorCount ?? infos.length, 8),
    le(parts.pairCount ?? pairs.length, 8),
    ...pairs,
    ...infos,
  );
  const padding = Math.ceil(header.length / alignment) * alignment - header.length;
  return joined(header, new Uint8Array(padding + dataBytes));
}

/** One to four changes at random places: a byte, a number of the extremes, a piece doubled, a piece gone. */
export function mutatedBytes(bytes: Uint8Array, { below }: Rng): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(out.length + 1);
    const length = below(16);
    switch (below(4)) {
      case 0:
        out[at] = below(256);
        break;
      case 1: {
        const extreme = [0, 1, 2 ** 31, 2 ** 32 - 1, 2n ** 63n, 2n ** 64n - 1n, 2 ** 53][below(7)]!;
        out.set(le(extreme, 8).subarray(0, Math.min(8, out.length - at)), at);
        break;
      }
      case 2:
        out = joined(out.subarray(0, at), out.subarray(at, at + length), out.subarray(at)) as Uint8Array<ArrayBuffer>;
        break;
      default:
        out = joined(out.subarray(0, at), out.subarray(at + length)) as Uint8Array<ArrayBuffer>;
    }
  }
  return out;
}
