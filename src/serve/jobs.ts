/** Fine-tuning jobs: one at a time, each in a process of its own; what it made becomes a model of the server. Knows no HTTP. */
import { fail, messageOf } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Child, ServerHost } from "../host/server-types.ts";
import type { Host } from "../host/types.ts";
import type { TuneEvent } from "../tune/events.ts";
import type { Base, OfferedAdapter } from "./bases.ts";
import { newId, nowSeconds, type ServedModel } from "./context.ts";
import { type FileStore, writeAtOnce } from "./file-store.ts";
import type { Told, TuneAsk } from "./job-process.ts";
import { readJobRequest, trainingRecord, tuneOptionsOf } from "./job-request.ts";
import type { Job, JobRecord, JobStore } from "./job-store.ts";

/** What jobs are run with. */
export interface JobParts {
  readonly host: Host;
  readonly serverHost: ServerHost;
  readonly files: FileStore;
  readonly store: JobStore;
  readonly bases: readonly Base[];
  /** Bits of the served models' weights, beside which adapters are trained. */
  readonly quantize?: 4 | 8 | undefined;
  readonly threads?: number | undefined;
  /** Told of a model that came to be served. */
  readonly onModel: (model: ServedModel) => void;
  readonly onFault: (error: unknown) => void;
}

/** The jobs of a server. */
export interface Jobs {
  /** Puts a job in the line. Throws BAD_OPTION, UNSUPPORTED, NOT_FOUND, BUSY. */
  create(body: JsonObject): Promise<Job>;
  /** Throws BAD_OPTION for a job that is over. */
  cancel(id: string): Job;
  /** Ends the run; it goes on when the folder is opened again. */
  close(): void;
}

/** Jobs that wait at most. */
const MOST_WAITING = 100;

/** The adapter of a job that succeeded. */
export function adapterOf(store: JobStore, { job, alias }: JobRecord): OfferedAdapter {
  return { name: job.id, alias, folder: store.fileOf(job.id, "adapter") };
}

const isOver = ({ status }: Job) => status !== "queued" && status !== "running";

/** Goes on with the jobs of a store, the oldest first. */
export function openJobs(parts: JobParts): Jobs {
  const { host, serverHost, files, store, bases } = parts;
  let running: { readonly id: string; readonly child: Child } | undefined;
  let isClosed = false;

  const change = (id: string, changes: Partial<Job>) => {
    const record = store.get(id);
    store.save({ ...record, job: { ...record.job, ...changes } });
  };
  /** Where files are is no client's business. */
  const withoutPaths = (message: string, id: string): string => {
    const names = new Map(bases.map(({ path, name }) => [path, name]));
    names.set(store.fileOf(id, "train.jsonl"), "training_file");
    names.set(store.fileOf(id, "valid.jsonl"), "validation_file");
    names.set(store.fileOf(id, "adapter"), id);
    return [...names].reduce((text, [path, name]) => text.replaceAll(path, name), message);
  };
  const failed = (id: string, code: string, message: string) => {
    const plain = withoutPaths(message, id);
    change(id, { status: "failed", finished_at: nowSeconds(), error: { code, message: plain, param: null } });
    store.tell(id, { level: "error", message: plain });
  };
  const publish = async (id: string) => {
    const record = store.get(id);
    const base = bases.find(({ name }) => name === record.job.model)!;
    const model = await base.offer(adapterOf(store, record));
    // Cancelled meanwhile, or the server is going away: then it is published when that is started anew.
    if (isClosed || isOver(store.get(id).job)) return;
    parts.onModel(model);
    change(id, { status: "succeeded", finished_at: nowSeconds(), fine_tuned_model: record.alias });
    store.tell(id, { level: "info", message: `The job has succeeded; its model is ${record.alias}` });
  };
  const ended = async (id: string, outcome: Told | string) => {
    try {
      if (isClosed || isOver(store.get(id).job)) return;
      if (typeof outcome === "string") failed(id, "runtime", `the run ended unexpectedly (${outcome})`);
      else if ("failed" in outcome) failed(id, outcome.failed.code.toLowerCase(), outcome.failed.message);
      else
        await publish(id).catch((error: unknown) => {
          if (!isClosed) failed(id, "publish", messageOf(error));
        });
    } catch (error) {
      parts.onFault(error);
    } finally {
      running = undefined;
      pump();
    }
  };
  const start = (record: JobRecord, base: Base) => {
    const { id } = record.job;
    change(id, { status: "running" });
    store.tell(id, { level: "info", message: "The job is running" });
    const child = serverHost.startChild(new URL("./job-process.js", import.meta.url));
    running = { id, child };
    const hear = listener(store, record, (message) => withoutPaths(message, id));
    let outcome: Told | undefined;
    let trained: number | undefined;
    const take = (told: Told) => {
      if (isClosed || isOver(store.get(id).job)) return;
      if ("event" in told) {
        trained = hear(told.event).trainedTokens ?? trained;
        return;
      }
      // Not at each step: it waits for the disk.
      change(id, { trained_tokens: trained ?? null });
      outcome = told;
      child.kill();
    };
    child.onMessage((message) => {
      try {
        take(message as Told);
      } catch (error) {
        // As where the disk is full: the run ends, and the server does not.
        outcome = { failed: { code: "DISK", message: messageOf(error) } };
        child.kill();
      }
    });
    child.onEnd((why) => void ended(id, outcome ?? why));
    const out = store.fileOf(id, "adapter");
    const ask: TuneAsk = {
      model: base.path,
      data: store.fileOf(id, "train.jsonl"),
      options: { ...record.options, out },
    };
    child.send(ask);
  };
  const pump = () => {
    try {
      startNext();
    } catch (error) {
      parts.onFault(error);
    }
  };
  const startNext = () => {
    if (running || isClosed) return;
    const next = store.list().find(({ job }) => !isOver(job));
    if (!next) return;
    const base = bases.find(({ name }) => name === next.job.model);
    if (base) return start(next, base);
    failed(next.job.id, "not_found", `model: there is no ${next.job.model} here any more`);
    startNext();
  };
  const keep = (id: string, fileId: string, name: "train.jsonl" | "valid.jsonl") => {
    const lines = new TextDecoder().decode(files.read(fileId)).split("\n");
    const records = lines.filter((line) => line.trim() !== "").map((line) => trainingRecord(JSON.parse(line)));
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
    writeAtOnce(host, store.fileOf(id, name), new TextEncoder().encode(text));
  };
  pump();
  return {
    async create(body) {
      const request = readJobRequest(body);
      const base = bases.find(({ name }) => name === body.model) ?? noBase(body.model, bases);
      const { hiddenSize } = await base.backend.facts();
      if (store.list().filter(({ job }) => !isOver(job)).length >= MOST_WAITING)
        fail("BUSY", `${MOST_WAITING} jobs wait already, and these are the most. Try again later.`);
      for (const id of [request.trainingFile, request.validationFile]) if (id !== undefined) files.get(id);
      const id = newId("ftjob");
      store.makeFolder(id);
      keep(id, request.trainingFile, "train.jsonl");
      if (request.validationFile !== undefined) keep(id, request.validationFile, "valid.jsonl");
      const { quantize, threads } = parts;
      const options = {
        ...tuneOptionsOf(request, hiddenSize),
        ...(request.validationFile !== undefined && { val: [store.fileOf(id, "valid.jsonl")] }),
        ...(quantize !== undefined && { quantize }),
        ...(threads !== undefined && { threads }),
      };
      const alias = `ft:${base.name}:ownlm:${request.suffix ?? ""}:${id.slice(-8)}`;
      const { hyperparameters, kind, seed, metadata, trainingFile, validationFile } = request;
      const { beta: _, ...shown } = hyperparameters;
      const job: Job = {
        ...{ id, object: "fine_tuning.job", created_at: nowSeconds(), finished_at: null, model: base.name },
        ...{ fine_tuned_model: null, organization_id: "ownlm", status: "queued", hyperparameters: shown },
        method: { type: kind, [kind]: { hyperparameters } },
        ...{ training_file: trainingFile, validation_file: validationFile ?? null, result_files: [] },
        ...{ trained_tokens: null, error: null, seed, estimated_finish: null, integrations: [], metadata },
      };
      store.save({ job, options, alias, place: 1 + Math.max(0, ...store.list().map((record) => record.place)) });
      store.tell(id, { level: "info", message: "The job was created, and waits for those before it" });
      queueMicrotask(pump);
      return job;
    },
    cancel(id) {
      const { job } = store.get(id);
      if (isOver(job)) fail("BAD_OPTION", `fine_tuning_job_id: the job has ${job.status} already`);
      change(id, { status: "cancelled", finished_at: nowSeconds() });
      store.tell(id, { level: "info", message: "The job was cancelled" });
      if (running?.id === id) running.child.kill();
      return store.get(id).job;
    },
    close() {
      isClosed = true;
      running?.child.kill();
    },
  };
}

function noBase(model: unknown, bases: readonly Base[]): never {
  const names = bases.map(({ name }) => name).join(", ");
  if (typeof model !== "string") return fail("BAD_OPTION", `model: expected the model to be tuned: ${names}`);
  return fail("NOT_FOUND", `model: there is no ${JSON.stringify(model.slice(0, 200))} to be tuned here. Try ${names}`);
}

/** Turns what a run tells into a job's events and checkpoints. */
function listener(store: JobStore, { job: { id }, alias }: JobRecord, plain: (message: string) => string) {
  let steps = 0;
  let metrics: JsonObject = {};
  return (event: TuneEvent): { readonly trainedTokens?: number } => {
    const info = (message: string) => store.tell(id, { level: "info", message });
    const measured = (message: string, data: JsonObject) =>
      store.tell(id, { level: "info", message, type: "metrics", data });
    if (event.event === "warning") store.tell(id, { level: "warn", message: plain(event.message) });
    else if (event.event === "data") info(`${event.trainExamples} examples train, ${event.valExamples} validate`);
    else if (event.event === "start") {
      steps = event.steps;
      info(`${steps} steps of ${event.tokensPerStep} tokens, from step ${event.resumedFrom}, at a rate of ${event.lr}`);
    } else if (event.event === "step") {
      metrics = { ...metrics, step: event.step, train_loss: event.loss };
      const data = { step: event.step, total_steps: steps, train_loss: event.loss, learning_rate: event.lr };
      measured(`Step ${event.step}/${steps}: training loss=${event.loss.toFixed(4)}`, { ...data, ...event.metrics });
      return { trainedTokens: event.tokens };
    } else if (event.event === "eval") {
      const accuracy = event.tokenAccuracy;
      const valid = {
        full_valid_loss: event.valLoss,
        ...(accuracy !== undefined && { full_valid_mean_token_accuracy: accuracy }),
      };
      metrics = { ...metrics, ...valid };
      measured(`Step ${event.step}/${steps}: validation loss=${event.valLoss.toFixed(4)}`, {
        step: event.step,
        ...valid,
      });
    } else if (event.event === "checkpoint")
      store.mark(id, {
        fine_tuned_model_checkpoint: `${alias}:ckpt-step-${event.step}`,
        step_number: event.step,
        metrics,
      });
    return {};
  };
}
