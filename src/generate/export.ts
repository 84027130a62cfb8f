/** `export`: a model, or an adapter with the base it is for, as one file of another program's format. */
import type { GivenOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { PullHooks } from "../hub/pull.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import { type EXPORT_OPTIONS, type ExportResult, exportGguf } from "./export-gguf.ts";
import { findBase } from "./find-base.ts";

/** Exports what is at `path`; see {@link exportGguf}. An adapter's folder is exported worked into its base. */
export async function exportPath(
  host: Host,
  path: string,
  options: GivenOptions<typeof EXPORT_OPTIONS>,
  hooks: PullHooks = {},
): Promise<ExportResult> {
  if (!isAdapterFolder(host, path)) return exportGguf(host, path, options);
  const base = await findBase(host, path, hooks);
  return exportGguf(host, base, { ...options, adapter: [path, ...(options.adapter ?? [])] });
}
