/** The folder of a server's files and jobs: what it holds as the server starts, and what goes on in it. Knows no HTTP. */
import type { OptionValues } from "../base/options.ts";
import type { Owner } from "../base/owner.ts";
import type { Host } from "../host/types.ts";
import { lockFolder } from "../weights/lock.ts";
import type { OfferedAdapter } from "./bases.ts";
import { openFileStore } from "./file-store.ts";
import type { JobRoutes } from "./job-routes.ts";
import { openJobStore } from "./job-store.ts";
import { adapterOf, type JobParts, openJobs } from "./jobs.ts";
import type { SERVE_OPTIONS } from "./options.ts";

/** All files together may be so many times as large as the largest. */
const FILES = 16;

/** An open folder. */
export interface JobFolder {
  /** Adapters that finished jobs made of a model. */
  adaptersOf(base: string): OfferedAdapter[];
  /** Goes on with the jobs that are not over. */
  begin(parts: Omit<JobParts, "files" | "store">): JobRoutes;
}

/** Opens the folder, which no other server may have. Throws LOCKED. */
export function openFolder(
  host: Host,
  folder: string,
  { maxFileBytes, maxBodyBytes }: Pick<OptionValues<typeof SERVE_OPTIONS>, "maxFileBytes" | "maxBodyBytes">,
  own: Owner["own"],
): JobFolder {
  const at = host.absolute(folder);
  host.makeFolder(at);
  own(lockFolder(host, at));
  const files = openFileStore(host, host.join(at, "files"), FILES * maxFileBytes);
  const store = openJobStore(host, host.join(at, "jobs"));
  return {
    adaptersOf(base) {
      const made = store.list().filter(({ job }) => job.status === "succeeded" && job.model === base);
      return made.map((record) => adapterOf(store, record));
    },
    begin: (parts) => ({ files, store, jobs: openJobs({ ...parts, files, store }), maxFileBytes, maxBodyBytes }),
  };
}
