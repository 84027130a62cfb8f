/** Examples from data files: records read, their shape recognised, bad ones told. Knows no tokens. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { type Example, SHAPES, type Shape } from "./example.ts";
import { type DataRecord, placeText, type RecordPlace } from "./record.ts";
import { dataFiles, type RecordHost, type RecordOptions, readRecords } from "./records.ts";
import { exampleOf, recogniseShape, shapesOf } from "./shapes.ts";

/** How examples are read. */
export interface ExampleOptions extends RecordOptions {
  /** The shape, where it is not to be recognised. */
  readonly shape?: Shape;
  /** Fields by the names that shapes want: `{ prompt: "question" }` reads `question` as `prompt`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Examples beyond it are not read. */
  readonly maxExamples?: number;
}

/** A record that is left out. */
export interface BadRecord extends RecordPlace {
  readonly problem: string;
}

/** What was read. */
export interface Examples {
  readonly examples: readonly Example[];
  readonly files: readonly string[];
  readonly shape: Shape;
  /** Other shapes that the first records have too. */
  readonly alsoShapes: readonly Shape[];
  /** Records, good and bad. */
  readonly records: number;
  readonly badCount: number;
  /** The first thousand of them. */
  readonly bad: readonly BadRecord[];
}

/** Records by which a shape is recognised. */
const FIRST_RECORDS = 20;
const KEPT_BAD = 1000;

/**
 * Reads examples from files and folders. All files have one shape, that of the first records; a record of another is bad.
 * Bad records are told with their place and left out, or refused with `strict`. Throws NOT_FOUND, DISK, BAD_DATA (also where
 * nothing good is left), BAD_OPTION.
 */
export async function readExamples(
  host: RecordHost,
  paths: readonly string[],
  options: ExampleOptions = {},
): Promise<Examples> {
  const { shape: given, maxExamples = Number.POSITIVE_INFINITY, strict = false } = options;
  if (given !== undefined && !SHAPES.includes(given))
    fail("BAD_OPTION", `shape: got ${given}, expected ${SHAPES.join(", ")}`);
  const files = dataFiles(host, paths);
  const examples: Example[] = [];
  const bad: BadRecord[] = [];
  let [records, badCount, shape] = [0, 0, given];
  let alsoShapes: Shape[] = [];
  const take = (record: DataRecord) => {
    if (examples.length >= maxExamples) return;
    records++;
    const problem = record.problem ?? addExample(examples, record.value, shape!, placeText(record));
    if (problem === undefined) return;
    if (strict) fail("BAD_DATA", `${placeText(record)}: ${problem}`);
    const { file, number, unit } = record;
    if (badCount++ < KEPT_BAD) bad.push({ file, number, unit, problem });
  };
  const waiting: DataRecord[] = [];
  const settle = () => {
    const values = waiting.flatMap((record) => (record.problem === undefined ? [record.value] : []));
    if (values.length > 0 || shape !== undefined) {
      const [first] = waiting;
      shape ??= recogniseShape(values, first ? first.file : files[0]!);
      alsoShapes = values[0] ? shapesOf(values[0]).filter((other) => other !== shape) : [];
    }
    for (const record of waiting.splice(0)) take(record);
  };
  for (const file of files)
    for await (const record of readRecords(host, file, options)) {
      const renamed = renamedFields(record, options.fields);
      if (shape !== undefined && waiting.length === 0) take(renamed);
      else if (waiting.push(renamed) === FIRST_RECORDS) settle();
      if (examples.length >= maxExamples) break;
    }
  settle();
  if (examples.length === 0 || shape === undefined) nothingGood(files, bad);
  return { examples, files, shape, alsoShapes, records, badCount, bad };
}

/** Adds the example of a record, or says why it is bad. */
function addExample(to: Example[], value: JsonObject, shape: Shape, at: string): string | undefined {
  try {
    to.push(exampleOf(value, shape, at));
    return undefined;
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    return messageOf(error);
  }
}

function renamedFields(record: DataRecord, fields: ExampleOptions["fields"]): DataRecord {
  if (record.problem !== undefined || fields === undefined) return record;
  const { value } = record;
  const taken = Object.entries(fields).filter(([, from]) => Object.hasOwn(value, from));
  return { ...record, value: { ...value, ...Object.fromEntries(taken.map(([to, from]) => [to, value[from]])) } };
}

function nothingGood(files: readonly string[], bad: readonly BadRecord[]): never {
  const where = files.length === 1 ? files[0] : `${files.length} files`;
  const [first] = bad;
  return fail(
    "BAD_DATA",
    first
      ? `${where}: got no good record: ${placeText(first)}: ${first.problem}`
      : `${where}: got no record, expected one at least`,
  );
}
