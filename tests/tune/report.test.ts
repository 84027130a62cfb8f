import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readCard } from "../../src/inspect/card.ts";
import { tuneCard } from "../../src/tune/card.ts";
import type { TuneEvalEvent, TuneStepEvent } from "../../src/tune/events.ts";
import type { TuneRecord } from "../../src/tune/record.ts";
import { curve, reportJson, tuneReport } from "../../src/tune/report-data.ts";
import { reportHtml } from "../../src/tune/report-html.ts";
import { escapeHtml, shownNumber } from "../../src/tune/report-text.ts";
import { record } from "./records.ts";

const step = (at: number): TuneStepEvent => ({ event: "step", step: at, loss: 2 / at, lr: 0.001, gradNorm: 1, tokens: 100 * at, tokensPerSecond: 1000 }); // biome-ignore format: one line
const validation = (at: number): TuneEvalEvent => ({ event: "eval", step: at, valLoss: 1 / (1 + at), tokens: 10, best: true }); // biome-ignore format: one line
const run = (steps: number, changes: Partial<TuneRecord> = {}): TuneRecord => ({
  ...record,
  steps: Array.from({ length: steps }, (_, i) => step(i + 1)),
  evals: [validation(0), validation(steps)],
  ...changes,
});
const page = (of: TuneRecord) => reportHtml(tuneReport(of));
const HOSTILE = `</script><script>alert(1)</script><img src=x onerror='alert("2")'>&amp;\u202Eevil\0\u001b[31m \uD800 \`\`\`\n# x`;

describe("the report of a run", () => {
  test("shows what was better, the answers side by side and how to do it again", () => {
    const html = page(run(20));
    for (const text of ["validation loss", "before: 1.5", "exact answers", "75.0 %", "every week", "ownlm tune base data.jsonl", "<polyline"]) assert.ok(html.includes(text), text); // biome-ignore format: one line
    assert.match(html, /<td class="right"><pre>0 0 \* \* 1<\/pre>/);
    assert.match(html, /<mark> 0 0 \* \* 1<\/mark>/);
  });

  test("fetches nothing and runs nothing", () => {
    const html = page(run(20));
    assert.doesNotMatch(html, /<script|https?:|url\(|@import|src=|href=/);
    assert.match(html, /default-src 'none'/);
  });

  test("lets nothing that somebody wrote become markup", () => {
    const { data, settings } = record;
    const sample = { prompt: HOSTILE, text: HOSTILE, expected: HOSTILE };
    const hostile = run(3, {
      command: HOSTILE,
      finishedAt: HOSTILE,
      settings: { ...settings, base: { ...settings.base, name: HOSTILE }, data: [HOSTILE], options: { ...settings.options, out: HOSTILE } },
      data: {
        ...data,
        report: { ...data.report, badRecords: [HOSTILE], badReasons: { [HOSTILE]: 1 }, dropped: { [`${HOSTILE}.`]: 2 } },
        example: { ...data.example, at: HOSTILE, parts: [{ text: HOSTILE, loss: true }] },
      },
      before: { event: "samples", step: 0, when: "before", samples: [sample] },
      after: { event: "samples", step: 3, when: "after", samples: [sample] },
    }); // biome-ignore format: one line each
    const named = { ...hostile, steps: [{ ...step(1), metrics: { [HOSTILE]: 1 } }, step(2)] };
    const html = page(named);
    const without = html.replace(/<style>[\s\S]*<\/style>/, "").replaceAll(/<\/?(?:i|td|th|tr|pre|mark|table|thead|tbody|div|span|b|small|p|h1|h2|summary|details|figure|figcaption|svg|text|line|circle|polygon|polyline|main|body|head|html|title|style|meta|!doctype)\b[^<>]*>/g, ""); // biome-ignore format: one line
    assert.equal(/.{0,60}[<>].{0,60}/.exec(without)?.[0], undefined);
    assert.doesNotMatch(html, /onerror='|<script|<img/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(html, /[\0\u001b\u202e]|\p{Surrogate}/u);
    assert.deepEqual(JSON.parse(reportJson(tuneReport(named))).record.command, HOSTILE);
  });

  test("draws one step and a hundred thousand", () => {
    const one = page(run(1));
    assert.match(one, /<polyline/);
    assert.doesNotMatch(one, /NaN|Infinity|undefined/);
    const many = run(100_000);
    const html = page(many);
    assert.ok(html.length < 200_000, `${html.length}`);
    assert.ok(reportJson(tuneReport(many)).length < 250_000);
    assert.doesNotMatch(html, /NaN|Infinity|undefined/);
  });

  test("is drawn without validation, answers or any finite figure", () => {
    const { before: _, after: __, ...bare } = run(0, { evals: [] });
    const { valLoss: ___, valLossBefore: ____, exactMatch: _____, tokenAccuracy: ______, ...done } = bare.done;
    const html = page({ ...bare, done, steps: [{ ...step(1), loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY }] });
    assert.doesNotMatch(html, /NaN|Infinity|undefined|Answers/);
  });
});

describe("a curve", () => {
  test("keeps the mean and the reach of each stretch", () => {
    const events = Array.from({ length: 2000 }, (_, i) => step(i + 1));
    const { points } = curve("x", events, (event) => event.step);
    assert.equal(points.length, 500);
    assert.deepEqual(points[1], { step: 8, mean: 6.5, min: 5, max: 8 });
    assert.equal(points.at(-1)!.step, 2000);
  });

  test("leaves out what is no number", () => {
    const values = [1, Number.NaN, undefined, 4];
    const { points } = curve("x", values.map((_, i) => step(i + 1)), (event) => values[event.step - 1]); // biome-ignore format: one line
    assert.deepEqual(points.map(({ step: at, mean }) => [at, mean]), [[1, 1], [4, 4]]); // biome-ignore format: one line
  });
});

describe("texts of a page", () => {
  test("show what a browser would obey or drop", () => {
    assert.equal(escapeHtml(`<a href="x">'&\t\n`), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\t\n");
    assert.equal(escapeHtml("\u202E\0\uDC00é🙂"), "\\u{202e}\\u{0}\ufffdé🙂");
  });

  test("have numbers of four digits", () => {
    const shown = [0, 0.123456, 12.3456, 1234.5, 0.00012, 2.5e7, Number.NaN].map(shownNumber);
    assert.deepEqual(shown, ["0", "0.1235", "12.35", "1235", "1.2e-4", "2.5e7", "?"]);
  });
});

describe("the card of a tuned model", () => {
  test("has the hub's front matter for an adapter of a hub's model", () => {
    const { settings, done } = record;
    const base = { ...settings.base, name: "org/model", folder: "/cache/models--org--model/snapshots/1" };
    const of = run(3, { settings: { ...settings, base }, done: { ...done, result: "adapter" } });
    const card = tuneCard(of, { license: "apache-2.0", datasets: ["org/data"] });
    for (const wanted of ['license: "apache-2.0"', "base_model: org/model", "base_model_relation: adapter", "library_name: peft", '- "org/data"', "- lora", "- sft", "PeftModel.from_pretrained"]) assert.ok(card.includes(wanted), wanted); // biome-ignore format: one line
    assert.deepEqual(readCard(card), { licence: "apache-2.0", baseModel: "org/model" });
  });

  test("of a reward model loads it with the class that it is of", () => {
    const of = run(3);
    const model = tuneCard({ ...of, done: { ...of.done, result: "reward model" } });
    assert.match(model, /pipeline_tag: text-classification/);
    assert.match(model, /model = AutoModelForSequenceClassification\.from_pretrained\("THIS_FOLDER"\)/);
    const adapter = tuneCard({ ...of, done: { ...of.done, result: "reward adapter" } });
    assert.match(adapter, /library_name: peft/);
    assert.match(
      adapter,
      /AutoModelForSequenceClassification\.from_pretrained\("[^"]+", num_labels=1\), "THIS_FOLDER"\)/,
    );
  });

  test("names no base that is a folder of somebody's, and says transformers for a model", () => {
    const card = tuneCard(run(3));
    assert.doesNotMatch(card, /base_model|license:/);
    assert.match(card, /library_name: transformers/);
    assert.match(card, /\| validation loss \| 1.5 \| 0.25 \|/);
  });

  test("keeps hostile texts inside their fences", () => {
    const sample = { prompt: HOSTILE, text: "````\n# no heading" };
    const { settings } = record;
    const card = tuneCard(
      run(3, {
        command: "`````",
        settings: { ...settings, base: { ...settings.base, name: "`x`\n---\n# y" }, options: { ...settings.options, out: "a/<b>*c*" } },
        after: { event: "samples", step: 3, when: "after", samples: [sample] },
      }),
    ); // biome-ignore format: one line each
    let fence: string | undefined;
    for (const line of card.split("\n").slice(card.split("\n").lastIndexOf("---") + 1)) {
      const opened = /^(`{3,})(?:\w*)$/.exec(line)?.[1];
      if (fence === undefined) {
        if (opened) fence = opened;
        else assert.doesNotMatch(line, /^# (x|y|no)/);
      } else if (line === fence) fence = undefined;
    }
    assert.equal(fence, undefined);
    assert.match(card, /# \\<b\\>\\\*c\\\*/);
  });
});
