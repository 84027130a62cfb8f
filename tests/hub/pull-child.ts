/** A process of its own that pulls a repository with the environment that it is given. */
import process from "node:process";
import { host } from "../../src/host/node.ts";
import { pull } from "../../src/hub/pull.ts";

await pull(host, process.argv[2]!);
