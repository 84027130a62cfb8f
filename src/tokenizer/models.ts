/** The kinds of `model` of `tokenizer.json`, by type. Knows no text. */
import { fail } from "../base/errors.ts";
import { describe, type JsonRecord } from "./json-fields.ts";
import type { ReadModel } from "./piece-model.ts";
import { readSymbolBpe } from "./symbol-bpe.ts";
import type { TokenizerKind } from "./types.ts";
import { readUnigram } from "./unigram.ts";
import { readWordLevel } from "./word-level.ts";
import { readWordPiece } from "./word-piece.ts";

interface ModelKind {
  readonly kind: TokenizerKind;
  readonly read: ReadModel;
}

/** Kinds by name; a new one is a row. */
const KINDS: ReadonlyMap<unknown, ModelKind> = new Map<unknown, ModelKind>([
  ["BPE", { kind: "bpe", read: readSymbolBpe }],
  ["Unigram", { kind: "unigram", read: readUnigram }],
  ["WordPiece", { kind: "wordpiece", read: readWordPiece }],
  ["WordLevel", { kind: "wordlevel", read: readWordLevel }],
]);

/** The kind of a model. Throws UNSUPPORTED for types that are not known. */
export function modelKindOf(model: JsonRecord, where: string): ModelKind {
  const known = KINDS.get(model.type ?? guessedType(model));
  if (known) return known;
  return fail(
    "UNSUPPORTED",
    `${where}: model.type: got ${describe(model.type)}, expected ${[...KINDS.keys()].join(", ")}`,
  );
}

/** Files of the first years have no type. */
function guessedType(model: JsonRecord): string | undefined {
  if (Array.isArray(model.merges)) return "BPE";
  if (Array.isArray(model.vocab)) return "Unigram";
  if (model.continuing_subword_prefix !== undefined) return "WordPiece";
  return model.unk_token !== undefined ? "WordLevel" : undefined;
}
