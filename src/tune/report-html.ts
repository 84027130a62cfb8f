/** The report of a run as one page: no script, nothing fetched, light or dark as its reader's system is. */
import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import { SHAPE_NAMES } from "../data/shapes.ts";
import type { Curve, SampleRow, TuneReport } from "./report-data.ts";
import { STYLE } from "./report-style.ts";
import { chart } from "./report-svg.ts";
import { escapeHtml, shownNumber, shownShare, threadsText, words } from "./report-text.ts";

/** What falls by orders of magnitude. */
const FALLING = ["loss", "gradient norm"];
/** Answers that are shown at once; the others can be opened. */
const OPEN_SAMPLES = 10;

/** The whole page. */
export function reportHtml(report: TuneReport): string {
  const { settings, command, finishedAt } = report.record;
  const title = `${settings.base.name}, fine-tuned`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main>
<h1>${escapeHtml(title)}</h1>
<p class="quiet">${escapeHtml(subtitle(report))}</p>
${tiles(report)}
<h2>Curves</h2><div class="charts">${charts(report)}</div>
${samples(report.samples)}
<h2>Data</h2>${data(report)}
<h2>Settings</h2>${settingsTable(report)}
<h2>Again</h2><pre>${escapeHtml(command)}</pre>
<p class="quiet">Made with ownlm, ${escapeHtml(finishedAt)}. Every step is in log.jsonl, every setting in tune.json.</p>
</main></body></html>
`;
}

function subtitle({ record: { start, done, settings } }: TuneReport): string {
  const method = start.method === "full" ? "every weight" : start.method;
  return [
    `${start.objective} with ${method}`,
    `${formatCount(done.trainedParameters)} of ${formatCount(start.parameters)} parameters`,
    `${formatCount(done.step)} steps in ${formatDuration(1000 * done.seconds)} on ${threadsText(settings.options.threads)}`,
    ...(done.stoppedEarly ? ["stopped early: validation had stopped falling"] : []),
    ...(done.resultStep === done.step ? [] : [`weights of step ${formatCount(done.resultStep)}, the best`]),
  ].join(" · ");
}

function tiles({ record: { done, start, data } }: TuneReport): string {
  const tile = (label: string, value: string, before?: string) =>
    `<div class="tile"><span>${escapeHtml(label)}</span><b>${escapeHtml(value)}</b>${before === undefined ? "" : `<small>before: ${escapeHtml(before)}</small>`}</div>`;
  const changed = (
    label: string,
    now: number | undefined,
    before: number | undefined,
    show: (value: number) => string,
  ) => (now === undefined ? [] : [tile(label, show(now), before === undefined ? undefined : show(before))]);
  return `<div class="tiles">${[
    ...changed("validation loss", done.valLoss, done.valLossBefore, shownNumber),
    ...changed("exact answers", done.exactMatch, done.exactMatchBefore, shownShare),
    ...changed("token accuracy", done.tokenAccuracy, undefined, shownShare),
    tile("examples", formatCount(data.trainExamples), undefined),
    tile("tokens a second", formatCount(start.tokensPerSecond)),
    tile("memory planned", formatBytes(start.plannedBytes)),
  ].join("")}</div>`;
}

function charts({ training, validation }: TuneReport): string {
  const given = [...new Set([...validation, ...training].map(({ name }) => name))];
  const last = ["learning rate", "gradient norm"];
  const names = [...given.filter((name) => !last.includes(name)), ...last];
  const find = (curves: readonly Curve[], name: string): Curve =>
    curves.find((curve) => curve.name === name) ?? { name, points: [] };
  return names
    .map((name) => {
      const lines = [
        { kind: "train", label: "training", curve: find(training, name) },
        { kind: "valid", label: "validation", curve: find(validation, name) },
      ] as const;
      return chart(words(name), lines, {
        show: name === "token accuracy" ? shownShare : shownNumber,
        ratios: FALLING.includes(name),
      });
    })
    .join("\n");
}

function samples(rows: readonly SampleRow[]): string {
  if (rows.length === 0) return "";
  const has = (key: "before" | "after" | "expected") => rows.some((row) => row[key] !== undefined);
  const columns = (["before", "after", "expected"] as const).filter(has);
  const titles = { before: "before", after: "after", expected: "in the data" } as const;
  const cell = (row: SampleRow, key: (typeof columns)[number]) => {
    const right = row.expected !== undefined && key !== "expected" && row[key]?.trim() === row.expected.trim();
    return `<td${right ? ' class="right"' : ""}><pre>${escapeHtml(row[key] ?? "")}</pre></td>`;
  };
  const lines = rows.map(
    (row) => `<tr><td><pre>${escapeHtml(row.prompt)}</pre></td>${columns.map((key) => cell(row, key)).join("")}</tr>`,
  );
  const head = `<thead><tr><th>prompt</th>${columns.map((key) => `<th>${titles[key]}</th>`).join("")}</tr></thead>`;
  const part = (from: number, to: number) =>
    `<div class="wide"><table class="samples">${head}<tbody>${lines.slice(from, to).join("\n")}</tbody></table></div>`;
  const more = lines.length - OPEN_SAMPLES;
  const rest =
    more > 0
      ? `<details><summary>${formatCount(more)} more</summary>${part(OPEN_SAMPLES, lines.length)}</details>`
      : "";
  return `<h2>Answers</h2>${part(0, OPEN_SAMPLES)}${rest}`;
}

function data({ record: { data, settings } }: TuneReport): string {
  const { report, example } = data;
  const share = report.tokens > 0 ? ` (${shownShare(report.lossTokens / report.tokens)})` : "";
  const left = Object.entries({ ...report.dropped, ...report.badReasons });
  const rows: [string, string][] = [
    ["files", settings.data.join("\n")],
    ["shape", SHAPE_NAMES[report.shape]],
    ["records", formatCount(report.records)],
    ["examples", `${formatCount(data.trainExamples)} trained on, ${formatCount(data.valExamples)} validate`],
    ["tokens", `${formatCount(report.tokens)}, of which ${formatCount(report.lossTokens)} carry loss${share}`],
    [
      "lengths",
      `half at most ${report.lengths.p50} tokens, 95 % at most ${report.lengths.p95}, the longest ${report.lengths.max}`,
    ],
    ["cut", `${formatCount(report.truncated)} examples, by ${formatCount(report.cutTokens)} tokens`],
    ["rows", `${formatCount(data.rows)} of ${formatCount(data.rowTokens)} tokens, ${shownShare(data.filled)} filled`],
    ...left.map(([reason, count]): [string, string] => ["left out", `${formatCount(count)}: ${reason}`]),
  ];
  const bad =
    report.badRecords.length > 0
      ? `<details><summary>bad records</summary><pre>${escapeHtml(report.badRecords.join("\n"))}</pre></details>`
      : "";
  const parts = example.parts.map(({ text, loss }) => (loss ? `<mark>${escapeHtml(text)}</mark>` : escapeHtml(text)));
  return `${table(rows)}${bad}<p>An example as the model sees it; what is marked carries loss (${escapeHtml(example.at)}):</p><pre>${parts.join("")}</pre>`;
}

function settingsTable({ record: { settings, start } }: TuneReport): string {
  const options = Object.entries(settings.options).filter(
    ([, value]) => value !== undefined && value !== "" && value !== false,
  );
  const shown = (value: unknown) => (Array.isArray(value) ? value.join(", ") : String(value));
  const rows = options.map(([name, value]): [string, string] => [words(name), shown(value)]);
  return table([["model", `${settings.base.name} (${start.model})`], ...rows.filter(([, value]) => value !== "")]);
}

function table(rows: readonly (readonly [string, string])[]): string {
  const lines = rows.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`);
  return `<table>${lines.join("\n")}</table>`;
}
