/** The verb `demo`: a first model from a text that is composed here, and a story by it. Nothing to fetch, minutes to wait. */
import { shellPath } from "../base/format.ts";
import { sampleStories } from "../data/sample.ts";
import { generateStream } from "../generate/generate.ts";
import { openModel } from "../generate/load.ts";
import type { Host } from "../host/types.ts";
import { openRuntime } from "../runtime/open.ts";
import { holdsRun } from "../train/settings.ts";
import { writeText } from "../weights/safetensors.ts";
import { safeText } from "./text.ts";
import { runTraining } from "./train.ts";
import { type Io, verb } from "./verb.ts";

const OPTIONS = {
  out: { kind: "text", placeholder: "DIR", default: "first-model", help: "Folder for the model" },
  minutes: { kind: "number", min: 0.05, max: 60, default: 1.5, help: "Train about this long" },
  prompt: { kind: "text", placeholder: "TEXT", default: "Once upon a time", help: "Beginning of the story" },
  seed: { kind: "int", min: 0, max: Number.MAX_SAFE_INTEGER, default: 1, help: "Another one tells another story" },
} as const;

/** Characters of the stories: enough for a model of this size, tokenized in a second. */
const CHARACTERS = 1_500_000;

/** Sizes that learn whole sentences in a minute or two on two cores. */
const SIZES = { preset: "nano", optimizer: "muon" } as const;

/** A first model, with nothing to fetch. */
export const DEMO = verb({
  name: "demo",
  summary: "Train a small model on stories that come with ownlm, and let it tell one",
  operands: "",
  arity: [0, 0],
  options: OPTIONS,
  examples: [["ownlm demo", "two minutes on two cores; again: another story by the same model"]],
  async run(io, { options }) {
    const { out, minutes, prompt, seed } = options;
    const { host } = io;
    const finished = host.kindOf(host.join(out, "model.safetensors")) === "file";
    if (!finished) {
      const settings = holdsRun(host, out) ? {} : { ...SIZES, minutes, prompt };
      await runTraining(io, [storiesIn(host, out)], { out, resume: true, ...settings });
    }
    const text = await tell(io, out, prompt, seed);
    if (io.machine) return io.json({ out, prompt, text });
    io.print("");
    if (finished) io.print(`That was ${out} again. Another story: add --seed 2. A new model: remove the folder.`);
    io.print(`More of it: ownlm generate ${shellPath(out)} "The wolf"   Your own: ownlm train TEXT... --out DIR`);
  },
});

/** The text to train on, composed once and kept beside the model, so that a run can be continued. */
function storiesIn(host: Host, out: string): string {
  const folder = host.join(out, "text");
  const file = host.join(folder, "stories.jsonl");
  host.makeFolder(folder);
  const lines = () => sampleStories({ characters: CHARACTERS }).map((text) => `${JSON.stringify({ text })}\n`);
  if (host.kindOf(file) !== "file") writeText(host, file, lines().join(""));
  return file;
}

/** Streams a continuation to the terminal and returns it. */
async function tell(io: Io, out: string, prompt: string, seed: number): Promise<string> {
  using opened = await openModel(io.host, await openRuntime(), out);
  using loan = opened.borrow();
  const tokenizer = opened.tokenizer!;
  const show = (text: string) => void (io.machine || io.stdout.write(safeText(text)));
  show(`\n${prompt}`);
  const ids = tokenizer.encode(prompt);
  const settings = { ...opened.defaults, temperature: 0.7, topP: 0.9, maxNewTokens: 160, seed, signal: io.signal };
  const stream = generateStream(loan.engine, tokenizer, ids, settings);
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return value.text;
    show(value.text);
  }
}
