/** The first page of a course on language models, line for line: `node dist/examples/page.js [MODEL]`. */
import process from "node:process";
import { AutoModelForCausalLM, AutoTokenizer } from "../src/index.ts"; // in your own program: from "ownlm"

const name = process.argv[2] ?? "gpt2";
const tokenizer = await AutoTokenizer.fromPretrained(name);
const model = await AutoModelForCausalLM.fromPretrained(name);
const inputIds = tokenizer.encode("The capital of France is");
const { ids } = await model.generate(inputIds, { maxNewTokens: 5 });
console.log(tokenizer.decode([...inputIds, ...ids]));
