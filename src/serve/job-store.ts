/** Fine-tuning jobs on disk, each with its events, in OpenAI's shapes. Runs nothing. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import type { TuneOptions } from "../tune/options.ts";
import { newId, nowSeconds } from "./context.ts";
import { writeAtOnce } from "./file-store.ts";

/** A job as OpenAI describes one. */
export interface Job {
  readonly id: string;
  readonly object: "fine_tuning.job";
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly model: string;
  readonly fine_tuned_model: string | null;
  readonly organization_id: string;
  readonly status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  readonly hyperparameters: JsonObject;
  readonly method: JsonObject;
  readonly training_file: string;
  readonly validation_file: string | null;
  readonly result_files: readonly string[];
  readonly trained_tokens: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null } | null;
  readonly seed: number;
  readonly estimated_finish: number | null;
  readonly integrations: readonly never[];
  readonly metadata: JsonObject | null;
}

/** A job, and what it needs to be run, also after the server was started anew. */
export interface JobRecord {
  readonly job: Job;
  readonly options: TuneOptions;
  /** What its adapter is going to be called. */
  readonly alias: string;
  /** Its place in the line: jobs of one second are told apart. */
  readonly place: number;
}

/** An event as OpenAI describes one. */
export interface JobEvent {
  readonly id: string;
  readonly object: "fine_tuning.job.event";
  readonly created_at: number;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly type: "message" | "metrics";
  readonly data: JsonObject | null;
}

/** A checkpoint as OpenAI describes one. */
export interface JobCheckpoint {
  readonly id: string;
  readonly object: "fine_tuning.job.checkpoint";
  readonly created_at: number;
  readonly fine_tuned_model_checkpoint: string;
  readonly fine_tuning_job_id: string;
  readonly step_number: number;
  readonly metrics: JsonObject;
}

/** The jobs of a folder. */
export interface JobStore {
  /** The oldest first. */
  list(): JobRecord[];
  /** Throws NOT_FOUND. */
  get(id: string): JobRecord;
  save(record: JobRecord): void;
  /** Files of a job: its data, its result. */
  fileOf(id: string, name: "train.jsonl" | "valid.jsonl" | "adapter"): string;
  makeFolder(id: string): void;
  tell(id: string, event: Pick<JobEvent, "level" | "message"> & Partial<JobEvent>): void;
  mark(id: string, checkpoint: Pick<JobCheckpoint, "fine_tuned_model_checkpoint" | "step_number" | "metrics">): void;
  /** The oldest first. */
  events(id: string): JobEvent[];
  checkpoints(id: string): JobCheckpoint[];
}

const ID = /^ftjob-[0-9a-f]{32}$/;

/** Opens the folder. */
export function openJobStore(host: Host, folder: string): JobStore {
  host.makeFolder(folder);
  const records = new Map<string, JobRecord>();
  const at = (id: string, name: string) => host.join(folder, id, name);
  for (const id of host.listFolder(folder))
    if (ID.test(id) && host.kindOf(at(id, "job.json")) === "file")
      records.set(id, JSON.parse(host.readText(at(id, "job.json"))) as JobRecord);
  const get = (id: string) =>
    records.get(id) ?? fail("NOT_FOUND", `fine_tuning_job_id: there is no ${JSON.stringify(id.slice(0, 80))}`);
  const linesOf = <T>(id: string, name: string): T[] => {
    get(id);
    if (host.kindOf(at(id, name)) !== "file") return [];
    // A line that was being written as the server ended has no end.
    const lines = host.readText(at(id, name)).split("\n").slice(0, -1);
    return lines.flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as T] : []));
  };
  const append = (id: string, name: string, value: object) =>
    host.appendText(at(id, name), `${JSON.stringify(value)}\n`);
  return {
    list: () => [...records.values()].sort((a, b) => a.place - b.place),
    get,
    save(record) {
      records.set(record.job.id, record);
      writeAtOnce(host, at(record.job.id, "job.json"), new TextEncoder().encode(JSON.stringify(record)));
    },
    fileOf: at,
    makeFolder: (id) => host.makeFolder(host.join(folder, id)),
    tell(id, event) {
      const defaults = { type: "message", data: null } as const;
      const created_at = nowSeconds();
      append(id, "events.jsonl", {
        id: newId("ftevent"),
        object: "fine_tuning.job.event",
        created_at,
        ...defaults,
        ...event,
      });
    },
    mark(id, checkpoint) {
      const object = "fine_tuning.job.checkpoint";
      const created_at = nowSeconds();
      append(id, "checkpoints.jsonl", {
        id: newId("ftckpt"),
        object,
        created_at,
        fine_tuning_job_id: id,
        ...checkpoint,
      });
    },
    events: (id) => linesOf(id, "events.jsonl"),
    checkpoints: (id) => linesOf(id, "checkpoints.jsonl"),
  };
}
