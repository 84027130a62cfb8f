#!/usr/bin/env node
/** The program `ownlm`: hands the process's world to {@link runCommand}. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { host } from "../host/node.ts";
import { EXIT, runCommand } from "./run.ts";
import { VERBS } from "./verbs.ts";

const packageFile = new URL("../../../package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, "utf8")) as { version: string };

/** The first Ctrl-C (or a polite kill) asks; the second one ends the process at once. */
function interruptible(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      controller.abort();
    });
  return controller.signal;
}

/** A reader that goes away, as in `ownlm ... | head`, ends the program without complaint. */
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });

async function readStdin(): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece);
  return Buffer.concat(pieces);
}

process.exitCode = await runCommand(process.argv.slice(2), VERBS, version, {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
  host,
  signal: interruptible(),
  stdinIsTerminal: process.stdin.isTTY === true,
  readStdin,
});
