/** Records from comma- or tab-separated values with a header (RFC 4180), quotes checked. Knows no shapes. */
import { fail, messageOf } from "../base/errors.ts";
import { type ByteSource, type DataRecord, gatherer, piecesOf, strictText } from "./record.ts";

const [QUOTE, CR, LF, NUL] = [0x22, 0x0d, 0x0a, 0];

/** Cells of one record. */
interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
  readonly problem?: string | undefined;
}

/**
 * An object for every row below the first, with the first row's names; all values are texts. A row with stray quotes or with
 * another number of cells is a record with a problem. Throws BAD_DATA where the first row is no header.
 */
export function* csvRecords(source: ByteSource, delimiter: "," | "\t"): Generator<DataRecord> {
  let header: readonly string[] | undefined;
  for (const { line, cells, problem } of rows(source, delimiter.charCodeAt(0))) {
    if (header === undefined) {
      header = checkedHeader(cells, problem, source.path);
      continue;
    }
    const place = { file: source.path, number: line, unit: "line" } as const;
    const wrong =
      problem ??
      (cells.length === header.length
        ? undefined
        : `got ${cells.length} cells, expected the ${header.length} of line 1`);
    if (wrong !== undefined) yield { ...place, problem: wrong };
    else yield { ...place, value: Object.fromEntries(header.map((name, i) => [name, cells[i]!])) };
  }
  if (header === undefined) fail("BAD_DATA", `${source.path}: is empty, expected a first line with names`);
}

function checkedHeader(cells: readonly string[], problem: string | undefined, path: string): readonly string[] {
  const where = `${path}: line 1`;
  if (problem !== undefined) fail("BAD_DATA", `${where}: ${problem}`);
  const names = cells.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail("BAD_DATA", `${where}: got the name ${JSON.stringify(twice)} twice, expected it once`);
  if (names.length === 1 && /[;\t|]/.test(names[0]!))
    fail("BAD_DATA", `${where}: got ${JSON.stringify(names[0])}, expected names with commas between them`);
  return names;
}

/** Rows that are not blank. A quote opens a cell only where the cell begins; a doubled one inside stands for itself. */
function* rows(source: ByteSource, delimiter: number): Generator<CsvRow> {
  const cell = gatherer(source.maxRecordBytes);
  let cells: string[] = [];
  let [line, begunAt, size] = [1, 1, 0];
  let state: "start" | "plain" | "quoted" | "closed" = "start";
  let problem: string | undefined;
  let isQuoted = false;
  const endCell = (endsRow: boolean) => {
    size += cell.length;
    let bytes = cell.take();
    // Where a line ends in two characters, the first of them belongs to no cell.
    if (endsRow && state !== "closed" && bytes?.at(-1) === CR) bytes = bytes.subarray(0, -1);
    if (!bytes || size > source.maxRecordBytes) problem ??= `is longer than ${source.maxRecordBytes} bytes`;
    try {
      cells.push(problem || !bytes ? "" : strictText(bytes));
    } catch (error) {
      problem ??= messageOf(error);
    }
    state = "start";
  };
  const endRow = (): CsvRow | undefined => {
    endCell(true);
    const row = { line: begunAt, cells, problem };
    const isBlank = cells.length === 1 && cells[0] === "" && !isQuoted && problem === undefined;
    cells = [];
    problem = undefined;
    isQuoted = false;
    size = 0;
    return isBlank ? undefined : row;
  };
  for (const piece of piecesOf(source)) {
    let begin = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i]!;
      if (byte === LF) line++;
      if (byte === NUL) problem ??= "has a NUL byte, expected text";
      if (state === "quoted") {
        if (byte !== QUOTE) continue;
        cell.add(piece.subarray(begin, i));
        state = "closed";
        begin = i + 1;
        continue;
      }
      if (byte === delimiter || byte === LF) {
        if (state !== "closed") cell.add(piece.subarray(begin, i));
        begin = i + 1;
        const row = byte === LF ? endRow() : endCell(false);
        if (row) yield row;
        if (byte === LF) begunAt = line;
      } else if (byte === QUOTE) {
        if (state === "closed") {
          // Doubled: the second one belongs to the cell.
          begin = i;
          state = "quoted";
        } else if (state === "start") {
          begin = i + 1;
          state = "quoted";
          isQuoted = true;
        } else problem ??= "has a quote inside a cell that does not begin with one";
      } else if (state === "closed" && byte !== CR) problem ??= "has text behind a closing quote, expected a delimiter";
      else if (state === "start") state = "plain";
    }
    if (state !== "closed") cell.add(piece.subarray(begin));
  }
  if (state === "quoted") problem = `opens a quote that is never closed: everything up to line ${line} is lost`;
  if (cells.length === 0 && cell.length === 0 && state === "start") return;
  const row = endRow();
  if (row) yield row;
}
