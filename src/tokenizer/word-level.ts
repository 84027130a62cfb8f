/** Whole pre-tokens as tokens: the model `WordLevel`. Knows nothing of how text is cut. */
import { utf8Length } from "./bytes.ts";
import type { JsonRecord } from "./json-fields.ts";
import type { PieceModel } from "./piece-model.ts";
import { refuseText, unknownIdOf } from "./unknown.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Reads a `WordLevel` model. */
export function readWordLevel(model: JsonRecord, vocabulary: Vocabulary, where: string): PieceModel {
  const unkId = unknownIdOf(model, vocabulary, where);
  return {
    tokenize(piece, out, spans) {
      out.push(vocabulary.ownId(piece) ?? unkId ?? refuseText(piece));
      spans?.push(0, utf8Length(piece));
    },
  };
}
