/** Which tokens of a text lie in stretches of it, by the rule of transformers' `return_assistant_tokens_mask`. */
import type { EncodeOptions, Tokenizer } from "./types.ts";

/** Ids, and which of them carry loss. Both are of one length. */
export interface MaskedIds {
  readonly ids: number[];
  readonly mask: boolean[];
}

/** Stretches of a text in order, in UTF-16 units from start to past the end. */
export type Spans = readonly (readonly [start: number, end: number])[];

/**
 * Whether a token of white space at the end of a stretch belongs to it: always, or where the tokenizer places it, which for
 * some is behind itself and so outside. The second is what transformers does.
 */
export type Ends = "whole" | "placed";

/**
 * The mask of `ids`, where it can be told without the places of tokens, which take many times as long to find: the ids spell
 * the text byte for byte, and each stretch begins and ends between two tokens. Undefined elsewhere, and where {@link Ends} asks for
 * places.
 */
export function quickMask(
  tokenizer: Tokenizer,
  ids: readonly number[],
  text: string,
  spans: Spans,
  ends: Ends,
): boolean[] | undefined {
  const whole = encoder.encode(text);
  const starts = new Map<number, number>();
  let at = 0;
  for (let i = 0; i < ids.length; i++) {
    starts.set(at, i);
    for (const byte of tokenizer.tokenBytes(ids[i]!)) if (whole[at++] !== byte) return undefined;
  }
  if (at !== whole.length) return undefined;
  starts.set(at, ids.length);
  const mask: boolean[] = new Array<boolean>(ids.length).fill(false);
  let [unit, byte] = [0, 0];
  const byteAt = (wanted: number) => {
    byte += encoder.encode(text.slice(unit, wanted)).length;
    unit = wanted;
    return byte;
  };
  for (const [start, end] of spans) {
    const [from, to] = [starts.get(byteAt(start)), starts.get(byteAt(end))];
    if (from === undefined || to === undefined) return undefined;
    if (ends === "placed" && !hasInk(tokenizer, ids[to - 1])) return undefined;
    mask.fill(true, from, to);
  }
  return mask;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function hasInk(tokenizer: Tokenizer, id: number | undefined): boolean {
  return id !== undefined && decoder.decode(tokenizer.tokenBytes(id)).trim() !== "";
}

/** The ids of a text, and which of them have a character in one of its stretches. Throws as `encode` does. */
export function encodeMasked(
  tokenizer: Tokenizer,
  text: string,
  spans: Spans,
  ends: Ends,
  options: EncodeOptions,
): MaskedIds {
  const ids = tokenizer.encode(text, { ...options, addSpecialTokens: false });
  const quick = quickMask(tokenizer, ids, text, spans, ends);
  if (quick) return { ids, mask: quick };
  const { offsets, ...placed } = tokenizer.encodeWithOffsets(text, { ...options, addSpecialTokens: false });
  return { ids: placed.ids, mask: overlapping(offsets, spans) };
}

/** Which places overlap one of the stretches; both are in order. */
export function overlapping(offsets: Spans, spans: Spans): boolean[] {
  let span = 0;
  return offsets.map(([start, end]) => {
    while (span < spans.length && spans[span]![1] <= start) span++;
    return span < spans.length && end > spans[span]![0];
  });
}
