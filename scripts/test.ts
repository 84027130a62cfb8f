/**
 * Runs the compiled tests: `node --enable-source-maps dist/scripts/test.js [room...]`. Names every failing and every
 * skipped test and closes with a line "N passed, N failed". Exit status 1 when a test fails or none was found.
 */
import { existsSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../tests");
const sources = path.resolve(root, "../../tests");
/** A file that takes longer hangs. */
const FILE_TIMEOUT_MS = 10 * 60_000;

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

/** What Node tells of a test; its own types leave out some fields. */
interface TestEvent {
  readonly name: string;
  readonly file?: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string; readonly duration_ms: number; readonly error?: Error };
}

/** Test files of the named rooms (folders under tests, or a part of a file's path); all without names. */
function testFiles(rooms: readonly string[]): string[] {
  if (!existsSync(root)) return [];
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  const tests = names.map((name) => name.replaceAll(path.sep, "/")).filter((name) => name.endsWith(".test.js"));
  const wanted = (name: string) => rooms.length === 0 || rooms.some((room) => matches(name, room));
  return tests
    .filter((name) => wanted(name) && !isStale(name))
    .sort()
    .map((name) => path.join(root, name));
}

/** Compiled from a source that is gone. */
function isStale(name: string): boolean {
  return existsSync(sources) && !existsSync(path.join(sources, name.replace(/\.js$/, ".ts")));
}

function matches(name: string, room: string): boolean {
  const plain = room.replace(/^(dist\/)?tests\//, "").replace(/\/$/, "");
  return name.startsWith(`${plain}/`) || name === plain || name.replace(/\.test\.js$/, "").endsWith(plain);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The source file of a test and its name. Source maps already lead some events to the source. */
function placeOf(event: TestEvent): string {
  const shown = (file: string) => path.relative(file.startsWith(root) ? root : sources, file).replace(/\.js$/, ".ts");
  if (isFile(event)) return shown(event.name);
  return event.file ? `${shown(event.file)}: ${event.name}` : event.name;
}

/** The runner tells of a file itself only when no test in it was heard of. */
function isFile(event: TestEvent): boolean {
  return path.isAbsolute(event.name) && event.name.endsWith(".test.js");
}

/** The error of the assertion itself, without the runner's wrapping, indented. */
function describeError(error: Error | undefined): string {
  const ended = error as { exitCode?: number | null; signal?: string | null } | undefined;
  if (ended?.signal) return `    the process was ended by ${ended.signal}`;
  if (typeof ended?.exitCode === "number")
    return `    the process ended with exit status ${ended.exitCode} (see above)`;
  const cause = (error?.cause as Error | undefined) ?? error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  const lines = text.split("\n").filter((line) => !/^\s+at .*(node:internal|node:async_hooks)/.test(line));
  return lines.map((line) => `    ${line}`).join("\n");
}

/** A suite fails with its tests and a file with its suites: only what failed by itself is news. */
function isOnlyAbove(event: TestEvent): boolean {
  const code = (event.details.error as { failureType?: string } | undefined)?.failureType;
  return code === "subtestsFailed";
}

function listen(stream: ReturnType<typeof run>, outcome: Outcome): void {
  stream.on("test:fail", (data) => {
    const event = data as unknown as TestEvent;
    if (isOnlyAbove(event)) return;
    if (event.todo !== undefined && event.todo !== false) return skip(event, "to do, fails now");
    outcome.failed++;
    say(`FAILED ${placeOf(event)}`);
    say(describeError(event.details.error));
  });
  stream.on("test:pass", (data) => {
    const event = data as unknown as TestEvent;
    if (event.skip !== undefined && event.skip !== false)
      return skip(event, typeof event.skip === "string" && event.skip ? event.skip : "no reason given");
    if (event.todo !== undefined && event.todo !== false) return skip(event, "to do");
    if (isFile(event)) say(`empty   ${placeOf(event)}`);
    else if (event.details.type !== "suite") outcome.passed++;
  });
  stream.on("test:stderr", ({ message }) => void process.stderr.write(message));
  const skip = (event: TestEvent, reason: string) => {
    outcome.skipped++;
    say(`skipped ${placeOf(event)} (${reason})`);
  };
}

async function main(): Promise<void> {
  const rooms = process.argv.slice(2);
  const files = testFiles(rooms);
  if (files.length === 0) {
    say(
      `tests: no compiled test for ${rooms.join(", ") || "any room"}, expected some in dist/tests. Try npm run build`,
    );
    process.exitCode = 1;
    return;
  }
  // No test asks a hub but one of its own, nor looks into the user's cache.
  process.env.HF_HUB_OFFLINE = "1";
  process.env.HF_HOME = path.join(os.tmpdir(), "ownlm-tests-no-hub");
  const outcome: Outcome = { passed: 0, failed: 0, skipped: 0 };
  const stream = run({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS });
  listen(stream, outcome);
  for await (const _ of stream);
  if (outcome.skipped > 0) say(`${outcome.skipped} skipped (named above)`);
  say(`${outcome.passed} passed, ${outcome.failed} failed`);
  if (outcome.failed > 0) process.exitCode = 1;
}

await main();
