/** The verbs `list` and `rm`: what the hub's cache holds, and less of it. */
import { formatBytes } from "../base/format.ts";
import { type CachedRepo, listCached, removeCached } from "../hub/contents.ts";
import { RM_OPTIONS } from "../hub/options.ts";
import { fittedTable } from "./fitted-table.ts";
import { verb } from "./verb.ts";

export const LIST = verb({
  name: "list",
  summary: "Show what the hub's cache holds",
  operands: "",
  arity: [0, 0],
  options: {},
  examples: [["ownlm list", "every model, data set and space, with its size"]],
  async run(io) {
    const repos = listCached(io.host);
    if (io.machine) return io.json(repos);
    if (repos.length === 0) return io.print("The cache is empty. Try: ownlm search, then ownlm pull ID");
    const bytes = repos.reduce((sum, repo) => sum + repo.bytes, 0);
    for (const line of fittedTable(io.stdout, ["id", "type", "size", "files", "revisions"], repos.map(cells)))
      io.print(line);
    io.print(`${repos.length} in the cache, ${formatBytes(bytes)}`);
  },
});

function cells({ id, type, bytes, revisions }: CachedRepo): string[] {
  const shown = revisions.map(({ commit, refs }) => (refs.length > 0 ? refs.join(" ") : commit.slice(0, 12)));
  const files = Math.max(0, ...revisions.map((revision) => revision.files));
  return [id, type, formatBytes(bytes), String(files), shown.join(", ")];
}

export const RM = verb({
  name: "rm",
  summary: "Remove a model from the hub's cache",
  operands: "ID[@REVISION]",
  arity: [1, 1],
  options: RM_OPTIONS,
  examples: [
    ["ownlm rm openai-community/gpt2", "all of it"],
    ["ownlm rm org/name@v1.0", "one revision, and the blobs that no other one uses"],
  ],
  async run(io, { operands, given }) {
    const removed = removeCached(io.host, operands[0]!, given);
    if (io.machine) io.json(removed);
    else io.print(`removed ${operands[0]}: ${formatBytes(removed.freedBytes)} freed`);
  },
});
