/** A matrix of a file packed piece by piece, in time that can be shared with others. Knows no names and writes no file. */
import { fail } from "../base/errors.ts";
import { type Feedback, roundWithFeedback } from "./feedback.ts";
import type { FloatRows } from "./float-rows.ts";
import { createPacker, type Packed, type PackFormat, packedMemory, packedSizes, type Rounding } from "./pack.ts";

/** Elements between two steps: about 20 ms with the search. */
const PIECE_ELEMENTS = 2 ** 19;

/** Where packed rows go (default: memory of their own), and how they are rounded. */
export interface PackMatrixOptions {
  readonly rounding?: Rounding;
  readonly target?: Packed;
  /** Round so that later columns make up for earlier ones, by the scales that were found. */
  readonly feedback?: Feedback;
}

/**
 * Packs a matrix, and yields the number of elements done after each piece, for a turn in between or a sign of progress.
 * Throws BAD_WEIGHTS naming file, tensor, row and column of what is no finite number.
 */
export function* packMatrix(
  source: FloatRows,
  format: PackFormat,
  { rounding = "search", target, feedback }: PackMatrixOptions = {},
): Generator<number, Packed> {
  const { rows, width, where } = source;
  const { quants, scales } = target ?? packedMemory(rows, width, format);
  const { blocks, blockBytes } = packedSizes(width, format);
  if (scales.length !== rows * blocks || quants.length !== rows * blocks * blockBytes)
    fail("BAD_SHAPE", `${where}: got room for ${scales.length} blocks, expected ${rows * blocks}`);
  const pack = createPacker(format, rounding);
  const elements = feedback ? PIECE_ELEMENTS / 8 : PIECE_ELEMENTS;
  const most = Math.max(1, Math.floor(elements / Math.max(1, width)));
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const [from, to] = [first * blocks, (first + count) * blocks];
    const part = { quants: quants.subarray(from * blockBytes, to * blockBytes), scales: scales.subarray(from, to) };
    const piece = source.read(first, count);
    pack(piece, width, part, { where, firstRow: first });
    if (feedback) roundWithFeedback(piece, width, part, format, feedback);
    yield count * width;
  }
  return { quants, scales };
}
