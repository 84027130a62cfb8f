/** What every model offers: ids of a pre-token. Knows no kinds of models. */
import type { IdList } from "./id-list.ts";
import type { JsonRecord } from "./json-fields.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Makes ids of a pre-token. */
export interface PieceModel {
  /**
   * Appends the ids of a piece, which is well-formed and not empty, to `out`; and to `spans`, where given, the start and end of
   * each in bytes of the piece's UTF-8. Throws BAD_TEXT where a character has no token and there is no unknown token.
   */
  tokenize(piece: string, out: IdList, spans?: number[]): void;
}

/** Reads a model. Throws BAD_TOKENIZER or UNSUPPORTED, naming `where` and the key. */
export type ReadModel = (model: JsonRecord, vocabulary: Vocabulary, where: string) => PieceModel;
