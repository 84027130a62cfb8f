/** The files that tell of a finished run, by name. */
import type { Host } from "../host/types.ts";
import { type CardFacts, tuneCard } from "./card.ts";
import type { TuneRecord } from "./record.ts";
import { reportJson, tuneReport } from "./report-data.ts";
import { reportHtml } from "./report-html.ts";

/** A page with curves and answers, the same as data, and a model card. */
export function reportTexts(record: TuneRecord, facts: CardFacts): Readonly<Record<string, string>> {
  const report = tuneReport(record);
  return { "report.html": reportHtml(report), "report.json": reportJson(report), "README.md": tuneCard(record, facts) };
}

/** Bytes of a card in which its license is looked for. */
const HEAD_BYTES = 4096;

/** What the base's own card says: its license. */
export function factsOf(host: Host, baseFolder: string): CardFacts {
  const card = host.join(baseFolder, "README.md");
  if (host.kindOf(card) !== "file") return {};
  const bytes = host.readBytes(card, 0, Math.min(HEAD_BYTES, host.fileSize(card)));
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(new TextDecoder().decode(bytes))?.[1] ?? "";
  const license = /^license:\s*["']?([\w.+-]+)["']?\s*$/m.exec(head)?.[1];
  return license === undefined ? {} : { license };
}
