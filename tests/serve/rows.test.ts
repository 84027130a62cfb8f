import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchEngine } from "../../src/generate/batch-types.ts";
import { batchRows } from "../../src/serve/rows.ts";

/** Slots that hold ids and compute nothing, and what was done with them. */
function memory(slots: number) {
  const held: number[][] = Array.from({ length: slots }, () => []);
  const adapters: (string | undefined)[] = [];
  const copies: [from: number, to: number, length: number][] = [];
  const engine = {
    slots,
    idsOf: (slot: number) => held[slot]!,
    adapterOf: (slot: number) => adapters[slot],
    use(slot: number, adapter: string | undefined) {
      if (adapters[slot] !== adapter) held[slot]!.length = 0;
      adapters[slot] = adapter;
    },
    async append(slot: number, ids: ArrayLike<number>) {
      held[slot]!.push(...Array.from(ids));
      return new Float32Array(1);
    },
    truncate(slot: number, length: number) {
      held[slot]!.length = length;
    },
    copy(from: number, to: number, length: number) {
      copies.push([from, to, length]);
      held[to] = held[from]!.slice(0, length);
    },
    dispose() {},
  } as unknown as BatchEngine;
  return { rows: batchRows(engine), copies, held };
}

const text = (...words: string[]) => [...words.join("")].map((letter) => letter.charCodeAt(0));

async function remembered({ rows }: ReturnType<typeof memory>, ...words: string[]): Promise<void> {
  const ids = text(...words);
  const row = rows.take(ids, false)!;
  await row.read(ids.slice(row.ids.length));
  rows.giveBack(row);
}

test("a text that goes on takes the slot of its beginning", async () => {
  const all = memory(3);
  await remembered(all, "system question answer");
  await remembered(all, "else");
  const row = all.rows.take(text("system question answer more"), false)!;
  assert.equal(row.ids.length, "system question answer".length);
  assert.equal(all.held.filter((ids) => ids.length > 0).length, 2);
});

test("a text that only begins alike copies that much, and leaves the other in peace", async () => {
  const all = memory(3);
  await remembered(all, "system, and a long question");
  const row = all.rows.take(text("system and another"), false)!;
  assert.equal(row.ids.length, "system".length);
  assert.ok(all.held.some((ids) => ids.length === "system, and a long question".length));
});

test("the beginning of a text in the making is copied, all but the last token", async () => {
  const all = memory(2);
  const ids = text("the same");
  const first = all.rows.take(ids, false)!;
  await first.read(ids);
  const second = all.rows.take(ids, false)!;
  assert.notEqual(second, first);
  assert.equal(second.ids.length, ids.length - 1);
  assert.equal(all.rows.take(ids, false), undefined);
});

test("a text whose prompt is scored begins with nothing, in the slot that was used longest ago", async () => {
  const all = memory(2);
  await remembered(all, "first");
  await remembered(all, "second");
  const row = all.rows.take(text("second"), true)!;
  assert.equal(row.ids.length, 0);
  assert.ok(all.held.some((ids) => ids.length === "second".length));
});

test("a text of another adapter shares nothing, and its own is found again", async () => {
  const all = memory(2);
  const take = (adapter: string | undefined, ...words: string[]) => {
    const row = all.rows.take(text(...words), false, adapter)!;
    const known = row.ids.length;
    return { row, known };
  };
  const read = async (adapter: string | undefined, ...words: string[]) => {
    const { row, known } = take(adapter, ...words);
    await row.read(text(...words).slice(known));
    all.rows.giveBack(row);
    return known;
  };
  assert.deepEqual(
    [await read("a", "one two"), await read("b", "one two"), await read("a", "one two three")],
    [0, 0, 7],
  );
  assert.deepEqual([await read(undefined, "one two"), all.copies.length], [0, 0]);
});
