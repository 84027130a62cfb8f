/** Text through normalizer, pre-tokenizer and model, with added tokens found on the way. Knows no kinds of any of them. */
import { addedTokenSplitter } from "./added-tokens.ts";
import { utf8Length } from "./bytes.ts";
import { type IdList, idList } from "./id-list.ts";
import type { PieceModel } from "./piece-model.ts";
import type { PreTokenizer } from "./pre-tokenizers.ts";
import { type Rewrite, type Stretch, sliceOf, stretchOf, wellFormed } from "./stretch.ts";
import type { AddedToken } from "./vocabulary.ts";

/** What is to be found in a text besides ordinary tokens. */
export interface Finding {
  readonly allowSpecial: boolean;
  readonly findAdded: boolean;
}

/** A text's tokens and their places. */
export interface Tracked {
  readonly ids: number[];
  /** Start and end of each in the original text: flat pairs. */
  readonly offsets: number[];
  /** The text of added tokens, with the white space they took in; undefined for others. */
  readonly values: (string | undefined)[];
}

/** Text to tokens. */
export interface Pipeline {
  /** Appends ids. */
  append(text: string, finding: Finding, out: IdList): void;
  track(text: string, finding: Finding): Tracked;
}

/** The parts of a tokenizer that text goes through. */
export interface PipelineParts {
  readonly added: readonly AddedToken[];
  readonly normalize: Rewrite | undefined;
  readonly preTokenizer: PreTokenizer;
  readonly model: PieceModel;
}

/** Takes pieces of text, and added tokens that were found. */
type Take = (stretch: Stretch, token: AddedToken | undefined) => void;

/** The spelling of an added token once a normalizer has been over it. */
export function normalizedContent(token: AddedToken, normalize: Rewrite | undefined): string {
  if (!token.normalized || !normalize) return token.content;
  const content = wellFormed(token.content);
  return normalize(stretchOf(content, 0, content.length, false)).text;
}

/** Cuts text at added tokens: those that are looked for as they are, then in normalised text the others. */
export function stretchSplitter({ added, normalize }: Pick<PipelineParts, "added" | "normalize">) {
  const splitRaw = addedTokenSplitter(added.filter((token) => !token.normalized));
  const splitNormal = addedTokenSplitter(
    added
      .filter((token) => token.normalized)
      .map((token) => ({ ...token, content: normalizedContent(token, normalize) })),
  );
  return (text: string, { allowSpecial, findAdded }: Finding, isTracked: boolean, take: Take) => {
    const ordinary = (stretch: Stretch) => {
      const normal = normalize?.(stretch) ?? stretch;
      if (normal.text === "") return;
      if (!findAdded) return take(normal, undefined);
      splitNormal(normal.text, allowSpecial, (start, end, token) => take(sliceOf(normal, start, end), token));
    };
    if (!findAdded) return ordinary(stretchOf(text, 0, text.length, isTracked));
    splitRaw(text, allowSpecial, (start, end, token) => {
      const stretch = stretchOf(text, start, end, isTracked);
      if (token) take(stretch, token);
      else ordinary(stretch);
    });
  };
}

/** The pipeline of its parts. */
export function pipelineOf(parts: PipelineParts): Pipeline {
  const { normalize, preTokenizer, model } = parts;
  const split = stretchSplitter(parts);
  // Without a normalizer a piece begins where it lies; with one only its code units know.
  const needsOrigin = preTokenizer.asksForOrigin && normalize !== undefined;
  return {
    append(text, finding, out) {
      split(wellFormed(text), finding, needsOrigin, (stretch, token) => {
        if (token) out.push(token.id);
        else preTokenizer.cut(stretch, (piece) => model.tokenize(piece.text, out));
      });
    },
    track(text, finding) {
      const tracked: Tracked = { ids: [], offsets: [], values: [] };
      const found = idList();
      split(wellFormed(text), finding, true, (stretch, token) => {
        if (token) {
          push(tracked, token.id, stretch, 0, stretch.text.length - 1, stretch.text);
        } else
          preTokenizer.cut(stretch, (piece) => {
            found.length = 0;
            const spans: number[] = [];
            model.tokenize(piece.text, found, spans);
            placeTokens(tracked, piece, found, spans);
          });
      });
      return tracked;
    },
  };
}

function placeTokens(tracked: Tracked, piece: Stretch, found: IdList, spans: readonly number[]): void {
  const units = unitsOfBytes(piece.text);
  for (let i = 0; i < found.length; i++) {
    const [start, end] = [spans[2 * i]!, spans[2 * i + 1]!];
    push(tracked, found.ids[i]!, piece, units?.[start] ?? start, units?.[end - 1] ?? end - 1, undefined);
  }
}

function push(
  tracked: Tracked,
  id: number,
  { from, to }: Stretch,
  first: number,
  last: number,
  value: string | undefined,
): void {
  tracked.ids.push(id);
  tracked.offsets.push(from![first]!, to![last]!);
  tracked.values.push(value);
}

/** The code unit that each byte of the UTF-8 belongs to; undefined where each byte is one. */
function unitsOfBytes(text: string): Int32Array | undefined {
  const length = utf8Length(text);
  if (length === text.length) return undefined;
  const units = new Int32Array(length);
  let byte = 0;
  for (let i = 0; i < text.length; ) {
    const code = text.codePointAt(i)!;
    const width = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    units.fill(i, byte, byte + width);
    byte += width;
    i += width === 4 ? 2 : 1;
  }
  return units;
}
