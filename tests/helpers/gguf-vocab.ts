/** The tokenizers of the shared GGUF vocabularies. */
import { host } from "../../src/host/node.ts";
import { tokenizerFilesOfGguf, tokenizerFromGguf } from "../../src/tokenizer/gguf.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { openGguf } from "../../src/weights/gguf.ts";

/** The tokenizer in a GGUF file. */
export function ggufTokenizerOf(file: string): Tokenizer {
  return tokenizerFromGguf(openGguf(host, file).metadata, file)!;
}

/** The `tokenizer.json` that a GGUF file's vocabulary is the same as. */
export function tokenizerJsonOfGguf(file: string): object {
  return tokenizerFilesOfGguf(openGguf(host, file).metadata, file).json;
}
