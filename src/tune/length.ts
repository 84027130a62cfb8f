/** How long a run's rows, steps and epochs are, from its data. Reads no file. */
import { fail } from "../base/errors.ts";
import { packRows } from "../data/rows.ts";
import type { CausalLm } from "../models/types.ts";
import { sequencesOf, type TuneData } from "./data.ts";
import { KINDS } from "./kinds.ts";
import type { DecidedTune, RunTune } from "./options.ts";
import { decideLength, rowLength } from "./sizes.ts";

/** Positions of an example where nobody says how many. */
const MOST_LENGTH = 2048;

/** The longest example that is learnt from, in tokens. Throws BAD_OPTION for one beyond the model's positions. */
export function longestExample(
  { maxPositions }: Pick<CausalLm, "maxPositions">,
  { maxLength = Math.min(maxPositions, MOST_LENGTH) }: Pick<DecidedTune, "maxLength">,
  showName: (name: string) => string,
): number {
  if (maxLength > maxPositions)
    fail(
      "BAD_OPTION",
      `${showName("maxLength")}: got ${maxLength}, expected at most the model's ${maxPositions} positions`,
    );
  return maxLength;
}

/** Options with nothing left open. */
export function lengthOfRun(
  { hiddenSize, longAfter = Number.POSITIVE_INFINITY }: Pick<CausalLm, "hiddenSize" | "longAfter">,
  { train, validation }: Pick<TuneData, "train" | "validation">,
  decided: DecidedTune & { readonly maxLength: number },
  showName: (name: string) => string,
): RunTune {
  const kind = KINDS[decided.objective];
  const packing = kind.packs ? decided.packing : "padded";
  const sequences = train.tokens.flatMap(sequencesOf);
  const lengths = [...sequences, ...validation.tokens.flatMap(sequencesOf)].map(({ ids }) => ids.length - 1);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0) + kind.morePositions(decided);
  const positions = lengths.reduce((total, length) => total + length, 0);
  // A row that is longer than its texts would turn them by the angles of long ones.
  const most = longest <= longAfter ? Math.min(decided.maxLength, longAfter) : decided.maxLength;
  const rowTokens = rowLength(packing, { longest, positions }, most);
  const rows = kind.packs
    ? packRows(sequences, { context: rowTokens, mode: packing }).rows.length
    : train.examples.length;
  const rowsOfExample = kind.rowsOfExample(decided);
  const { maxLength } = decided;
  return decideLength(decided, { width: hiddenSize, rows, rowsOfExample, rowTokens, maxLength }, showName);
}
