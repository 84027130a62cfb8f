/** The one error type users meet. Knows nothing of where it is shown. */

/**
 * Codes a program may branch on. `USAGE` is the user's command line, `BUG` is ours; the rest name what was at fault.
 */
export type ErrorCode =
  | "USAGE"
  | "BUG"
  | "BAD_OPTION"
  | "BAD_GRAPH"
  | "BAD_SHAPE"
  | "BAD_DTYPE"
  | "BAD_CONFIG"
  | "BAD_TOKENIZER"
  | "BAD_CHAT"
  | "BAD_TOKEN_ID"
  | "BAD_WEIGHTS"
  | "BAD_CHECKPOINT"
  | "BAD_CACHE"
  | "BAD_TEXT"
  | "BAD_DATA"
  | "BAD_GRAMMAR"
  | "INCOMPLETE"
  | "NO_GRADIENT"
  | "DISPOSED"
  | "RUNTIME"
  | "RUNTIME_MISSING"
  | "OUT_OF_MEMORY"
  | "CONTEXT_OVERFLOW"
  | "NOT_FOUND"
  | "EXISTS"
  | "LOCKED"
  | "DISK"
  | "DIVERGED"
  | "QUALITY"
  | "NETWORK"
  | "OFFLINE"
  | "DENIED"
  | "BAD_HUB"
  | "ABORTED"
  | "BUSY"
  | "UNSUPPORTED";

/** An error with a stable `code` and a message of the form "where: what is wrong: got X, expected Y. Try Z." */
export class OwnlmError extends Error {
  override readonly name = "OwnlmError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Throws an {@link OwnlmError}; an expression, so that it can close a `??` or a `switch`. */
export function fail(code: ErrorCode, message: string, cause?: unknown): never {
  throw new OwnlmError(code, message, cause === undefined ? undefined : { cause });
}

/** One line for a person: the message of any thrown thing, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
