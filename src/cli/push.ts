/** The verb `push`: a finished model to the hub. */
import { formatBytes } from "../base/format.ts";
import { PUSH_OPTIONS } from "../hub/options.ts";
import { push } from "../hub/push.ts";
import { visibleText } from "./text.ts";
import { transferView } from "./transfer-view.ts";
import { verb } from "./verb.ts";

export const PUSH = verb({
  name: "push",
  summary: "Upload a finished model to the hub, with its card",
  operands: "DIR ORG/NAME",
  arity: [2, 2],
  options: PUSH_OPTIONS,
  examples: [
    ["HF_TOKEN=hf_... ownlm push mymodel me/mymodel --private", "one commit; README.md is written where there is none"],
  ],
  async run(io, { operands, given }) {
    const [folder, id] = operands as [string, string];
    using view = transferView(io, { lines: true });
    const pushed = await push(io.host, folder, id, given, view);
    view[Symbol.dispose]();
    if (io.machine) return io.json({ event: "done", ...pushed });
    if (pushed.card) io.print(`wrote ${visibleText(pushed.card)}; complete it and push again`);
    io.print(`${pushed.files.length} files, ${formatBytes(pushed.bytes)}: ${pushed.url}`);
  },
});
