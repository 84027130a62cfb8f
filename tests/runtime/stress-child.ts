/** Makes, binds, runs, drops and disposes at random under forced collection. Run by stress.test.ts with --expose-gc. */
import assert from "node:assert/strict";
import process from "node:process";
import { rng } from "../../src/base/rng.ts";
import { openNativeRuntime } from "../../src/runtime/ort-native.ts";
import type { Binding, Runtime, Session, Tensor } from "../../src/runtime/types.ts";
import { adder, cached } from "./runtimes.ts";

const collect = (globalThis as { gc?: () => void }).gc ?? assert.fail("run with --expose-gc");
const random = rng(Number(process.argv[2] ?? 1));
const STEPS = Number(process.argv[3] ?? 4000);

/** A binding and all that is needed to check it; `a` and `b` are kept as arrays alone where their tensors are dropped. */
interface Live {
  readonly session: Session;
  readonly binding: Binding;
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly y: Float32Array;
  readonly tensors: readonly Tensor[];
}

let sessions: Session[] = [];
let live: Live[] = [];
let runs = 0;

const pick = <T>(from: readonly T[]): T | undefined => from[random.below(Math.max(1, from.length))];

async function open(runtime: Runtime): Promise<void> {
  sessions.push(await runtime.session(adder, { threads: 1 + random.below(2), arena: random.below(2) === 0 }));
}

function bind(runtime: Runtime): void {
  const session = pick(sessions);
  if (!session) return;
  // From 8 bytes, which would live on V8's heap were they not given a buffer of their own, to 64 KiB.
  const shape = [1 + random.below(random.below(4) === 0 ? 8192 : 8), 2];
  const [a, b, y] = [0, 1, 2].map(() => runtime.tensor("float32", shape)) as [Tensor, Tensor, Tensor];
  const binding = session.bind({ a, b }, { y });
  const dropped = random.below(2) === 0;
  const arrays = [a, b, y].map(({ data }) => data as Float32Array) as [Float32Array, Float32Array, Float32Array];
  live.push({ session, binding, a: arrays[0], b: arrays[1], y: arrays[2], tensors: dropped ? [] : [a, b, y] });
}

function run({ binding, a, b, y }: Live): void {
  const [p, q] = [random.normal(), random.normal()];
  a.fill(p);
  b.fill(q);
  y.fill(Number.NaN);
  void binding.run();
  runs++;
  const sum = Math.fround(Math.fround(p) + Math.fround(q));
  assert.ok(y.every((x) => x === sum));
}

/** Tensors may go before their binding: its next run is an error. */
function dispose(it: Live): void {
  live = live.filter((other) => other !== it);
  const parts = [it.binding, ...it.tensors];
  while (parts.length) parts.splice(random.below(parts.length), 1)[0]!.dispose();
  assert.throws(() => it.binding.run(), /disposed/);
}

function close(): void {
  const session = pick(sessions);
  if (!session) return;
  session.dispose();
  sessions = sessions.filter((other) => other !== session);
  for (const it of live) if (it.session === session) assert.throws(() => it.binding.run(), /disposed/);
  live = live.filter((it) => it.session !== session);
}

async function step(runtime: Runtime): Promise<void> {
  const chance = random.below(100);
  const it = pick(live);
  if (sessions.length === 0 || (chance < 2 && sessions.length < 4)) await open(runtime);
  else if (chance < 25 && live.length < 60) bind(runtime);
  else if (chance < 80 && it) run(it);
  else if (chance < 92 && it) dispose(it);
  else if (chance < 93) close();
  // Nothing is disposed here: what was dropped may be collected, and nobody runs it again.
  else if (chance < 94) live = live.filter(() => random.below(4) > 0);
  else if (chance < 98) collect();
  else await new Promise((done) => setImmediate(done));
}

/** A cache that is read and written in place, with its tensors out of reach. */
async function decode(runtime: Runtime): Promise<void> {
  using session = await runtime.session(cached(64), { threads: 2 });
  const made = Object.fromEntries(session.inputs.map((i) => [i.name, runtime.tensor(i.dtype, i.shape as number[])]));
  const y = runtime.tensor("float32", [1, 1, 16]).data;
  const [seqlens, total, values] = [made.seqlens_k!.data, made.total_sequence_length!.data, made.value!.data];
  const outputs = {
    y: runtime.tensor("float32", [1, 1, 16]),
    present_key: made.past_key!,
    present_value: made.past_value!,
  };
  const result = outputs.y.data;
  using binding = session.bind(made, outputs);
  for (const name of Object.keys(made)) delete made[name];
  for (let n = 0; n < 64; n++) {
    values.fill(n as never);
    seqlens[0] = n;
    total[0] = n + 1;
    collect();
    await binding.run();
    // Keys are all zero, so that attention is the mean of the values 0 to n.
    assert.ok(Math.abs(result[0]! - n / 2) < 1e-4 && y[0] === 0);
  }
}

async function main(): Promise<void> {
  // A new runtime now and then, while bindings of the one before live on.
  let runtime = openNativeRuntime();
  const memory: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    if (i % 500 === 499) {
      for (const session of sessions) if (random.below(2)) session.dispose();
      [sessions, live] = [[], []];
      runtime = openNativeRuntime();
      collect();
      memory.push(process.memoryUsage.rss());
    }
    await step(runtime);
  }
  await decode(runtime);
  process.stdout.write(`${JSON.stringify({ runs, memory })}\n`);
}

await main();
