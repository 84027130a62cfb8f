/** The shapes of tokenizer.json that kinds.py made, by name. */
import { readFileSync } from "node:fs";
import { golden } from "../helpers/paths.ts";

/** A text as Python encodes it; offsets are flat pairs of code points. */
export interface Encoded {
  readonly ids: number[];
  readonly offsets: number[];
  /** A digit a token, as is `special`. */
  readonly types: string;
  readonly special: string;
}

/** What Python makes of texts with one shape. */
export interface Answer {
  readonly name: string;
  readonly json: object;
  readonly plain: Encoded[];
  readonly allowed: Encoded[];
  readonly pairs: Encoded[];
  /** A pair of a text and the next one, cut down by the limit of that number; null where that fails. */
  readonly cut: { limit: number; text: number; row: Encoded | null }[];
  /** Null where `tokenizers` itself fails. */
  readonly decoded: { ids: number[]; text: string | null; skipped: string | null }[];
}

/** The committed texts and answers. */
export function goldenKinds(): { texts: string[]; cases: Answer[] } {
  const { texts, models, cases } = JSON.parse(readFileSync(golden("tokenizer", "kinds.json"), "utf8"));
  const withModel = (answer: Answer & { json: { model: number } }) => ({
    ...answer,
    json: { ...answer.json, model: models[answer.json.model] },
  });
  return { texts, cases: cases.map(withModel) };
}
