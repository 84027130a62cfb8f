/**
 * Writes the sample stories to a file: `node dist/examples/sample-text/make.js stories.txt [characters] [seed]`.
 * Then `ownlm train stories.txt --out my-model` learns to tell more of them.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { sampleText } from "../../src/data/sample.ts";

const [file = "stories.txt", characters = "1500000", seed = "0"] = process.argv.slice(2);
const text = sampleText({ characters: Number(characters), seed: Number(seed) });
writeFileSync(file, text);
process.stdout.write(`${file}: ${text.length} characters\n`);
