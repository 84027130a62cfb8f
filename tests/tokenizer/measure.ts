/** Measures training and encoding. Run: node dist/tests/tokenizer/measure.js MEGABYTES [vocabSize]; without a number it does nothing. */
import { readFileSync } from "node:fs";
import { type Rng, rng } from "../../src/base/rng.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { tokenizerJsonOfGguf } from "../helpers/gguf-vocab.ts";
import { sharedData } from "../helpers/paths.ts";

const megabytes = Number(process.argv[2]);
if (megabytes > 0) measure(megabytes, Number(process.argv[3] ?? 32768));

function measure(size: number, vocabSize: number): void {
  const shakespeare = sharedData("text", "tinyshakespeare.txt");
  const gpt2 = sharedData("tokenizers", "ggml-vocab-gpt-2.gguf");
  const llama3 = sharedData("tokenizers", "ggml-vocab-llama-bpe.gguf");
  const english = shakespeare ? readFileSync(shakespeare, "utf8") : [...documents(rng(1), 1)].join("");
  report("4096 of Shakespeare", trainBpe([english], { vocabSize: 4096 }), english);
  if (gpt2) report("GPT-2", tokenizerFromJson(tokenizerJsonOfGguf(gpt2), gpt2), english);
  if (llama3) report("Llama 3", tokenizerFromJson(tokenizerJsonOfGguf(llama3), llama3), english);

  let words = 0;
  let counted = 0;
  const start = performance.now();
  const tokenizer = trainBpe(documents(rng(2), size), {
    vocabSize,
    onProgress(progress) {
      if (progress.stage !== "count") return;
      words = progress.words;
      counted = performance.now();
    },
  });
  const seconds = (performance.now() - start) / 1000;
  const counting = (counted - start) / 1000;
  console.log(
    `train ${size} MB to ${tokenizer.vocabSize}: ${seconds.toFixed(1)} s (${(size / seconds).toFixed(1)} MB/s), of it making and counting`,
    `the text ${counting.toFixed(1)} s; ${words} distinct words; ${Math.round(process.memoryUsage().rss / 1e6)} MB resident`,
  );
  report("own, on new text of the same kind", tokenizer, [...documents(rng(3), 4)].join(""));
}

function report(name: string, tokenizer: Tokenizer, text: string): void {
  const bytes = Buffer.byteLength(text);
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    tokenizer.encode(text);
    return performance.now() - start;
  });
  const ids = tokenizer.encode(text);
  const start = performance.now();
  tokenizer.decode(ids);
  const decoding = performance.now() - start;
  const rate = (ms: number) => (bytes / 1e3 / ms).toFixed(1);
  const warm = times.slice(1).sort((a, b) => a - b)[3]!;
  console.log(
    `${name}: encode ${rate(times[0]!)} MB/s the first time, ${rate(warm)} after; decode ${rate(decoding)} MB/s;`,
    `${(bytes / ids.length).toFixed(2)} bytes a token`,
  );
}

/** Documents of some 20 kB: words of 2 to 12 letters drawn with Zipf's frequencies from 300,000, and 1 % new ones. */
function* documents(random: Rng, size: number): Generator<string> {
  const makers = "b c d f g h l m n p r s t v w st th tr qu".split(" ");
  const vowels = "a e i o u ea ou ai".split(" ");
  const syllable = () => makers[random.below(makers.length)]! + vowels[random.below(vowels.length)]!;
  const word = () => Array.from({ length: 1 + random.below(5) }, syllable).join("");
  const lexicon = Array.from({ length: 300_000 }, word);
  const marks = [".", ",", ";", ".\n", ' "', "'s", " 19", "!\n\n"];
  for (let made = 0; made < size * 1e6; ) {
    const parts: string[] = [];
    for (let length = 0; length < 20_000; ) {
      const rank = Math.floor(lexicon.length ** random.uniform()) - 1;
      const next = random.below(100) === 0 ? word() + random.below(1000) : lexicon[rank]!;
      parts.push(" ", next, random.below(9) === 0 ? marks[random.below(marks.length)]! : "");
      length += next.length + 1;
    }
    const text = parts.join("");
    made += text.length;
    yield text;
  }
}
