/** Decompression of Parquet's pages: every loop ends, and nothing larger than the page is made of a damaged one. */
import { compressors } from "hyparquet-compressors";
import { ZSTDDecoder } from "zstddec";
import { fail } from "../base/errors.ts";
import { readVarint } from "./parquet-thrift.ts";

/** Larger pages are refused, and above this what no compressor makes of so few bytes. */
const MAX_PAGE_BYTES = 2 ** 29;
const FREE_BYTES = 2 ** 26;
const MAX_RATIO = 2000;

/** The page of `length` bytes that was compressed. Throws UNSUPPORTED, and an Error for damaged bytes. */
export async function decompress(codec: string, input: Uint8Array, length: number): Promise<Uint8Array> {
  if (length > MAX_PAGE_BYTES || (length > FREE_BYTES && length > MAX_RATIO * input.length))
    fail("UNSUPPORTED", `has a page of ${length} bytes in ${input.length}, expected at most ${MAX_PAGE_BYTES}`);
  const page = length === 0 && codec !== "UNCOMPRESSED" ? new Uint8Array() : await bytesOf(codec, input, length);
  if (page.length !== length) throw new Error(`has a page of ${page.length} bytes, expected ${length}`);
  return page;
}

async function bytesOf(codec: string, input: Uint8Array, length: number): Promise<Uint8Array> {
  if (codec === "UNCOMPRESSED") return input;
  if (codec === "ZSTD") {
    // fzstd copies up to 4 GiB for a block of 30 bytes.
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return decoder.decode(input, length);
  }
  if (codec === "SNAPPY") {
    const says = readVarint({ bytes: input, offset: 0 });
    if (says !== length) throw new Error(`has a page of ${says} bytes, expected ${length}`);
  }
  const name = codec === "LZ4" && !isHadoopLz4(input, length) ? "LZ4_RAW" : codec;
  const action = compressors[name as keyof typeof compressors];
  if (!action) fail("UNSUPPORTED", `is compressed with ${codec}, expected snappy, gzip, zstd, brotli or lz4`);
  return action(input, length);
}

/** Whether all bytes are frames of a length before and a length after compression, as Hadoop writes them. */
function isHadoopLz4(input: Uint8Array, length: number): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let [at, total] = [0, 0];
  while (at + 8 <= input.length && total <= length) {
    total += view.getUint32(at);
    at += 8 + view.getUint32(at + 4);
  }
  return at === input.length && total === length;
}
