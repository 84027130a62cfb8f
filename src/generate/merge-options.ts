/** What `merge` can be asked for: declared once, for the command line and the library. */
import type { OptionSpecs } from "../base/options.ts";

/** Options of `merge`. */
export const MERGE_OPTIONS = {
  out: { kind: "text", short: "o", placeholder: "DIR", help: "Folder for the merged model, new or empty" },
  weights: {
    kind: "list",
    separator: ",",
    placeholder: "X,X",
    help: "Share of each adapter's changes in the sum, in their order; default 1 each",
  },
  dtype: {
    kind: "choice",
    choices: ["float32", "float16", "bfloat16"],
    auto: "each weight's own; float32 where the base is packed",
    help: "Floats to write",
  },
} as const satisfies OptionSpecs;
