/** Feeds tokens to rows of a cache: prompts in pieces, a token of several rows at once. Knows no sequence's purpose. */
import { fail } from "../base/errors.ts";
import { createPause } from "../base/pause.ts";
import type { CausalLm } from "../models/types.ts";
import type { RowsPiece, RowsPieces } from "./batch-pieces.ts";
import type { Row, Rows } from "./batch-rows.ts";
import { checkIds } from "./pieces.ts";

/** What is fed, and in what. */
export interface FeedParts {
  readonly model: CausalLm;
  readonly rows: Rows;
  readonly pieces: RowsPieces;
  /** Tokens that each row holds. */
  readonly capacity: number;
  /** Positions of the model's tables: those of long texts count from there on. */
  readonly positions: number;
  /** Most tokens of a prompt run at once. */
  readonly chunk: number;
}

/** How a slot is fed: at most so many tokens at a time, with logits of all or of each piece's last. */
export interface FeedOptions {
  readonly most: number;
  readonly shown: "all" | "last";
  /** Looks at the logits of `size` tokens from `start` on. */
  readonly use: (piece: RowsPiece, start: number, size: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Ways to feed slots. */
export interface RowFeeder {
  /** Appends ids to one slot; what is thrown on the way leaves it as it was. */
  append(slot: number, ids: ArrayLike<number>, options: FeedOptions): Promise<void>;
  /** Appends ids[i] to slots[i] in one run. */
  step(slots: readonly number[], ids: ArrayLike<number>, signal: AbortSignal | undefined): Promise<RowsPiece>;
}

/** A feeder of slots. */
export function rowFeeder({ model, rows, pieces, capacity, positions, chunk }: FeedParts): RowFeeder {
  const pause = createPause();
  const border = model.longAfter ?? Number.POSITIVE_INFINITY;

  /** Feeds a slot what its cache does not hold yet. */
  const feed = async (slot: number, ids: ArrayLike<number>, { most, shown, use, signal }: FeedOptions) => {
    const row = rows.of(slot);
    for (let start = 0; start < ids.length; start += most) {
      await pause();
      if (signal?.aborted) fail("ABORTED", "stopped on request");
      const size = Math.min(most, ids.length - start);
      using piece = pieces.ofRow(rows.placeOf(slot), size, shown === "all" ? size : 1, row.adapter);
      write(piece, 0, row, positions, size, (i) => ids[start + i]!);
      piece.total[0] = row.length + size;
      await piece.binding.run();
      row.length += size;
      use(piece, start, size);
    }
  };

  /** Turns a slot's tokens as those of a text of `total` are, and feeds it what a broken-off feed left out. */
  const prepare = async (slot: number, total: number, signal: AbortSignal | undefined) => {
    const row = rows.of(slot);
    const isLong = total > border;
    if (isLong !== row.isLong) row.length = 0;
    row.isLong = isLong;
    await feed(slot, row.ids.slice(row.length), { most: chunk, shown: "last", use: () => {}, signal });
  };

  return {
    async append(slot, ids, options) {
      const row = rows.of(slot);
      checkIds(ids, row.ids.length, capacity, model.vocabSize);
      await prepare(slot, row.ids.length + ids.length, options.signal);
      try {
        await feed(slot, ids, options);
      } catch (error) {
        row.length = Math.min(row.length, row.ids.length);
        throw error;
      }
      for (let i = 0; i < ids.length; i++) row.ids.push(ids[i]!);
    },
    async step(slots, ids, signal) {
      const fed = slots.map((slot) => rows.of(slot));
      checkStep(slots, ids);
      for (const [i, row] of fed.entries()) checkIds([ids[i]!], row.ids.length, capacity, model.vocabSize);
      for (const [i, row] of fed.entries()) await prepare(slots[i]!, row.ids.length + 1, signal);
      await pause();
      if (signal?.aborted) fail("ABORTED", "stopped on request");
      rows.gather(slots);
      const adapters: (string | undefined)[] = [];
      for (const [i, { adapter }] of fed.entries()) adapters[rows.placeOf(slots[i]!)] = adapter;
      const piece = pieces.ofFirst(adapters);
      for (const [i, row] of fed.entries()) {
        const place = rows.placeOf(slots[i]!);
        write(piece, place, row, positions, 1, () => ids[i]!);
        piece.choose(place, row.adapter);
      }
      piece.total[0] = Math.max(...fed.map((row) => row.length + 1));
      await piece.binding.run();
      for (const [i, row] of fed.entries()) {
        row.length++;
        row.ids.push(ids[i]!);
      }
      return piece;
    },
  };
}

/** Writes `size` ids of a row into the `at`-th row of a piece, and their positions. */
function write(
  piece: RowsPiece,
  at: number,
  { length, isLong }: Row,
  positions: number,
  size: number,
  idAt: (i: number) => number,
): void {
  const start = (isLong ? positions : 0) + length;
  for (let i = 0; i < size; i++) {
    piece.ids[2 * (at * size + i)] = idAt(i);
    piece.positions[2 * (at * size + i)] = start + i;
  }
  piece.lengths[at] = length + size - 1;
}

function checkStep(slots: readonly number[], ids: ArrayLike<number>): void {
  if (slots.length === 0 || slots.length !== ids.length)
    fail("BAD_DATA", `step: got ${ids.length} ids for ${slots.length} slots, expected one for each of one or more`);
  if (new Set(slots).size < slots.length) fail("BAD_DATA", `step: got the slots ${slots}, expected each once`);
}
