/** Records from a file with one JSON object on each line. Knows no shapes. */
import { type ByteSource, type DataRecord, gatherer, jsonRecord, piecesOf } from "./record.ts";

const NEWLINE = 0x0a;

/** The object of every line that is not blank; a line that is none is a record with a problem. */
export function* lineRecords(source: ByteSource): Generator<DataRecord> {
  const line = gatherer(source.maxRecordBytes);
  let number = 0;
  const record = () => {
    number++;
    return jsonRecord({ file: source.path, number, unit: "line" }, line.take(), source.maxRecordBytes);
  };
  for (const piece of piecesOf(source)) {
    let begin = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, begin)) {
      line.add(piece.subarray(begin, end));
      begin = end + 1;
      const found = record();
      if (found) yield found;
    }
    line.add(piece.subarray(begin));
  }
  if (line.length === 0) return;
  const found = record();
  if (found) yield found;
}
