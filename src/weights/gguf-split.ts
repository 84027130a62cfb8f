/** GGUF models in several files, NAME-00001-of-00003.gguf and on: opened as one. Knows no model. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type GgufFile, type GgufTensor, openGguf } from "./gguf.ts";
import { show } from "./header.ts";

/** As gguf-split names a part. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

const numbered = (number: number) => String(number).padStart(5, "0");

/**
 * A file, or all the parts of a model whose first is `file`: the first part's metadata, and every part's tensors. Throws
 * what {@link openGguf} throws, and BAD_WEIGHTS naming the part that is missing, of another model or not where its name
 * says, and for a first file that is no first part.
 */
export function openGgufParts(host: Host, file: string): GgufFile {
  const first = openGguf(host, file);
  const count = wholeOf(first, "split.count", 1);
  if (count <= 1) return first;
  const stem = stemOf(first, count);
  const tensors = new Map<string, GgufTensor>(first.tensors);
  for (let number = 2; number <= count; number++) {
    const path = `${stem}-${numbered(number)}-of-${numbered(count)}.gguf`;
    if (host.kindOf(path) !== "file")
      fail("BAD_WEIGHTS", `${path}: part ${number} of ${count} is missing. Put all parts of the model beside ${file}.`);
    const part = openGguf(host, path);
    expectKey(part, "split.no", number - 1);
    expectKey(part, "split.count", count);
    for (const [name, tensor] of part.tensors) {
      const other = tensors.get(name);
      if (other) fail("BAD_WEIGHTS", `${path}: ${show(name)}: the tensor is in ${other.file} too`);
      tensors.set(name, tensor);
    }
  }
  const expected = wholeOf(first, "split.tensors.count", tensors.size);
  if (tensors.size !== expected)
    fail("BAD_WEIGHTS", `${file}: split.tensors.count: got ${tensors.size} tensors in all parts, expected ${expected}`);
  return { ...first, tensors };
}

/** The name of all parts without their numbers. */
function stemOf(first: GgufFile, count: number): string {
  const { file } = first;
  const match = PART.exec(file);
  const number = wholeOf(first, "split.no", 0) + 1;
  if (!match || Number(match[2]) !== number || Number(match[3]) !== count)
    return fail(
      "BAD_WEIGHTS",
      `${file}: split.count: is part ${number} of ${count}, expected a name that ends in -${numbered(number)}-of-${numbered(count)}.gguf, with the other parts beside it`,
    );
  if (number !== 1)
    fail(
      "BAD_WEIGHTS",
      `${file}: is part ${number} of ${count}. Name the first: ${match[1]}-${numbered(1)}-of-${match[3]}.gguf`,
    );
  return match[1]!;
}

function expectKey(part: GgufFile, key: string, expected: number): void {
  const got = wholeOf(part, key, Number.NaN);
  if (got !== expected)
    fail("BAD_WEIGHTS", `${part.file}: ${key}: got ${Number.isNaN(got) ? "nothing" : got}, expected ${expected}`);
}

function wholeOf({ file, metadata }: GgufFile, key: string, otherwise: number): number {
  const value = metadata.get(key) ?? otherwise;
  if (typeof value === "number" && (Number.isNaN(value) || Number.isSafeInteger(value))) return value;
  return fail("BAD_WEIGHTS", `${file}: ${key}: got ${String(value).slice(0, 40)}, expected a whole number`);
}
