/** What is not in a vocabulary. Knows no model. */
import { fail } from "../base/errors.ts";
import { type JsonRecord, stringField } from "./json-fields.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The id of `unk_token`; undefined where there is none, or where the model has no such token (text that needs it is then refused). */
export function unknownIdOf(model: JsonRecord, vocabulary: Vocabulary, where: string): number | undefined {
  if ((model.unk_token ?? null) === null) return undefined;
  return vocabulary.ownId(stringField(model, "unk_token", `${where}: model`));
}

/** Throws BAD_TEXT for a piece of text without a token. */
export function refuseText(piece: string): never {
  const shown = piece.length > 40 ? `${piece.slice(0, 40)}...` : piece;
  const hex = piece.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return fail(
    "BAD_TEXT",
    `text: the vocabulary has no token for ${JSON.stringify(shown)} (U+${hex}), and no unknown token. Leave it out, or train the tokenizer on text that has it.`,
  );
}
