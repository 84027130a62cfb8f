/** Token ids of many texts as one typed array. Knows no text. */
import { fail } from "../base/errors.ts";

/** Token ids in a row; 16 bits each where the vocabulary allows it. */
export type Tokens = Uint16Array | Uint32Array | Int32Array;

/** How ids are packed. */
export interface PackOptions {
  /** Ids are below it. */
  readonly vocabSize: number;
  /** The id put between two texts, usually the end-of-text token. */
  readonly separator?: number | undefined;
}

/** Takes ids text by text, so that no more than one piece of text has to be held beside them. */
export interface TokenPacker {
  /** Adds ids to the text at hand. */
  add(ids: ArrayLike<number>): void;
  /** Ends the text at hand; the next `add` begins another. */
  endDocument(): void;
  readonly length: number;
  /** All ids. The packer is not to be used any more. */
  finish(): Uint16Array | Uint32Array;
}

/** A packer of nothing yet. BAD_TOKEN_ID from `add` for an id outside the vocabulary. */
export function tokenPacker({ vocabSize, separator }: PackOptions): TokenPacker {
  if (!Number.isInteger(vocabSize) || vocabSize < 1 || vocabSize > 2 ** 31)
    fail("BAD_OPTION", `vocabSize: got ${vocabSize}, expected 1 to 2^31`);
  const make = (length: number) => (vocabSize <= 65536 ? new Uint16Array(length) : new Uint32Array(length));
  let tokens = make(1024);
  let length = 0;
  let separate = false;
  const reserve = (count: number) => {
    if (length + count <= tokens.length) return;
    const larger = make(Math.max(length + count, tokens.length * 2));
    larger.set(tokens.subarray(0, length));
    tokens = larger;
  };
  const push = (id: number) => {
    if (!(id >= 0 && id < vocabSize) || !Number.isInteger(id))
      fail("BAD_TOKEN_ID", `pack: got id ${id} at position ${length}, expected one below ${vocabSize}`);
    tokens[length++] = id;
  };
  return {
    get length() {
      return length;
    },
    add(ids) {
      if (ids.length === 0) return;
      reserve(ids.length + 1);
      if (separate && separator !== undefined) push(separator);
      separate = false;
      for (let i = 0; i < ids.length; i++) push(ids[i]!);
    },
    endDocument() {
      separate = length > 0;
    },
    finish: () => tokens.slice(0, length),
  };
}

/** The ids of texts in a row, with the separator between two of them. */
export function packTokens(documents: Iterable<ArrayLike<number>>, options: PackOptions): Uint16Array | Uint32Array {
  const packer = tokenPacker(options);
  for (const ids of documents) {
    packer.add(ids);
    packer.endDocument();
  }
  return packer.finish();
}
