#!/usr/bin/env node
/** The program `ownlm`: hands the process's world to {@link runCommand}. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { addAbortSignal } from "node:stream";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { host } from "../host/node.ts";
import { createPrompter } from "./prompter.ts";
import { EXIT, runCommand } from "./run.ts";
import { VERBS } from "./verbs.ts";

const packageFile = new URL("../../../package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version: string };

const controller = new AbortController();

/** The first Ctrl-C (or polite kill, or closed terminal) asks; the second one ends the process at once. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  });

/** Where an output fails, what is made for it is no use: a reader that has gone, as in `ownlm ... | head`, a full disk. */
let outputFault: NodeJS.ErrnoException | undefined;
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    outputFault ??= error;
    controller.abort();
  });

/** Far above a book, and below what one text can hold. */
const MAX_STDIN_BYTES = 2 ** 28;

async function readStdin(): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of addAbortSignal(controller.signal, process.stdin)) {
      bytes += piece.length;
      if (bytes > MAX_STDIN_BYTES)
        fail("BAD_TEXT", `standard input: got more than ${MAX_STDIN_BYTES} bytes. Try a part of it`);
      pieces.push(piece);
    }
  } catch (error) {
    if (controller.signal.aborted) fail("ABORTED", "stopped while reading standard input", error);
    if (error instanceof OwnlmError) throw error;
    fail("DISK", `standard input: ${messageOf(error)}`, error);
  }
  return Buffer.concat(pieces);
}

const status = await runCommand(process.argv.slice(2), VERBS, version, {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
  host,
  signal: controller.signal,
  readerGone: () => outputFault?.code === "EPIPE",
  stdinIsTerminal: process.stdin.isTTY === true,
  readStdin,
  openPrompter: () => createPrompter(process),
});
// What went wrong with an output comes to light a turn later.
await new Promise(setImmediate);
process.exitCode = status;
if (outputFault && outputFault.code !== "EPIPE") {
  process.exitCode = EXIT.failed;
  process.stderr.write(`ownlm: output: ${outputFault.message}\n`);
}
