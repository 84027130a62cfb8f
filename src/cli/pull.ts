/** The verb `pull`: a model, a data set or a space from the hub into the cache. */
import { formatBytes } from "../base/format.ts";
import { PULL_OPTIONS } from "../hub/options.ts";
import { type Pulled, pull } from "../hub/pull.ts";
import { visibleText } from "./text.ts";
import { transferView } from "./transfer-view.ts";
import { verb } from "./verb.ts";

export const PULL = verb({
  name: "pull",
  summary: "Fetch a model from the hub into the cache shared with Python",
  operands: "ID[@REVISION]",
  arity: [1, 1],
  options: PULL_OPTIONS,
  examples: [
    ["ownlm pull openai-community/gpt2", "all files but pickled ones; run again, it goes on where it was cut"],
    ['ownlm pull org/name@v1.0 --include "*.safetensors" --include "*.json"', "some files of a tag"],
    ["ownlm pull org/name --type dataset --json", "JSON lines for a program"],
  ],
  async run(io, { operands, given }) {
    using view = transferView(io, { lines: true });
    const pulled = await pull(io.host, operands[0]!, given, view);
    view[Symbol.dispose]();
    if (io.machine) io.json({ event: "done", ...pulled });
    else for (const line of pulledLines(pulled)) io.print(line);
  },
});

function pulledLines({ id, commit, path, files, bytes, receivedBytes }: Pulled): string[] {
  const came = receivedBytes === 0 ? "all there already" : `${formatBytes(receivedBytes)} fetched`;
  return [
    `${id} at ${commit.slice(0, 12)}: ${files.length} ${files.length === 1 ? "file" : "files"}, ${formatBytes(bytes)}, ${came}`,
    visibleText(path),
  ];
}
