import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { test } from "node:test";
import { createLibrary } from "../../src/generate/library.ts";
import { host } from "../../src/host/node.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { skipWithoutPython } from "../helpers/reference-python.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, serverOf } from "../serve/servers.ts";

const python = process.env.OWNLM_PYTHON ?? "";
const hasLmEval = () => spawnSync(python, ["-c", "import lm_eval, tenacity, aiohttp"]).status === 0;
const skip =
  skipWithoutRuntime || skipWithoutPython || (!hasLmEval() && "OWNLM_PYTHON has no lm_eval with its api extra");

const DOCS = [
  { question: "the cat sat on the", choices: ["mat", "dog", "time"], answer: 0 },
  { question: "Once upon a", choices: ["time", "mat", "cat"], answer: 0 },
  { question: "the dog sat on", choices: ["the cat", "upon", "Once upon a time"], answer: 0 },
];

const task = (file: string) => `task: three_questions
dataset_path: json
dataset_kwargs:
  data_files:
    test: ${file}
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - metric: acc
`;

/** Runs lm-eval against a server and gives its log P of every choice, question by question. */
async function askedByLmEval(url: string, tokenizer: string): Promise<number[][]> {
  const folder = temporaryFolder();
  const file = path.join(folder, "docs.jsonl");
  writeFileSync(file, DOCS.map((doc) => JSON.stringify(doc)).join("\n"));
  writeFileSync(path.join(folder, "task.yaml"), task(file));
  const model = `model=tiny,base_url=${url}/v1/completions,tokenizer=${tokenizer},tokenizer_backend=huggingface,max_retries=1`;
  const out = path.join(folder, "out");
  const args = ["--model", "local-completions", "--model_args", model, "--tasks", "three_questions"];
  const child = spawn(
    python,
    ["-m", "lm_eval", ...args, "--include_path", folder, "--output_path", out, "--log_samples"],
    {
      env: { ...process.env, HF_HUB_OFFLINE: "1", HF_HOME: folder, TOKENIZERS_PARALLELISM: "false" },
    },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    errors += piece;
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(status, 0, errors.slice(-3000));
  const samples = readdirSync(out, { recursive: true, encoding: "utf8" }).find((name) =>
    /samples_.*\.jsonl$/.test(name),
  )!;
  const rows = readFileSync(path.join(out, samples), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  rows.sort((a, b) => a.doc_id - b.doc_id);
  return rows.map(({ filtered_resps }) => filtered_resps.map(([logprob]: [number | string]) => Number(logprob)));
}

test("Python's lm-eval as it is gets the log probabilities of ownlm score through local-completions", {
  skip,
}, async () => {
  const folder = chatFolder();
  const server = await serverOf(folder);
  const { url } = await server.listen();
  const told = await askedByLmEval(url, folder);
  using model = await createLibrary(host).AutoModelForCausalLM.fromPretrained(folder);
  const { tokenizer } = model;
  for (const [i, { question, choices }] of DOCS.entries())
    for (const [j, choice] of choices.entries()) {
      const context = tokenizer!.encode(question).length;
      const { logprobs } = await model.score(tokenizer!.encode(`${question} ${choice}`));
      const expected = logprobs.slice(context).reduce<number>((sum, logprob) => sum + logprob!, 0);
      assert.ok(
        Math.abs(told[i]![j]! - expected) < 1e-3,
        `${question} ${choice}: ${told[i]![j]}, expected ${expected}`,
      );
    }
});
