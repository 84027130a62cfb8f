/** What becomes of a text that has grown beyond a context. Chooses no token. */
import type { Engine } from "./engine-types.ts";
import { commonPrefix } from "./prefix.ts";

/**
 * The first `keep` ids, which draw much attention whatever they say (Xiao et al. 2023), and the last ones, so many that
 * about half of the other places of the context are free again.
 */
export function shiftedIds(ids: readonly number[], capacity: number, keep: number): number[] {
  const kept = Math.min(keep, capacity - 1);
  const tail = Math.max(1, Math.floor((capacity - kept) / 2));
  return [...ids.slice(0, kept), ...ids.slice(Math.max(kept, ids.length - tail))];
}

/**
 * Forgets what does not stay of an engine's tokens and `pending`; returns what is to be appended in its place. What stays
 * is read anew at its new positions: the text goes on exactly as after a prompt of these ids.
 */
function shiftOut(engine: Engine, pending: readonly number[], keep: number): number[] {
  const stay = shiftedIds([...engine.ids, ...pending], engine.capacity, keep);
  engine.truncate(Math.min(commonPrefix(engine.ids, stay), stay.length - 1));
  return stay.slice(engine.length);
}

/**
 * `engine.append`, where need be with the oldest tokens forgotten: those that no layer sees any more, or those that
 * {@link shiftOut} lets go where `keep` is given. Else CONTEXT_OVERFLOW.
 */
export async function appendWithin(
  engine: Engine,
  pending: readonly number[],
  keep: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  if (engine.length + pending.length <= engine.capacity) return engine.append(pending, signal);
  if (engine.slide) return appendSliding(engine, pending, signal);
  return engine.append(keep === undefined ? pending : shiftOut(engine, pending, keep), signal);
}

async function appendSliding(
  engine: Engine,
  ids: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  for (let start = 0; ; ) {
    if (engine.length === engine.capacity) engine.slide!();
    const piece = ids.slice(start, start + engine.capacity - engine.length);
    const logits = await engine.append(piece, signal);
    start += piece.length;
    if (start === ids.length) return logits;
  }
}
