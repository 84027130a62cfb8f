/** The hub's verbs as programs call them, over one host. */
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { type Found, searchHub } from "./client.ts";
import { type CachedRepo, listCached, type Removed, removeCached } from "./contents.ts";
import { type PULL_OPTIONS, type PUSH_OPTIONS, type RM_OPTIONS, SEARCH_OPTIONS } from "./options.ts";
import { type Pulled, type PullHooks, pull } from "./pull.ts";
import { type Pushed, type PushHooks, push } from "./push.ts";
import { createRequests } from "./requests.ts";
import { hubSettings } from "./settings.ts";

/** What {@link createHub} gives. */
export interface Hub {
  /** Fetches `ORG/NAME[@REVISION]` into the cache that Python's huggingface_hub uses. */
  pull(id: string, options?: GivenOptions<typeof PULL_OPTIONS> & PullHooks): Promise<Pulled>;
  /** What the cache holds. */
  list(): CachedRepo[];
  /** Removes `ORG/NAME`, or one revision of it, from the cache. */
  rm(id: string, options?: GivenOptions<typeof RM_OPTIONS>): Removed;
  /** Looks for models, datasets or spaces; those that many look at now come first. */
  search(query?: string, options?: GivenOptions<typeof SEARCH_OPTIONS> & { signal?: AbortSignal }): Promise<Found[]>;
  /** Uploads a finished model folder, with its card. */
  push(folder: string, id: string, options?: GivenOptions<typeof PUSH_OPTIONS> & PushHooks): Promise<Pushed>;
}

/** The hub as the environment describes it, with the files of a host. */
export function createHub(host: Host): Hub {
  return {
    pull: async (id, { onProgress, onWarning, signal, ...options } = {}) =>
      pull(host, id, options, hooksOf({ onProgress, onWarning, signal })),
    list: () => listCached(host),
    rm: (id, options) => removeCached(host, id, options),
    search: (query, { signal, ...options } = {}) => search(host, query, options, { ...(signal && { signal }) }),
    push: async (folder, id, { onProgress, onWarning, signal, ...options } = {}) =>
      push(host, folder, id, options, hooksOf({ onProgress, onWarning, signal })),
  };
}

/** Only those that are there. */
function hooksOf<H extends object>(hooks: H): { [K in keyof H]?: NonNullable<H[K]> } {
  return Object.fromEntries(Object.entries(hooks).filter(([, hook]) => hook !== undefined)) as never;
}

/** Looks for repositories. Throws BAD_OPTION, NETWORK, DENIED, OFFLINE or BAD_HUB. */
export async function search(
  host: Host,
  query: string | undefined,
  given: GivenOptions<typeof SEARCH_OPTIONS>,
  hooks: { readonly signal?: AbortSignal; readonly onWarning?: (message: string) => void } = {},
): Promise<Found[]> {
  const options = readOptions(SEARCH_OPTIONS, given);
  const settings = hubSettings(host);
  return searchHub(settings, createRequests(host, settings, hooks), { ...options, ...(query && { query }) });
}
