/** What a table of facts is, and the phrasings it is told and asked in: many to train on, others kept for the test. */

/** Phrasings with `{a}` for what is asked about and `{b}` for the answer. */
export interface Phrasings {
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** Facts of one kind: of every subject `a` one answer `b`. */
export interface Relation {
  readonly name: string;
  readonly pairs: readonly (readonly [a: string, b: string])[];
  /** Sentences that end or do not end in the answer. Those that end in ` {b}.` are prompts of the test as well. */
  readonly told: Phrasings;
  readonly asked: Phrasings;
  /** The one sentence that answers a question in a chat. */
  readonly answer: string;
  /** The question the other way round, where the answer names one subject. */
  readonly back?: { readonly asked: Phrasings; readonly answer: string };
}

/** Pairs of a table in lines: `France: Paris, Spain: Madrid`. */
export function pairs(table: string): [string, string][] {
  return table
    .split(",")
    .map((entry) => entry.split(":").map((word) => word.trim()))
    .map(([a, b]) => [a!, b!]);
}
