/** What `truncation` and `padding` ask for: options over the entries of `tokenizer.json`. Knows no tokens. */
import { fail } from "../base/errors.ts";
import { countField, describe, type JsonRecord, recordAt } from "./json-fields.ts";
import type { BatchOptions, PaddingOptions, TruncationOptions } from "./types.ts";

/** Truncation with everything resolved. */
export type Truncation = Required<TruncationOptions>;

/** Padding with everything resolved. */
export type Padding = Required<PaddingOptions>;

/** Resolves the options of a call. */
export interface Limits {
  /** Undefined where nothing is cut off. Throws BAD_OPTION. */
  truncation(given: BatchOptions["truncation"]): Truncation | undefined;
  /** Undefined where nothing is padded. Throws BAD_OPTION. */
  padding(given: BatchOptions["padding"]): Padding | undefined;
}

/** More tokens than any row can have. */
const MOST = 2 ** 24;

const STRATEGIES = { LongestFirst: "longest_first", OnlyFirst: "only_first", OnlySecond: "only_second" } as const;

/**
 * The limits of a file: its `truncation` and `padding` are what options leave out, and nothing by themselves. `padId` is used where neither
 * says one. Throws BAD_TOKENIZER for entries that make no sense.
 */
export function readLimits(root: JsonRecord, vocabSize: number, padId: number | undefined, where: string): Limits {
  const fileTruncation = readTruncation(root.truncation, `${where}: truncation`);
  const filePadding = readPadding(root.padding, vocabSize, `${where}: padding`);
  return {
    truncation(given = false) {
      if (given === false) return undefined;
      const { maxLength, side = "right", strategy = "longest_first" } = { ...fileTruncation, ...defined(given) };
      if (maxLength === undefined)
        return fail(
          "BAD_OPTION",
          "truncation: got true, and tokenizer.json says no length. Give truncation: { maxLength }.",
        );
      checkCount("truncation.maxLength", maxLength, 0);
      checkSide("truncation.side", side);
      if (!Object.values(STRATEGIES).includes(strategy))
        fail(
          "BAD_OPTION",
          `truncation.strategy: got ${describe(strategy)}, expected ${Object.values(STRATEGIES).join(", ")}`,
        );
      return { maxLength, side, strategy };
    },
    padding(given = false) {
      if (given === false) return undefined;
      const {
        length = "longest",
        side = "right",
        multipleOf = 1,
        padId: id = padId,
        padTypeId = 0,
      } = { ...filePadding, ...defined(given) };
      if (id === undefined)
        return fail(
          "BAD_OPTION",
          "padding.padId: got nothing, and the tokenizer's files name no padding token. Give padding: { padId }.",
        );
      if (length !== "longest") checkCount("padding.length", length, 0);
      checkSide("padding.side", side);
      checkCount("padding.multipleOf", multipleOf, 1);
      checkCount("padding.padId", id, 0);
      checkCount("padding.padTypeId", padTypeId, 0);
      return { length, side, multipleOf, padId: id, padTypeId };
    },
  };
}

/** The options that are given. */
function defined<T extends object>(given: true | T): Partial<T> {
  if (given === true) return {};
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function checkCount(name: string, value: unknown, least: number): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= MOST) return;
  fail("BAD_OPTION", `${name}: got ${describe(value)}, expected an integer from ${least} to ${MOST}`);
}

function checkSide(name: string, side: unknown): void {
  if (side !== "left" && side !== "right")
    fail("BAD_OPTION", `${name}: got ${describe(side)}, expected "left" or "right"`);
}

function readTruncation(json: unknown, at: string): TruncationOptions {
  if ((json ?? null) === null) return {};
  const record = recordAt(json, at);
  const strategy = oneOf(record, "strategy", Object.keys(STRATEGIES), at) as keyof typeof STRATEGIES | undefined;
  return {
    maxLength: countField(record, "max_length", at),
    side: sideOf(record, at),
    strategy: STRATEGIES[strategy ?? "LongestFirst"],
  };
}

function readPadding(json: unknown, vocabSize: number, at: string): PaddingOptions {
  if ((json ?? null) === null) return {};
  const record = recordAt(json, at);
  const padId = record.pad_id === undefined ? undefined : countField(record, "pad_id", at);
  if (padId !== undefined && padId >= vocabSize)
    fail("BAD_TOKENIZER", `${at}.pad_id: got ${padId}, expected an id below ${vocabSize}`);
  const multipleOf = (record.pad_to_multiple_of ?? null) === null ? 1 : countField(record, "pad_to_multiple_of", at);
  return {
    length: lengthOf(record.strategy, at),
    side: sideOf(record, at),
    multipleOf: Math.max(1, multipleOf),
    ...(padId !== undefined && { padId }),
    padTypeId: record.pad_type_id === undefined ? 0 : countField(record, "pad_type_id", at),
  };
}

function lengthOf(strategy: unknown, at: string): number | "longest" {
  if (strategy === undefined || strategy === "BatchLongest") return "longest";
  return countField(recordAt(strategy, `${at}.strategy`), "Fixed", `${at}.strategy`);
}

function sideOf(record: JsonRecord, at: string): "left" | "right" {
  return oneOf(record, "direction", ["Left", "Right"], at) === "Left" ? "left" : "right";
}

function oneOf(record: JsonRecord, key: string, names: readonly string[], at: string): string | undefined {
  const value = record[key];
  if (value === undefined || (typeof value === "string" && names.includes(value))) return value;
  return fail("BAD_TOKENIZER", `${at}.${key}: got ${describe(value)}, expected one of ${names.join(", ")}`);
}
