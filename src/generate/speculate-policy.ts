/** Decides how many tokens a step of speculation takes, by what steps have cost and guesses were worth. Knows no tokens. */

/** Sizes of steps: the token that is certain, and guesses. A session keeps a binding for each. */
const STEP_SIZES = [1, 2, 4, 8, 16] as const;

/** Share of a new figure in the running ones. */
const NEW = 0.2;

/** How often a guess is right before any was tried. */
const FIRST_RATE = 0.7;

/** A larger step is taken where it is expected to be this much faster: figures are noisy. */
const MARGIN = 1.1;

/** Certain steps after which a step that does not seem to pay is tried again, since figures grow old. */
const RETRY_AFTER = 48;

/** What is known so far. Times are in milliseconds. */
export interface Policy {
  /** The size of the next step for a guess of this strength: 1 for none. */
  sizeFor(strength: number): number;
  /** A step of `size` took `ms`, its guess included. */
  took(size: number, ms: number): void;
  /** Of a guess of this strength the first `right` tokens were right, and another was not where `isBroken`. */
  learned(strength: number, right: number, isBroken: boolean): void;
}

/** A policy that knows nothing yet: it tries each size where guesses are good enough for it to pay if it cost as one token. */
export function createPolicy(sizes: readonly number[] = STEP_SIZES): Policy {
  const costs = new Map<number, number>();
  const rates = new Map<number, number>();
  let waited = 0;
  const rateOf = (strength: number) => rates.get(strength) ?? FIRST_RATE;
  /** A size that was not tried costs at least what a smaller one does. */
  const costOf = (size: number) => {
    const known = [...costs].filter(([tried]) => tried <= size).map(([, ms]) => ms);
    return known.length === 0 ? 1 : Math.max(...known);
  };
  const bestFor = (strength: number): number => {
    let [best, speed] = [1, MARGIN / costOf(1)];
    for (const size of sizes) {
      const expected = expectedTokens(rateOf(strength), size) / costOf(size);
      if (size > 1 && expected > speed) [best, speed] = [size, expected];
    }
    return best;
  };
  return {
    sizeFor(strength) {
      if (strength === 0) return 1;
      const best = bestFor(strength);
      if (best > 1 || ++waited < RETRY_AFTER) return best;
      waited = 0;
      return sizes.find((size) => size > 1) ?? 1;
    },
    took(size, ms) {
      const before = costs.get(size);
      costs.set(size, before === undefined ? ms : before + NEW * (ms - before));
    },
    learned(strength, right, isBroken) {
      let rate = rateOf(strength);
      for (let i = 0; i < right; i++) rate += NEW * (1 - rate);
      if (isBroken) rate -= NEW * rate;
      rates.set(strength, rate);
    },
  };
}

/** Tokens that a step of `size` gives when each guess is right with this probability, those before it being right. */
function expectedTokens(rate: number, size: number): number {
  let [sum, reached] = [0, 1];
  for (let i = 0; i < size; i++, reached *= rate) sum += reached;
  return sum;
}
