/** The speed that a new token is made at, from the bytes that it reads. Formulas alone. */

/** What of the memory's bandwidth decoding reaches. */
export interface DecodeShares {
  /** With float32 weights. */
  readonly plain: number;
  readonly packed: number;
}

/** As measured with models of 135M and 1.24B parameters on a quiet machine: docs/bench.md. */
export const USUAL_SHARES: DecodeShares = { plain: 0.5, packed: 0.8 };

/** Bytes that a new token reads. */
export interface TokenBytes {
  readonly plain: number;
  readonly packed: number;
}

/** Tokens a second where memory is read at `bandwidth` bytes a second. */
export function decodeSpeed({ plain, packed }: TokenBytes, bandwidth: number, shares: DecodeShares): number {
  return bandwidth / (plain / shares.plain + packed / shares.packed);
}
