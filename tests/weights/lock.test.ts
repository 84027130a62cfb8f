import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, describe, test } from "node:test";
import { host as nodeHost } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";
import { lockFolder } from "../../src/weights/checkpoint.ts";
import { putFile } from "../helpers/weights.ts";

const OUT = "/out";
const LOCK = "/out/train.lock";

/** A process on a disk: its number, when it began, and who is alive. */
const processOn = (disk: Host, processId: number, alive: ReadonlySet<number>, startedMs = processId): Host => ({
  ...disk,
  processId,
  startedMs,
  isAlive: (id) => alive.has(id),
});

const diskWith = (lock?: string): Host => {
  const disk = createWebHost();
  disk.makeFolder(OUT);
  if (lock !== undefined) putFile(disk, LOCK, lock);
  return disk;
};

describe("a folder's lock", () => {
  test("is held until it is given back, and leaves nothing", () => {
    const disk = createWebHost();
    const one = processOn(disk, 1, new Set([1]));
    {
      using lock = lockFolder(one, OUT);
      assert.equal(lock.path, LOCK);
      assert.deepEqual(disk.listFolder(OUT), ["train.lock"]);
    }
    assert.deepEqual(disk.listFolder(OUT), []);
  });

  test("refuses another process while its owner lives, naming it and the file", () => {
    const disk = createWebHost();
    const alive = new Set([1, 2]);
    using _ = lockFolder(processOn(disk, 1, alive), OUT);
    assert.throws(() => lockFolder(processOn(disk, 2, alive), OUT), {
      code: "LOCKED",
      message: /\/out: process 1 is training there.*\/out\/train\.lock/,
    });
  });

  test("refuses the same process a second time", () => {
    const host = processOn(createWebHost(), 1, new Set([1]));
    using _ = lockFolder(host, OUT);
    assert.throws(() => lockFolder(host, OUT), { code: "LOCKED" });
  });

  test("refuses where nobody can tell whether the owner lives", () => {
    const host = { ...processOn(diskWith("7 7\n"), 1, new Set()), isAlive: () => undefined };
    assert.throws(() => lockFolder(host, OUT), { code: "LOCKED", message: /process 7/ });
  });

  const dead: readonly [says: string, lock: string][] = [
    ["of a process that is gone", "7 7\n"],
    ["of an earlier process with the same number", "1 0\n"],
    ["left empty by a crash", ""],
    ["cut short by a crash", " "],
    ["of zeros, as some disks leave after a power failure", "\0\0\0\0"],
    ["with something else in it", "hello"],
    ["of process 0", "0 0\n"],
    ["of a process below zero", "-1 0\n"],
    ["of a number that no process has", "99999999999999999999 0\n"],
  ];
  for (const [says, lock] of dead)
    test(`is taken over from one ${says}`, () => {
      const disk = diskWith(lock);
      const host = processOn(disk, 1, new Set([1]), 5);
      {
        using _ = lockFolder(host, OUT);
        assert.equal(disk.readText(LOCK), "1 5\n");
        assert.deepEqual(disk.listFolder(OUT), ["train.lock"]);
      }
      assert.deepEqual(disk.listFolder(OUT), []);
    });

  test("is given back once: a second time removes nothing, whoever holds it now", () => {
    const disk = createWebHost();
    const alive = new Set([1, 2]);
    const first = lockFolder(processOn(disk, 1, alive), OUT);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    const again = lockFolder(processOn(disk, 1, alive), OUT);
    first[Symbol.dispose]();
    assert.equal(disk.readText(LOCK), "1 1\n");
    again[Symbol.dispose]();
    using _ = lockFolder(processOn(disk, 2, alive), OUT);
    again[Symbol.dispose]();
    assert.equal(disk.readText(LOCK), "2 2\n");
  });

  test("that another process has taken over stays with that one", () => {
    const disk = createWebHost();
    const first = lockFolder(processOn(disk, 1, new Set([1])), OUT);
    using _ = lockFolder(processOn(disk, 2, new Set([2])), OUT);
    first[Symbol.dispose]();
    assert.equal(disk.readText(LOCK), "2 2\n");
  });

  test("that somebody removed by hand is given back without an error", () => {
    const disk = createWebHost();
    const lock = lockFolder(processOn(disk, 1, new Set([1])), OUT);
    disk.remove(OUT);
    lock[Symbol.dispose]();
  });

  test("has one owner when two processes find it dead at any moments of each other", () => {
    // The second process runs between any two operations of the first.
    for (let moment = 1; ; moment++) {
      const disk = diskWith("7 7\n");
      const alive = new Set([1, 2]);
      const second = processOn(disk, 2, alive);
      const owners: number[] = [];
      const attempt = (host: Host) => {
        try {
          lockFolder(host, OUT);
          owners.push(host.processId);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "LOCKED");
        }
      };
      let count = 0;
      const before = <A extends unknown[], R>(action: (...args: A) => R) => {
        return (...args: A): R => {
          if (++count === moment) attempt(second);
          return action(...args);
        };
      };
      const first = processOn(disk, 1, alive);
      attempt({
        ...first,
        makeFolder: before(first.makeFolder),
        createExclusive: before(first.createExclusive),
        readText: before(first.readText),
        rename: before(first.rename),
        remove: before(first.remove),
      });
      if (count < moment) break;
      assert.equal(owners.length, 1, `at moment ${moment}: ${owners}`);
      assert.equal(disk.readText(LOCK), `${owners[0]} ${owners[0]}\n`);
      assert.deepEqual(disk.listFolder(OUT), ["train.lock"]);
    }
  });

  test("on Node's files is held and given back as well", () => {
    const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-lock-"));
    after(() => rmSync(root, { recursive: true, force: true }));
    const out = path.join(root, "deep/out");
    {
      using lock = lockFolder(nodeHost, out);
      assert.throws(() => lockFolder(nodeHost, out), { code: "LOCKED" });
      assert.equal(Number.parseInt(nodeHost.readText(lock.path), 10), process.pid);
    }
    assert.deepEqual(nodeHost.listFolder(out), []);
    putFile(nodeHost, path.join(out, "train.lock"), `${2 ** 30} 0\n`);
    using _ = lockFolder(nodeHost, out);
  });
});
