/** The verb `merge`: adapters worked into their base, as a model of its own. */
import { formatBytes, shellPath } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { findBase } from "../generate/find-base.ts";
import { merge } from "../generate/merge.ts";
import { MERGE_OPTIONS } from "../generate/merge-options.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import { locateForVerb } from "./model-operand.ts";
import { liveArea } from "./terminal.ts";
import { type Io, verb } from "./verb.ts";

export const MERGE = verb({
  name: "merge",
  summary: "Work adapters into their base model's weights",
  operands: "[BASE] ADAPTER...",
  arity: [1, 1000],
  options: MERGE_OPTIONS,
  examples: [
    ["ownlm merge mymodel my-adapter --out merged", "a model folder that needs no adapter, in the base's layout"],
    ["ownlm merge my-adapter --out merged", "its base found by adapter_config.json"],
    ["ownlm merge mymodel tone facts --weights 0.3,1 --out both", "a sum of what two adapters change"],
  ],
  async run(io, { operands, given }) {
    const [first, ...rest] = operands as [string, ...string[]];
    const alone = isAdapterFolder(io.host, first);
    const base = alone ? await findBase(io.host, first) : await locateForVerb(io, first);
    const result = await merging(io, base, alone ? operands : rest, given);
    if (io.machine) return io.json(result);
    const { out, changed, tensors, bytes } = result;
    io.print(`${changed} of ${tensors} weights changed, ${formatBytes(bytes)}`);
    io.print(`Your model is in ${out}. Try: ownlm generate ${shellPath(out)} "Once upon a time"`);
  },
});

async function merging(io: Io, base: string, adapters: readonly string[], given: Parameters<typeof merge>[3]) {
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: io.host.nowMs, env: io.env });
  try {
    return await merge(io.host, base, adapters, given, {
      signal: io.signal,
      onProgress: (done, total) => area?.draw([`written ${formatBytes(done)} of ${formatBytes(total)}`]),
      showName: flagName,
    });
  } finally {
    area?.finish();
  }
}
