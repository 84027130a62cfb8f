/** Records from a file that is one JSON list of objects, read without holding the whole. Knows no shapes. */
import { fail } from "../base/errors.ts";
import { type ByteSource, type DataRecord, gatherer, jsonRecord, piecesOf } from "./record.ts";

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const isBlank = (byte: number) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

type State = "before" | "inside" | "behind";

/**
 * The objects of the list. Items are told apart by brackets and quotes alone, so that one which is no JSON is a record with
 * a problem. Throws BAD_DATA where the file is no list, ends inside it or goes on behind it.
 */
export function* listRecords(source: ByteSource): Generator<DataRecord> {
  const { path, maxRecordBytes } = source;
  const item = gatherer(maxRecordBytes);
  const scan = itemScanner();
  let state: State = "before";
  let number = 0;
  const record = (isLast: boolean): DataRecord | undefined => {
    const place = { file: path, number: ++number, unit: "record" } as const;
    const isEmpty = isLast && number === 1;
    const found = jsonRecord(place, item.take(), maxRecordBytes);
    return found ?? (isEmpty ? undefined : { ...place, problem: "is empty: there is a comma too many" });
  };
  for (const piece of piecesOf(source)) {
    let begin = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i]!;
      if (state !== "inside") {
        if (isBlank(byte)) continue;
        if (state === "behind") fail("BAD_DATA", `${path}: goes on behind the list, expected the end of the file`);
        if (byte !== OPEN_LIST)
          fail("BAD_DATA", `${path}: expected a JSON list [...] of objects, or one object a line`);
        state = "inside";
        begin = i + 1;
        continue;
      }
      const cut = scan(byte);
      if (cut === undefined) continue;
      item.add(piece.subarray(begin, i));
      begin = i + 1;
      const found = record(cut === "last");
      if (found) yield found;
      if (cut === "last") state = "behind";
    }
    if (state === "inside") item.add(piece.subarray(begin));
  }
  if (state === "before") fail("BAD_DATA", `${path}: is empty, expected a JSON list of objects`);
  if (state === "inside")
    fail("BAD_DATA", `${path}: ends inside record ${number + 1}, expected "]". Is the file cut off?`);
}

/** Looks at a byte of a list: whether an item ends before it, and whether the list does. */
function itemScanner(): (byte: number) => "item" | "last" | undefined {
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  return (byte) => {
    if (inText) {
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) inText = false;
      return undefined;
    }
    if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (depth === 0 && byte === CLOSE_LIST) return "last";
    else if (depth === 0 && byte === COMMA) return "item";
    else if (depth > 0 && (byte === CLOSE_LIST || byte === CLOSE_OBJECT)) depth--;
    return undefined;
  };
}
