/** Cuts text into pre-tokens as the `pre_tokenizer` of `tokenizer.json` says. Refuses kinds it does not know. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import { booleanField, listField, recordAt, stringField } from "./json-fields.ts";
import { matchesOf } from "./matches.ts";
import { patterns, scannerOf } from "./patterns.ts";
import { literalRegex, translateRegex } from "./regex.ts";
import { digitScanner, punctuationScanner, type Scanner } from "./scan.ts";

/** Takes a pre-token: `text[start..end)`. */
export type Emit = (text: string, start: number, end: number) => void;

/** Emits the pre-tokens of `text[start..end)` in order, none of them empty. What lies outside is not seen. */
export type Splitter = (text: string, start: number, end: number, emit: Emit) => void;

/** A pre-tokenizer in two forms that cut alike. */
export interface Cutter {
  readonly splitter: Splitter;
  /** Each cuts the pieces of the one before; undefined where a stage is no scanner. */
  readonly scanners: readonly Scanner[] | undefined;
  /** Stages behind `ByteLevel`: they cut the spelling of each piece in the byte alphabet. */
  readonly spelled?: Cutter;
}

const MAX_STAGES = 16;

/**
 * The cutter of a `pre_tokenizer`: `ByteLevel`, `Split` (Isolated or Removed), `Digits`, `Punctuation` (Isolated or Contiguous) or
 * a `Sequence` of them. A byte-level model needs exactly one `ByteLevel`. Throws BAD_TOKENIZER or UNSUPPORTED.
 */
export function byteLevelCutter(json: unknown, where: string): Cutter {
  const stages = flatten(json, where, 0);
  if (stages.length > MAX_STAGES) {
    fail("UNSUPPORTED", `${where}: got ${stages.length} stages, expected at most ${MAX_STAGES}`);
  }
  const levels = stages.flatMap(({ record }, i) => (record.type === "ByteLevel" ? [i] : []));
  if (levels.length !== 1) {
    const types = stages.map(({ record }) => showJson(record.type)).join(", ");
    fail("UNSUPPORTED", `${where}: got ${types}, expected exactly one "ByteLevel" among the stages`);
  }
  const cutters = stages.map(({ record, at }) => stage(record, at));
  const last = levels[0]!;
  const cutter = cutters.slice(0, last + 1).reduce(inTurn);
  return last === cutters.length - 1 ? cutter : { ...cutter, spelled: cutters.slice(last + 1).reduce(inTurn) };
}

/** Whether {@link byteLevelCutter} knows these stages. What it does not know may be known elsewhere, or broken. */
export function canCutBytes(json: unknown): boolean {
  const stages = stagesOf(json, 0);
  const levels = stages.filter(({ type }) => type === "ByteLevel");
  return stages.length <= MAX_STAGES && levels.length === 1 && stages.every(isKnown);
}

function stagesOf(json: unknown, depth: number): JsonObject[] {
  if (!isJsonObject(json)) return [{}];
  if (json.type !== "Sequence" || depth > 4 || !Array.isArray(json.pretokenizers)) return [json];
  return json.pretokenizers.flatMap((inner: unknown) => stagesOf(inner, depth + 1));
}

function isKnown({ type, behavior }: JsonObject): boolean {
  if (type === "Split") return behavior === "Isolated" || behavior === "Removed";
  if (type === "Punctuation") return behavior === undefined || behavior === "Isolated" || behavior === "Contiguous";
  return type === "ByteLevel" || type === "Digits";
}

/** One cutter inside the pieces of another. */
function inTurn(first: Cutter, second: Cutter): Cutter {
  return {
    splitter: chain(first.splitter, second.splitter),
    scanners: first.scanners && second.scanners && [...first.scanners, ...second.scanners],
  };
}

function cutterOf(scan: Scanner): Cutter {
  return { splitter: scanning(scan), scanners: [scan] };
}

interface Stage {
  readonly record: Readonly<Record<string, unknown>>;
  readonly at: string;
}

function flatten(json: unknown, at: string, depth: number): Stage[] {
  const record = recordAt(json, at);
  if (record.type !== "Sequence") return [{ record, at }];
  if (depth > 4) fail("UNSUPPORTED", `${at}: got sequences nested deeper than 4`);
  const list = listField(record, "pretokenizers", at);
  if (list.length === 0) fail("BAD_TOKENIZER", `${at}.pretokenizers: got an empty list, expected at least one stage`);
  return list.flatMap((inner, i) => flatten(inner, `${at}.pretokenizers[${i}]`, depth + 1));
}

function stage(record: Readonly<Record<string, unknown>>, at: string): Cutter {
  switch (record.type) {
    case "ByteLevel":
      return byteLevel(record, at);
    case "Digits":
      return cutterOf(digitScanner(booleanField(record, "individual_digits", at, false)));
    case "Punctuation":
      return punctuation(record, at);
    case "Split":
      return split(record, at);
    default:
      return fail(
        "UNSUPPORTED",
        `${at}.type: got ${showJson(record.type)}, expected ByteLevel, Split, Digits, Punctuation or Sequence`,
      );
  }
}

function byteLevel(record: Readonly<Record<string, unknown>>, at: string): Cutter {
  const whole: Cutter = { splitter: (text, start, end, emit) => emit(text, start, end), scanners: [] };
  const pieces = booleanField(record, "use_regex", at, true) ? cutterOf(scannerOf(patterns.gpt2)!) : whole;
  if (!booleanField(record, "add_prefix_space", at, true)) return pieces;
  return { splitter: chain(prefixed, pieces.splitter), scanners: undefined };
}

const prefixed: Splitter = (text, start, end, emit) => {
  if (text.charCodeAt(start) === 0x20) return emit(text, start, end);
  const longer = ` ${text.slice(start, end)}`;
  emit(longer, 0, longer.length);
};

function punctuation(record: Readonly<Record<string, unknown>>, at: string): Cutter {
  const behavior = record.behavior ?? "Isolated";
  if (behavior === "Isolated" || behavior === "Contiguous")
    return cutterOf(punctuationScanner(behavior === "Isolated"));
  return fail("UNSUPPORTED", `${at}.behavior: got ${showJson(behavior)}, expected "Isolated" or "Contiguous"`);
}

function split(record: Readonly<Record<string, unknown>>, at: string): Cutter {
  const pattern = recordAt(record.pattern, `${at}.pattern`);
  const behavior = stringField(record, "behavior", at);
  const invert = booleanField(record, "invert", at, false);
  if (behavior !== "Isolated" && behavior !== "Removed") {
    fail("UNSUPPORTED", `${at}.behavior: got ${showJson(behavior)}, expected "Isolated" or "Removed"`);
  }
  const kept = behavior === "Isolated" ? "both" : invert ? "matches" : "gaps";
  if (pattern.String !== undefined) {
    const literal = literalRegex(stringField(pattern, "String", `${at}.pattern`));
    return { splitter: matching(literal, kept), scanners: undefined };
  }
  const source = stringField(pattern, "Regex", `${at}.pattern`);
  // Every character is part of some match of the built-in patterns, so what is kept differs for gaps alone.
  const scanner = kept === "gaps" ? undefined : scannerOf(source);
  if (scanner) return cutterOf(scanner);
  return { splitter: matching(translateRegex(source, `${at}.pattern.Regex`), kept), scanners: undefined };
}

/** The splitter of a scanner, which covers all text. */
function scanning(scan: Scanner): Splitter {
  return (text, start, end, emit) => {
    const units = new Uint16Array(end - start);
    for (let i = start; i < end; i++) units[i - start] = text.charCodeAt(i);
    for (let at = 0; at < units.length; ) {
      const next = scan(units, at, units.length);
      emit(text, start + at, start + next);
      at = next;
    }
  };
}

/**
 * The splitter of a regular expression with the flags `gu`. An empty match cuts too. Throws BAD_TEXT where a match is longer than the regular
 * expression engine can follow (some millions of characters).
 */
function matching(pattern: RegExp, kept: "matches" | "gaps" | "both"): Splitter {
  return (text, start, end, emit) => {
    const whole = start === 0 && end === text.length ? text : text.slice(start, end);
    const ranges = matchesOf(pattern, whole);
    let at = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const [from, to] = [ranges[i]!, ranges[i + 1]!];
      if (from > at && kept !== "matches") emit(whole, at, from);
      if (to > from && kept !== "gaps") emit(whole, from, to);
      at = to;
    }
    if (at < whole.length && kept !== "matches") emit(whole, at, whole.length);
  };
}

function chain(first: Splitter, second: Splitter): Splitter {
  return (text, start, end, emit) =>
    first(text, start, end, (piece, pieceStart, pieceEnd) => second(piece, pieceStart, pieceEnd, emit));
}
