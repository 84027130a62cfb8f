/** A word on whether a measurement was disturbed. */

/** Of products on a machine with nothing else to do, the middle one is about as fast as the best. */
const STEADY = 0.8;

/** What the figures are worth, for a person. */
export function steadinessText(steadiness: number): string {
  if (steadiness >= STEADY) return "Other work on the machine makes all of this slower than it is.";
  return `The machine has other work: equal products took ${(1 / steadiness).toFixed(1)} times the best as a rule. Measure again when it is quiet.`;
}
