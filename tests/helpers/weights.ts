/** Makes files of weights byte by byte, so that tests can damage them. */
import type { Host } from "../../src/host/types.ts";

/** Puts a file in place of what is there. */
export function putFile(host: Host, file: string, content: Uint8Array | string): void {
  const writer = host.createFile(file);
  writer.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  writer.finish();
}

/** A safetensors file with any header, and `dataBytes` bytes after it. */
export function headerOf(header: string | Uint8Array, dataBytes: number): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes).fill(7);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** {@link headerOf} with JSON of anything. */
export function fileOf(header: object, dataBytes: number): Uint8Array {
  return headerOf(JSON.stringify(header), dataBytes);
}
