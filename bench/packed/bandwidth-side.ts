/** Prints how fast memory is read, in GB/s: `node bandwidth-side.js THREADS`. A process of its own, as it holds 400 MB. */
import process from "node:process";
import { openRuntime } from "../../src/runtime/open.ts";
import { readBandwidth } from "../measure.ts";

console.log(await readBandwidth(await openRuntime(), Number(process.argv[2])));
