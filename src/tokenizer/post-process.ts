/** The kinds of `post_processor`: what they add around texts, and the offsets they trim. Refuses unknown kinds. */
import { fail } from "../base/errors.ts";
import {
  booleanField,
  countField,
  describe,
  type JsonRecord,
  listField,
  recordAt,
  stringField,
} from "./json-fields.ts";
import { stepsOf } from "./sequence.ts";

/** A token that is added, or the place of a text. */
export type Slot =
  | { readonly text: 0 | 1; readonly typeId: number }
  | { readonly id: number; readonly token: string; readonly typeId: number };

/** How offsets lose the white space of their tokens. */
export interface Trim {
  /** One blank in front of the first token was put there, so its offsets are not trimmed. */
  readonly addPrefixSpace: boolean;
}

/** A post-processor. */
export interface PostProcessor {
  readonly single: readonly Slot[];
  /** Undefined where pairs are not provided for. */
  readonly pair: readonly Slot[] | undefined;
  readonly trims: readonly Trim[];
}

/** Ids before and after a text by itself. */
export interface Template {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

const A: Slot = { text: 0, typeId: 0 };
const NOTHING: PostProcessor = { single: [A], pair: [A, { text: 1, typeId: 1 }], trims: [] };

type Reader = (record: JsonRecord, vocabSize: number, at: string) => Partial<PostProcessor>;

/** Kinds by name; a new one is a row. */
const READERS: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ["TemplateProcessing", readTemplates],
  ["ByteLevel", (record, _, at) => ({ trims: readTrim(record, at) })],
  ["BertProcessing", readBert],
  ["RobertaProcessing", readRoberta],
]);

/**
 * The post-processor of a file, `Sequence` included; null adds nothing. Throws BAD_TOKENIZER or UNSUPPORTED, the latter also for a sequence of
 * two that add something.
 */
export function readPostProcessor(json: unknown, vocabSize: number, at: string): PostProcessor {
  const parts = (json ?? null) === null ? [] : stepsOf(json, at, READERS, "processors");
  let merged = NOTHING;
  let adding = 0;
  for (const { record, at: inner } of parts) {
    const part = READERS.get(record.type)!(record, vocabSize, inner);
    if (part.single && ++adding > 1)
      fail(
        "UNSUPPORTED",
        `${inner}: got ${describe(record.type)} behind another that adds tokens, expected one of them`,
      );
    merged = { ...merged, ...part, trims: [...merged.trims, ...(part.trims ?? [])] };
  }
  return merged;
}

/** What a text by itself gets around it. */
export function templateOf({ single }: PostProcessor): Template {
  const at = single.findIndex((slot) => "text" in slot);
  const ids = (slots: readonly Slot[]) => slots.flatMap((slot) => ("id" in slot ? [slot.id] : []));
  return { prefix: ids(single.slice(0, at)), suffix: ids(single.slice(at + 1)) };
}

function readTrim(record: JsonRecord, at: string): Trim[] {
  const addPrefixSpace = booleanField(record, "add_prefix_space", at, true);
  return booleanField(record, "trim_offsets", at, true) ? [{ addPrefixSpace }] : [];
}

/** A pair `[token, id]`, or BAD_TOKENIZER. */
function readToken(record: JsonRecord, key: string, vocabSize: number, at: string): { token: string; id: number } {
  const [token, id] = listField(record, key, at);
  if (typeof token === "string") return { token, id: checkId(id, vocabSize, `${at}.${key}`) };
  return fail("BAD_TOKENIZER", `${at}.${key}: got ${describe(token)}, expected a token and its id`);
}

function readBert(record: JsonRecord, vocabSize: number, at: string): Partial<PostProcessor> {
  const sep = readToken(record, "sep", vocabSize, at);
  const single: Slot[] = [{ ...readToken(record, "cls", vocabSize, at), typeId: 0 }, A, { ...sep, typeId: 0 }];
  return { single, pair: [...single, { text: 1, typeId: 1 }, { ...sep, typeId: 1 }] };
}

function readRoberta(record: JsonRecord, vocabSize: number, at: string): Partial<PostProcessor> {
  const sep: Slot = { ...readToken(record, "sep", vocabSize, at), typeId: 0 };
  const single: Slot[] = [{ ...readToken(record, "cls", vocabSize, at), typeId: 0 }, A, sep];
  return { single, pair: [...single, sep, { text: 1, typeId: 0 }, sep], trims: readTrim(record, at) };
}

function readTemplates(record: JsonRecord, vocabSize: number, at: string): Partial<PostProcessor> {
  const single = readTemplate(record, "single", vocabSize, at);
  const texts = single.flatMap((slot) => ("text" in slot ? [slot.text] : []));
  if (texts.length !== 1 || texts[0] !== 0)
    fail("UNSUPPORTED", `${at}.single: got ${texts.length} texts, expected exactly one Sequence, A`);
  if (record.pair === undefined || (Array.isArray(record.pair) && record.pair.length === 0))
    return { single, pair: undefined };
  const pair = readTemplate(record, "pair", vocabSize, at);
  const order = pair.flatMap((slot) => ("text" in slot ? [slot.text] : []));
  if (order.length !== 2 || order[0] === order[1])
    fail("UNSUPPORTED", `${at}.pair: got ${order.length} texts, expected the Sequence A and the Sequence B, each once`);
  return { single, pair };
}

function readTemplate(record: JsonRecord, key: string, vocabSize: number, at: string): Slot[] {
  const specials = recordAt(record.special_tokens ?? {}, `${at}.special_tokens`);
  return listField(record, key, at).flatMap((piece, i): Slot[] => {
    const where = `${at}.${key}[${i}]`;
    const entry = recordAt(piece, where);
    if (entry.Sequence !== undefined) return [readText(entry.Sequence, `${where}.Sequence`)];
    const special = recordAt(entry.SpecialToken, `${where}.SpecialToken`);
    const typeId = typeIdOf(special, `${where}.SpecialToken`);
    const name = stringField(special, "id", `${where}.SpecialToken`);
    return specialTokens(specials, name, vocabSize, where).map((token) => ({ ...token, typeId }));
  });
}

function readText(json: unknown, at: string): Slot {
  const record = recordAt(json, at);
  const typeId = typeIdOf(record, at);
  if (record.id === "A") return { text: 0, typeId };
  if (record.id === "B") return { text: 1, typeId };
  return fail("BAD_TOKENIZER", `${at}.id: got ${describe(record.id)}, expected "A" or "B"`);
}

function typeIdOf(record: JsonRecord, at: string): number {
  return record.type_id === undefined ? 0 : countField(record, "type_id", at);
}

function specialTokens(
  specials: JsonRecord,
  name: string,
  vocabSize: number,
  where: string,
): { id: number; token: string }[] {
  const at = `${where}: the special token ${describe(name)}`;
  const special = recordAt(specials[name], at);
  const tokens = special.tokens === undefined ? [] : listField(special, "tokens", at);
  return listField(special, "ids", at).map((id, i) => ({
    id: checkId(id, vocabSize, where),
    token: typeof tokens[i] === "string" ? tokens[i] : name,
  }));
}

function checkId(id: unknown, vocabSize: number, where: string): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
  return fail("BAD_TOKENIZER", `${where}: got the id ${describe(id)}, expected an integer from 0 to ${vocabSize - 1}`);
}
