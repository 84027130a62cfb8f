/** Shows how bytes come and go: one bar for all files of a pull or a push, plain lines where there is no terminal. */
import { formatBytes, formatDuration } from "../base/format.ts";
import type { PullProgress } from "../hub/pull.ts";
import type { PushProgress } from "../hub/push.ts";
import { progressBar } from "./chart.ts";
import { columnsOf, liveArea, wantsUnicode } from "./terminal.ts";
import { visibleText } from "./text.ts";
import type { Io } from "./verb.ts";

/** Either way over the network. */
type Progress = PullProgress | PushProgress;

/** Speed is that of the last so many milliseconds. */
const SPEED_OVER_MS = 5000;
const MOST_COLUMNS = 100;

/** What a verb hands on as hooks, and an end to it. */
export interface TransferView extends Disposable {
  readonly onProgress: (progress: Progress) => void;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * A view on stderr, so that stdout is a verb's own. `lines` writes JSON lines to stdout instead, for verbs whose whole
 * output is the transfer; with `--json` and without it nothing is shown but warnings.
 */
export function transferView(io: Io, { lines }: { readonly lines: boolean }): TransferView {
  const { host, signal } = io;
  const area = io.machine ? undefined : liveArea(io.stderr, { nowMs: host.nowMs, env: io.env, plainEveryMs: 2000 });
  const marks: { readonly atMs: number; readonly bytes: number }[] = [];
  let toldMs = Number.NEGATIVE_INFINITY;
  const json = (progress: Progress) => {
    const isLast = progress.doneBytes === progress.totalBytes;
    if (!lines || (!isLast && host.nowMs() - toldMs < 500)) return;
    toldMs = host.nowMs();
    io.json(progress);
  };
  return {
    signal,
    onProgress(progress) {
      if (io.machine) return json(progress);
      const bytes = "receivedBytes" in progress ? progress.receivedBytes : progress.doneBytes;
      const atMs = host.nowMs();
      while (marks.length > 1 && atMs - marks[0]!.atMs > SPEED_OVER_MS) marks.shift();
      if (marks.length === 0 || atMs - marks.at(-1)!.atMs > 100) marks.push({ atMs, bytes });
      const [first] = marks as [(typeof marks)[number]];
      const speed = atMs - first.atMs > 300 ? (1000 * (bytes - first.bytes)) / (atMs - first.atMs) : undefined;
      area?.draw(picture(io, progress, speed), statusLine(progress, speed));
    },
    onWarning(message) {
      if (area) area.log(visibleText(message));
      else io.warn(visibleText(message));
    },
    [Symbol.dispose]: () => area?.finish(),
  };
}

function picture(io: Io, progress: Progress, speed: number | undefined): string[] {
  const width = Math.min(MOST_COLUMNS, columnsOf(io.stderr)) - 1;
  const { doneBytes: done, totalBytes } = progress;
  const bar = progressBar({ done, total: Math.max(1, totalBytes), width, unicode: wantsUnicode(io.env, io.platform) });
  return [bar, statusLine(progress, speed)];
}

/** "org/name: 45% of 27.0 MiB, 3 of 7 files, 5.1 MiB/s, 3s left". */
function statusLine({ id, doneBytes, totalBytes, doneFiles, files }: Progress, speed: number | undefined): string {
  const share = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const left = speed ? `${formatDuration((1000 * (totalBytes - doneBytes)) / speed)} left` : "";
  return [
    `${visibleText(id)}: ${share}% of ${formatBytes(totalBytes)}`,
    `${doneFiles} of ${files} files`,
    ...(speed === undefined || doneBytes === totalBytes ? [] : [`${formatBytes(speed)}/s`, left].filter(Boolean)),
  ].join(", ");
}
