/** The verb `export`: a model as one file of another program's format. */
import { formatBytes } from "../base/format.ts";
import { exportPath } from "../generate/export.ts";
import { EXPORT_OPTIONS } from "../generate/export-gguf.ts";
import { locateForVerb } from "./model-operand.ts";
import { visibleText } from "./text.ts";
import { verb } from "./verb.ts";

export const EXPORT = verb({
  name: "export",
  summary: "Write a model as one GGUF file, tokenizer inside",
  operands: "MODEL",
  arity: [1, 1],
  options: EXPORT_OPTIONS,
  examples: [
    ["ownlm export mymodel --gguf mymodel.gguf", "for llama.cpp, Ollama or LM Studio, in float16"],
    ["ownlm export mymodel --gguf small.gguf --type q4_0", "a quarter of that"],
    ["ownlm export mymodel --gguf out/mymodel.gguf --modelfile", "then: ollama create mymodel -f out/Modelfile"],
    ["ownlm export my-adapter --gguf tuned.gguf --type q8_0", "an adapter worked into its base"],
  ],
  async run(io, { operands, options }) {
    const result = await exportPath(io.host, await locateForVerb(io, operands[0]!), options);
    if (io.machine) io.json(result);
    else
      io.print(
        `${visibleText(result.file)}: ${result.tensors} tensors of ${result.architecture} as ${result.type}, ${formatBytes(result.bytes)}`,
      );
  },
});
