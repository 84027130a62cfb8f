/** Continues a text with a model of yours: `node dist/examples/generate.js mymodel "Once upon a time"`. */
import process from "node:process";
import { AutoModelForCausalLM, AutoTokenizer } from "../src/index.ts"; // in your own program: from "ownlm"

const [folder = "mymodel", prompt = "Once upon a time"] = process.argv.slice(2);
using model = await AutoModelForCausalLM.fromPretrained(folder);
const tokenizer = await AutoTokenizer.fromPretrained(folder);

process.stdout.write(prompt);
const stream = model.stream(tokenizer.encode(prompt), { maxNewTokens: 60, temperature: 0.8, seed: 1 });
for await (const { text } of stream) process.stdout.write(text);
process.stdout.write("\n");
