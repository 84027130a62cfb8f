/** Rules on tokens as functions on logits and ids: penalties, bans, what must come. Knows no model and no text. */
import type { Bias } from "../base/options.ts";
import type { LogitsProcessor } from "./warpers.ts";

const BANNED = Number.NEGATIVE_INFINITY;

/** Adds a number to an id's logit, or to the last's of several where the text ends with the others. */
export function sequenceBias(biases: readonly Bias[]): LogitsProcessor {
  const rows = biases.map(([ids, bias]) => ({ ids: typeof ids === "number" ? [ids] : ids, bias }));
  return (logits, ids) => {
    for (const { ids: row, bias } of rows) {
      const last = row.at(-1)!;
      if (last < logits.length && endsWith(ids, row, row.length - 1)) logits[last] = logits[last]! + bias;
    }
  };
}

/** True where `ids` ends with the first `count` of `row`. */
function endsWith(ids: readonly number[], row: readonly number[], count: number): boolean {
  if (count > ids.length) return false;
  for (let i = 0; i < count; i++) if (ids[ids.length - count + i] !== row[i]) return false;
  return true;
}

/** Never makes these rows of ids. A row that is one of the end tokens alone is allowed, as in transformers. */
export function badWords(rows: readonly (readonly number[])[], eosTokenIds: readonly number[]): LogitsProcessor {
  const isEnd = (row: readonly number[]) => row.length === 1 && eosTokenIds.includes(row[0]!);
  return sequenceBias(rows.filter((row) => !isEnd(row)).map((row): Bias => [row, BANNED]));
}

/**
 * Divides the logits of tokens seen before where positive, multiplies them where negative (Keskar et al. 2019), once
 * each. `seen` says which of the ids count.
 */
export function repetitionPenalty(
  penalty: number,
  seen: (ids: readonly number[]) => readonly number[] = (ids) => ids,
): LogitsProcessor {
  let marks = new Int32Array(0);
  let round = 0;
  return (logits, ids) => {
    if (marks.length < logits.length) marks = new Int32Array(logits.length);
    round++;
    for (const id of seen(ids)) {
      if (id >= logits.length || marks[id] === round) continue;
      marks[id] = round;
      const x = logits[id]!;
      logits[id] = x < 0 ? x * penalty : x / penalty;
    }
  };
}

/** Takes `presence` off the logits of the new tokens seen before, and `frequency` for each time (OpenAI's penalties). */
export function countPenalties(presence: number, frequency: number, promptTokens: number): LogitsProcessor {
  return (logits, ids) => {
    const counts = new Map<number, number>();
    for (let i = promptTokens; i < ids.length; i++) counts.set(ids[i]!, (counts.get(ids[i]!) ?? 0) + 1);
    for (const [id, count] of counts) if (id < logits.length) logits[id] = logits[id]! - presence - frequency * count;
  };
}

/** Makes no row of `size` ids that is in the text already; `within` cuts the text to the part that counts. */
export function noRepeatNgram(size: number, within = Number.POSITIVE_INFINITY): LogitsProcessor {
  return (logits, ids) => {
    const end = Math.min(ids.length, within);
    const first = ids.length + 1 - size;
    if (first < 0) return;
    for (let start = 0; start + size <= end; start++) {
      let same = 0;
      while (same < size - 1 && ids[start + same] === ids[first + same]) same++;
      if (same === size - 1) logits[ids[start + same]!] = BANNED;
    }
  };
}

/** Takes no end before the text has so many ids. */
export function minLength(length: number, eosTokenIds: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length < length) ban(logits, eosTokenIds);
  };
}

/** Makes these ids, one after the other, right after the first `promptTokens`. */
export function forcedPrefix(prefix: readonly number[], promptTokens: number): LogitsProcessor {
  return (logits, ids) => {
    const id = prefix[ids.length - promptTokens];
    if (id !== undefined) force(logits, [id]);
  };
}

/** Makes one of these where the text has `length` ids. */
export function forcedAt(forced: readonly number[], length: number): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length === length) force(logits, forced);
  };
}

/** Never makes these ids. */
export function suppress(banned: readonly number[]): LogitsProcessor {
  return (logits) => ban(logits, banned);
}

/** Does not make these ids where the text has `length` ids. */
export function suppressAt(banned: readonly number[], length: number): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length === length) ban(logits, banned);
  };
}

/** From `start` ids on adds |logit| (factor^n - 1) to the logits of end tokens, n being the ids beyond it. */
export function exponentialDecay(start: number, factor: number, eosTokenIds: readonly number[]): LogitsProcessor {
  return (logits, ids) => {
    if (ids.length <= start) return;
    const gain = factor ** (ids.length - start) - 1;
    for (const id of eosTokenIds)
      if (id < logits.length && Number.isFinite(logits[id])) logits[id] = logits[id]! + Math.abs(logits[id]!) * gain;
  };
}

const LARGEST = 2 ** 128 - 2 ** 104;

/** Takes what is no number for 0, and infinities for the largest numbers there are. */
export const removeInvalid: LogitsProcessor = (logits) => {
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (!Number.isFinite(x)) logits[i] = Number.isNaN(x) ? 0 : Math.sign(x) * LARGEST;
  }
};

function ban(logits: Float32Array, ids: readonly number[]): void {
  for (const id of ids) if (id < logits.length) logits[id] = BANNED;
}

function force(logits: Float32Array, ids: readonly number[]): void {
  logits.fill(BANNED);
  for (const id of ids) if (id < logits.length) logits[id] = 0;
}
