/** What guesses tokens for speculation. */

/** Tokens that may come next, and how sure that is on the drafter's own scale: guesses of equal strength are counted together. */
export interface Draft {
  readonly ids: readonly number[];
  /** A whole number, 0 where there is no guess. */
  readonly strength: number;
}

/** Guesses up to `count` tokens after `ids`. */
export type Drafter = (ids: readonly number[], count: number, signal?: AbortSignal) => Draft | Promise<Draft>;
