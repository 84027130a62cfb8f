/**
 * transformers.js as a process that is measured: `node transformers-js-side.js FOLDER THREADS`. Started by packed.js.
 * It runs as its users run it, by `generate`, greedily; a step is the time between two tokens that a streamer is given.
 */
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { repoRoot } from "../../tests/helpers/paths.ts";
import { FIRST_PROMPT, serve, someIds, WARM_STEPS } from "./side.ts";

/** What is used of transformers.js; it brings its own types, which are not installed with ownlm. */
interface TransformersJs {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly AutoModelForCausalLM: { from_pretrained(name: string, options: object): Promise<CausalLm> };
  readonly Tensor: new (dtype: "int64", data: BigInt64Array, dims: readonly number[]) => object;
  readonly BaseStreamer: new () => object;
}
interface CausalLm {
  readonly config: { readonly vocab_size: number };
  generate(options: object): Promise<unknown>;
}

const [folder, threads] = process.argv.slice(2);
const from = createRequire(path.join(repoRoot, "bench/transformers-js/package.json"));
const library = (await import(
  pathToFileURL(from.resolve("@huggingface/transformers")).href
)) as unknown as TransformersJs;
library.env.allowRemoteModels = false;
library.env.localModelPath = path.dirname(folder!);
const model = await library.AutoModelForCausalLM.from_pretrained(path.basename(folder!), {
  dtype: "q4",
  device: "cpu",
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
});

/** When each of `tokens` new tokens was there, after the prompt was handed over: seconds. */
async function generate(prompt: number, tokens: number): Promise<number[]> {
  const ids = BigInt64Array.from(someIds(prompt, model.config.vocab_size), BigInt);
  const times: number[] = [];
  const start = performance.now();
  class Clock extends library.BaseStreamer {
    put(): void {
      times.push((performance.now() - start) / 1000);
    }
    end(): void {}
  }
  await model.generate({
    input_ids: new library.Tensor("int64", ids, [1, prompt]),
    attention_mask: new library.Tensor("int64", new BigInt64Array(prompt).fill(1n), [1, prompt]),
    max_new_tokens: tokens,
    min_new_tokens: tokens,
    do_sample: false,
    streamer: new Clock(),
  });
  // The prompt is put first of all.
  const made = times.slice(-tokens);
  if (times.length !== tokens + 1) throw new Error(`got ${times.length - 1} tokens, expected ${tokens}`);
  return made;
}

await generate(FIRST_PROMPT, 1);
await serve({
  async decode(depth, tokens) {
    const times = await generate(depth, WARM_STEPS + tokens + 1);
    return times.at(-1)! - times[WARM_STEPS]!;
  },
  async prefill(tokens) {
    return (await generate(tokens, 1))[0]!;
  },
});
