/** What a text is on its way to tokens. */

/** One text: a file, or the "text" of one line of a .jsonl file. */
export interface TextDocument {
  /** The file; a line of a .jsonl file is `path:number`. */
  readonly path: string;
  /** The text in pieces of some megabytes, cut where no token is cut. Together they are the whole text. */
  readonly chunks: readonly string[];
  /** Unicode code points. */
  readonly characters: number;
  /** Bytes it has in its file. */
  readonly bytes: number;
  /** SHA-256 of those bytes, in hexadecimal. */
  readonly sha256: string;
  /** Bytes that are no UTF-8; each run of them has become U+FFFD. */
  readonly invalidBytes: number;
  /** Where the first of them is in the file, or -1. */
  readonly firstInvalidByte: number;
}

/** The whole text of a document. Fails beyond V8's longest string, about 500 million characters. */
export function textOf(document: Pick<TextDocument, "chunks">): string {
  return document.chunks.join("");
}
