/** What the operating system says of the processor. Pure; reads no file. */

/** A processor by name, and those of its instructions that matter to matrix products. */
export interface Processor {
  readonly name?: string;
  /** In the order of their width. */
  readonly instructions: readonly string[];
}

/** Linux's names of instruction sets, on x86 and ARM. */
const KNOWN = [
  "sse4_2",
  "avx",
  "f16c",
  "fma",
  "avx2",
  "avx_vnni",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_tile",
  "amx_int8",
  "amx_bf16",
  "asimd",
  "asimdhp",
  "asimddp",
  "i8mm",
  "bf16",
  "sve",
  "sve2",
];

/** Reads Linux's /proc/cpuinfo. */
export function readProcessor(cpuinfo: string): Processor {
  const fieldOf = (key: RegExp) => key.exec(cpuinfo)?.[1]?.trim();
  const name = fieldOf(/^model name\s*:(.*)$/m) ?? fieldOf(/^Hardware\s*:(.*)$/m);
  const flags = new Set((fieldOf(/^(?:flags|Features)\s*:(.*)$/m) ?? "").split(/\s+/));
  return { ...(name && { name }), instructions: KNOWN.filter((flag) => flags.has(flag)) };
}
