/**
 * Continuous batching: texts come and go between steps, each step makes a token of every text that is being written, and prompts are read in
 * pieces between them. Knows no HTTP, no text and no sampling.
 */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { createPause } from "../base/pause.ts";
import type { Ending, Load, Piece } from "./backend.ts";
import { type Channel, createChannel } from "./channel.ts";
import { createLine } from "./line.ts";
import { createPace } from "./pace.ts";
import type { Row, Rows } from "./rows.ts";
import type { Sequence } from "./sequence.ts";

/** Makes texts, many at once. */
export interface Scheduler {
  /** Puts a text in line. Throws BUSY where it is full, DISPOSED once it is closed. It ends with ABORTED when `signal` is. */
  add(sequence: Sequence, from: Origin): AsyncGenerator<Piece, Ending>;
  load(): Load;
  /** Ends all texts with DISPOSED; resolves when no step runs any more. */
  close(): Promise<void>;
}

/** Where a text comes from. */
export interface Origin {
  readonly client: string;
  readonly joined?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A text and where it stands. */
interface Job {
  readonly sequence: Sequence;
  readonly out: Channel<Piece, Ending>;
  readonly off: () => void;
  row?: Row;
  /** Tokens of the prompt that the row knew. */
  cachedTokens: number;
  /** Tokens of other prompts that were read while this one waited. */
  passed: number;
  isLeft: boolean;
}

/** A scheduler over a model's places; at most `mostWaiting` texts wait for one. */
export function createScheduler(rows: Rows, mostWaiting: number, nowMs: () => number): Scheduler {
  const line = createLine<Job>(mostWaiting);
  const pace = createPace();
  const pause = createPause(nowMs);
  let reading: Job[] = [];
  let writing: Job[] = [];
  let isClosed = false;
  let running: Promise<void> | undefined;

  const over = (job: Job, tell: (out: Job["out"]) => void) => {
    reading = reading.filter((each) => each !== job);
    writing = writing.filter((each) => each !== job);
    if (job.row) rows.giveBack(job.row);
    delete job.row;
    job.off();
    tell(job.out);
  };
  const fell = (job: Job, error: unknown) => over(job, (out) => out.fail(asError(error)));

  /** What the logits behind a job's last token lead to. */
  const took = (job: Job, logits: Float32Array) => {
    try {
      const { sequence } = job;
      const piece = sequence.take(logits);
      if (piece) job.out.push(piece);
      const { finish: finishReason, completionTokens } = sequence;
      if (finishReason === undefined) return;
      const ending = { finishReason, completionTokens, cachedTokens: job.cachedTokens };
      over(job, (out) => out.end(ending));
    } catch (error) {
      fell(job, error);
    }
  };
  const write = async () => {
    const jobs = writing;
    const startMs = nowMs();
    try {
      const all = await rows.step(
        jobs.map(({ row }) => row!),
        jobs.map(({ sequence }) => sequence.nextId!),
      );
      pace.wrote(nowMs() - startMs);
      for (const [i, job] of jobs.entries()) if (!job.isLeft) took(job, all[i]!);
    } catch (error) {
      for (const job of jobs) fell(job, error);
    }
  };
  /** Its place, found as late as can be: a text before it may have the same beginning. */
  const placed = (job: Job): Row => {
    const { promptIds, scoresPrompt, adapter } = job.sequence;
    const row = rows.take(promptIds, scoresPrompt, adapter) ?? fail("BUG", "a text was let in, and no place was free");
    job.row = row;
    job.cachedTokens = row.ids.length;
    return row;
  };
  const read = async (job: Job, most: number) => {
    const { sequence } = job;
    try {
      const row = job.row ?? placed(job);
      const start = row.ids.length;
      const ids = sequence.promptIds.slice(start, start + most);
      const startMs = nowMs();
      const logits = await readPiece(sequence, row, ids, start);
      pace.read(ids.length, nowMs() - startMs);
      for (const other of reading) if (other !== job) other.passed += ids.length;
      if (row.ids.length < sequence.promptIds.length) return;
      reading = reading.filter((each) => each !== job);
      writing = [...writing, job];
      const promptTokens = sequence.promptInfo();
      if (promptTokens) job.out.push({ text: "", ids: [], promptTokens });
      took(job, logits);
    } catch (error) {
      fell(job, error);
    }
  };
  const admit = () => {
    while (reading.length + writing.length < rows.count) {
      const job = line.next();
      if (!job) return;
      reading = [...reading, job];
    }
  };
  const turn = async () => {
    for (const job of [...reading, ...writing]) if (job.isLeft) fell(job, aborted());
    admit();
    if (reading.length > 0) {
      const next = nextToRead(reading);
      const most = pace.tokensToRead(leftOf(next), reading.length, writing.length > 0);
      if (most > 0) await read(next, most);
    }
    if (writing.length > 0) await write();
  };
  const run = async () => {
    while (!isClosed && line.length + reading.length + writing.length > 0) {
      await turn();
      await pause();
    }
  };
  const wake = () => {
    running ??= run().finally(() => {
      running = undefined;
    });
  };
  return {
    add(sequence, { client, joined, signal }) {
      if (isClosed) fail("DISPOSED", "the engine is going away");
      if (signal?.aborted) throw aborted();
      const leave = () => {
        job.isLeft = true;
        for (const each of line.remove((waiting) => waiting === job)) fell(each, aborted());
      };
      const out = createChannel<Piece, Ending>(leave);
      const off = () => signal?.removeEventListener("abort", leave);
      const job: Job = { sequence, out, off, cachedTokens: 0, passed: 0, isLeft: false };
      line.push(client, job, joined);
      signal?.addEventListener("abort", leave, { once: true });
      wake();
      return out.values;
    },
    load: () => ({ running: reading.length + writing.length, waiting: line.length, slots: rows.count }),
    async close() {
      isClosed = true;
      const gone = () => new OwnlmError("DISPOSED", "the engine is going away");
      for (const job of line.remove(() => true)) fell(job, gone());
      await running;
      for (const job of [...reading, ...writing]) fell(job, gone());
    },
  };
}

const leftOf = ({ sequence, row }: Job) => sequence.promptIds.length - (row?.ids.length ?? 0);

/** The prompt that is done soonest, but for those that were passed over: each token read of another counts as one less to read. */
function nextToRead(jobs: readonly Job[]): Job {
  return jobs.reduce((a, b) => (leftOf(b) - b.passed < leftOf(a) - a.passed ? b : a));
}

/** Reads a piece of a prompt; the logits are those behind its last token. */
async function readPiece(sequence: Sequence, row: Row, ids: readonly number[], start: number): Promise<Float32Array> {
  if (!sequence.scoresPrompt) return row.read(ids);
  let last: Float32Array | undefined;
  await row.readShowing(ids, (logits, i) => {
    sequence.notePrompt(logits, start + i);
    if (i === ids.length - 1) last = logits.slice();
  });
  return last ?? fail("BUG", "a prompt was read and no logits came");
}

const aborted = () => new OwnlmError("ABORTED", "stopped on request");

const asError = (error: unknown) => (error instanceof Error ? error : new OwnlmError("BUG", messageOf(error)));
