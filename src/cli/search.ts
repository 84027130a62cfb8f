/** The verb `search`: what there is on the hub, and what of it runs here. */
import { formatCount } from "../base/format.ts";
import type { Found } from "../hub/client.ts";
import { search } from "../hub/library.ts";
import { SEARCH_OPTIONS } from "../hub/options.ts";
import { FAMILIES } from "../models/registry.ts";
import { fittedTable } from "./fitted-table.ts";
import { type Io, verb } from "./verb.ts";

export const SEARCH = verb({
  name: "search",
  summary: "Look for models, data sets or spaces on the hub; without words, what is trending",
  operands: "[words]",
  arity: [0, 1],
  options: SEARCH_OPTIONS,
  examples: [
    ["ownlm search", "the models that many look at now"],
    ["ownlm search smollm --tag gguf --sort downloads", "those of a name, with a tag"],
    ["ownlm search --type dataset --limit 5 --json", "data sets, for a program"],
  ],
  async run(io, { operands, given }) {
    const found = await search(io.host, operands[0], given, { signal: io.signal, onWarning: io.warn });
    const rows = found.map((each) => ({ ...each, ...runsHere(each) }));
    if (io.machine) return io.json(rows);
    if (rows.length === 0) return io.print("Nothing was found. Try fewer words.");
    show(io, rows);
  },
});

/** Whether ownlm has the model's family; left open where the hub does not name one. */
const runsHere = ({ type, modelType }: Found) =>
  type === "model" && modelType !== undefined ? { runs: FAMILIES.has(modelType) } : {};

type Row = Found & { readonly runs?: boolean };

function show(io: Io, rows: readonly Row[]): void {
  const number = (count: number | undefined) => (count === undefined ? "" : formatCount(count));
  const models = rows.some(({ type }) => type === "model");
  const head = ["id", "downloads", "likes", "updated", ...(models ? ["parameters", "task", "runs here"] : [])];
  const cells = rows.map((row) => [
    row.id,
    number(row.downloads),
    number(row.likes),
    (row.updated ?? "").slice(0, 10),
    ...(models ? [number(row.parameters), row.task ?? "", row.runs === undefined ? "" : row.runs ? "yes" : "no"] : []),
  ]);
  for (const line of fittedTable(io.stdout, head, cells)) io.print(line);
}
