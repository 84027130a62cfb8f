import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs, { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { host as nodeHost } from "../../src/host/node.ts";
import { host as openedHost } from "../../src/host/open.ts";
import type { Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";

const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-host-"));
after(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
/** Each host with a way to get a new, empty folder. */
const hosts: readonly [host: Host, root: string][] = [
  [nodeHost, root],
  [createWebHost(), "/"],
];
const newFolder = (host: Host, root: string): string => {
  const folder = host.join(root, `folder-${count++}`);
  host.makeFolder(folder);
  return folder;
};

const bytes = (text: string) => new TextEncoder().encode(text);
const write = (host: Host, file: string, ...pieces: Uint8Array[]) => {
  const writer = host.createFile(file);
  for (const piece of pieces) writer.write(piece);
  writer.finish();
};
const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof OwnlmError, `got ${error}`);
    return error.code;
  }
  return "none";
};
/** Every path below a folder, with what is there. */
const treeOf = (host: Host, folder: string, prefix = ""): string[] =>
  host.listFolder(folder).flatMap((name) => {
    const item = host.join(folder, name);
    if (host.kindOf(item) === "folder") return [`${prefix}${name}/`, ...treeOf(host, item, `${prefix}${name}/`)];
    return [`${prefix}${name}=${host.readText(item)}`];
  });

for (const [host, root] of hosts) {
  const a = () => newFolder(host, root);

  describe(`files on the ${host.name} host`, () => {
    test("hold the bytes of all pieces, whole or in part", () => {
      const file = host.join(a(), "f");
      write(host, file, bytes("hello "), new Uint8Array(0), bytes("world"));
      assert.equal(host.readText(file), "hello world");
      assert.equal(host.fileSize(file), 11);
      assert.deepEqual(host.readBytes(file, 6), bytes("world"));
      assert.deepEqual(host.readBytes(file, 6, 2), bytes("wo"));
      assert.deepEqual(host.readBytes(file, 11), new Uint8Array(0));
      const target = bytes("-----");
      host.readInto(file, 4, target.subarray(1, 4));
      assert.deepEqual(target, bytes("-o w-"));
    });

    test("of several megabytes come back from any place", () => {
      const content = Uint8Array.from({ length: 3 * 2 ** 20 + 5 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
      const file = host.join(a(), "f");
      write(host, file, content.subarray(0, 10), content.subarray(10, 2 ** 21), content.subarray(2 ** 21));
      for (const [from, to] of [
        [0, content.length],
        [2 ** 20 - 1, 2 ** 20 + 1],
        [2 ** 20, 2 ** 21],
        [2 ** 21 + 3, content.length],
      ])
        assert.ok(Buffer.compare(host.readBytes(file, from, to! - from!), content.subarray(from, to)) === 0);
    });

    test("read as text as they are: a byte order mark stays, what is no UTF-8 becomes U+FFFD", () => {
      const file = host.join(a(), "f");
      write(host, file, Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff));
      assert.equal(host.readText(file), "\ufeffa\ufffd");
    });

    test("end where they end, and a length beyond allocates nothing", () => {
      const file = host.join(a(), "f");
      write(host, file, bytes("abc"));
      assert.equal(
        codeOf(() => host.readBytes(file, 0, 2 ** 52)),
        "DISK",
      );
      assert.equal(
        codeOf(() => host.readBytes(file, 2, 2)),
        "DISK",
      );
      assert.equal(
        codeOf(() => host.readInto(file, 3, new Uint8Array(1))),
        "DISK",
      );
    });

    test("are replaced when they are made again, and are gone when abandoned", () => {
      const file = host.join(a(), "f");
      write(host, file, bytes("long old text"));
      write(host, file, bytes("new"));
      assert.equal(host.readText(file), "new");
      const writer = host.createFile(file);
      writer.write(bytes("x"));
      writer.abandon();
      writer.abandon();
      assert.equal(host.kindOf(file), undefined);
    });

    test("take nothing after they are finished", () => {
      const writer = host.createFile(host.join(a(), "f"));
      writer.finish();
      assert.equal(
        codeOf(() => writer.write(bytes("x"))),
        "BUG",
      );
      assert.equal(
        codeOf(() => writer.finish()),
        "BUG",
      );
    });

    test("go on at their end, are sent as they are, and have one path whatever leads to them", async () => {
      const folder = a();
      const file = host.join(folder, "f");
      for (const text of ["one ", "two"]) {
        const writer = host.extendFile(file);
        writer.write(bytes(text));
        writer.finish(false);
      }
      assert.equal(host.readText(file), "one two");
      const blob = await host.blobOf(file);
      assert.deepEqual([blob.size, await blob.text()], [7, "one two"]);
      const name = host.join(folder, "name");
      if (host.link("f", name)) {
        assert.equal(host.realPath(name), host.realPath(file));
        assert.equal(
          codeOf(() => host.link("f", name)),
          "EXISTS",
        );
        assert.equal(host.link("nothing", host.join(folder, "broken")), true);
        assert.equal(host.kindOf(host.join(folder, "broken")), undefined);
      }
      assert.equal(
        codeOf(() => host.realPath(host.join(folder, "gone"))),
        "NOT_FOUND",
      );
    });

    test("are named by git's SHA-1 and by SHA-256 alike", () => {
      for (const algorithm of ["sha1", "sha256"] as const) {
        const hash = host[algorithm]();
        for (const piece of ["blob 5", "\0", "hello"]) hash.update(bytes(piece));
        assert.equal(hash.hex(), createHash(algorithm).update("blob 5\0hello").digest("hex"));
      }
    });

    test("grow by text appended", () => {
      const file = host.join(a(), "f");
      for (const text of ["a", "", "bü", "c"]) host.appendText(file, text);
      assert.equal(host.readText(file), "abüc");
    });

    test("can be made once only where that is asked for, and leave nothing beside them", () => {
      const folder = a();
      const file = host.join(folder, "f");
      assert.equal(host.createExclusive(file, "one"), true);
      assert.equal(host.createExclusive(file, "two"), false);
      assert.equal(host.createExclusive(folder, "two"), false);
      assert.deepEqual(treeOf(host, folder), ["f=one"]);
    });
  });

  describe(`folders on the ${host.name} host`, () => {
    test("are made with those above them, once or again, and list their names in order", () => {
      const folder = a();
      for (const name of ["b/c", "b", "a", "b/c"]) host.makeFolder(host.join(folder, name));
      write(host, host.join(folder, "Z"), bytes("z"));
      assert.deepEqual(treeOf(host, folder), ["Z=z", "a/", "b/", "b/c/"]);
      host.syncFolder(folder);
    });

    test("are removed with all they hold; nothing is no error", () => {
      const folder = a();
      host.makeFolder(host.join(folder, "x/y"));
      write(host, host.join(folder, "x/y/f"), bytes("f"));
      write(host, host.join(folder, "xy"), bytes("stays"));
      host.remove(host.join(folder, "x"));
      host.remove(host.join(folder, "x"));
      assert.deepEqual(treeOf(host, folder), ["xy=stays"]);
    });

    test("move with all they hold, also to where an empty folder is", () => {
      const folder = a();
      const [x, y] = [host.join(folder, "x"), host.join(folder, "y")];
      host.makeFolder(host.join(x, "in"));
      write(host, host.join(x, "in/f"), bytes("f"));
      host.makeFolder(y);
      host.rename(x, y);
      assert.deepEqual(treeOf(host, folder), ["y/", "y/in/", "y/in/f=f"]);
    });

    test("keep what is there when a move is impossible", () => {
      const folder = a();
      const at = (name: string) => host.join(folder, name);
      for (const name of ["full/in", "other/in"]) host.makeFolder(at(name));
      write(host, at("f"), bytes("f"));
      const before = treeOf(host, folder);
      for (const [from, to] of [
        ["other", "full"],
        ["f", "full"],
        ["full", "f"],
        ["full", "full/in/deep"],
        ["none", "new"],
        ["f", "none/f"],
      ])
        assert.match(
          codeOf(() => host.rename(at(from!), at(to!))),
          /DISK|NOT_FOUND|EXISTS/,
          `${from} to ${to}`,
        );
      assert.deepEqual(treeOf(host, folder), before);
    });

    test("replace a file by a move at once", () => {
      const folder = a();
      const at = (name: string) => host.join(folder, name);
      for (const name of ["f", "g"]) write(host, at(name), bytes(name));
      host.rename(at("f"), at("g"));
      host.rename(at("g"), at("g"));
      assert.deepEqual(treeOf(host, folder), ["g=f"]);
    });
  });

  describe(`errors on the ${host.name} host`, () => {
    const folder = a();
    const none = host.join(folder, "none");
    const file = host.join(folder, "file");
    write(host, file, bytes("f"));
    const cases: readonly [says: string, code: RegExp, action: () => unknown][] = [
      ["a missing file read as text", /NOT_FOUND/, () => host.readText(none)],
      ["a missing file read", /NOT_FOUND/, () => host.readInto(none, 0, new Uint8Array(1))],
      ["the size of nothing", /NOT_FOUND/, () => host.fileSize(none)],
      ["the names in nothing", /NOT_FOUND/, () => host.listFolder(none)],
      ["the names in a file", /NOT_FOUND/, () => host.listFolder(file)],
      ["nothing made durable", /NOT_FOUND/, () => host.syncFolder(none)],
      ["a file in a missing folder", /NOT_FOUND/, () => host.createFile(host.join(none, "f"))],
      ["a file in a file", /NOT_FOUND/, () => host.createFile(host.join(file, "f"))],
      ["text appended in a missing folder", /NOT_FOUND/, () => host.appendText(host.join(none, "f"), "")],
      ["an exclusive file in a missing folder", /NOT_FOUND/, () => host.createExclusive(host.join(none, "f"), "")],
      ["a folder read as a file", /DISK/, () => host.readText(folder)],
      ["a file made where a folder is", /DISK/, () => host.createFile(folder)],
      ["text appended to a folder", /DISK/, () => host.appendText(folder, "x")],
      ["a folder made where a file is", /EXISTS/, () => host.makeFolder(file)],
      ["a folder made in a file", /NOT_FOUND/, () => host.makeFolder(host.join(file, "x"))],
      ["a path with NUL", /NOT_FOUND/, () => host.readText(`${folder}\0`)],
      ["a file made at a path with NUL", /NOT_FOUND/, () => host.createFile(`${folder}/\0`)],
    ];
    for (const [says, code, action] of cases)
      test(`are typed and name the path: ${says}`, () => {
        assert.match(codeOf(action), code);
        assert.throws(action, (error: Error) => error.message.includes(path.basename(folder)));
      });

    test("are none where it is only asked what is there", () => {
      assert.equal(host.kindOf(file), "file");
      assert.equal(host.kindOf(folder), "folder");
      for (const nothing of [none, host.join(file, "x"), `${file}\0`]) assert.equal(host.kindOf(nothing), undefined);
    });
  });

  describe(`the ${host.name} host`, () => {
    test("joins paths", () => {
      for (const parts of [
        ["a", "b"],
        ["a/", "/b"],
        ["a", "../b"],
        ["a", "../.."],
        ["/", "a"],
        ["/a", "../.."],
        [""],
        ["a", "", "b"],
      ])
        assert.equal(host.join(...parts), path.join(...parts), JSON.stringify(parts));
      assert.equal(host.absolute(host.absolute("x")), host.absolute("x"));
      assert.notEqual(host.absolute("x"), "x");
    });

    test("hashes pieces as the whole", () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (pieces) => {
          const hash = host.sha256();
          for (const piece of pieces) hash.update(piece);
          assert.equal(hash.hex(), createHash("sha256").update(Buffer.concat(pieces)).digest("hex"));
        }),
      );
    });

    test("tells of the machine", () => {
      assert.ok(host.availableMemoryBytes() > 0 && host.freeDiskBytes(root) > 0 && host.cpuThreads() >= 1);
      const before = host.nowMs();
      assert.ok(before <= host.nowMs() && host.startedMs <= Date.now());
      assert.equal(host.isAlive(host.processId), true);
      for (const nobody of [0, -1, 2 ** 40, 0.5, Number.NaN]) assert.notEqual(host.isAlive(nobody), true);
    });
  });
}

describe("a memory file tree", () => {
  test("is full at its limit, keeps what it has, and takes more when some is removed", () => {
    const host = createWebHost({ maxBytes: 10 });
    write(host, "/a", bytes("12345678"));
    assert.equal(
      codeOf(() => host.appendText("/b", "123")),
      "DISK",
    );
    assert.equal(host.readText("/a"), "12345678");
    assert.equal(host.freeDiskBytes("/"), 2);
    host.remove("/a");
    host.appendText("/b", "123");
    assert.equal(host.readText("/b"), "123");
  });

  test("does whatever the same operations do on Node", () => {
    const name = fc.constantFrom("a", "b", "a/a", "a/b", "b/a", "a/b/a");
    const operation = fc.oneof(
      fc.record({ kind: fc.constantFrom("write", "append", "exclusive", "makeFolder", "remove"), at: name }),
      fc.record({ kind: fc.constant("rename"), at: name, to: name }),
    );
    const run = (host: Host, folder: string, { kind, at, to = "" }: { kind: string; at: string; to?: string }) => {
      const target = host.join(folder, at);
      if (kind === "write") write(host, target, bytes(at));
      if (kind === "append") host.appendText(target, "+");
      if (kind === "exclusive") host.createExclusive(target, "!");
      if (kind === "makeFolder") host.makeFolder(target);
      if (kind === "remove") host.remove(target);
      if (kind === "rename") host.rename(target, host.join(folder, to));
    };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const web = createWebHost();
        const [onNode, onWeb] = [newFolder(nodeHost, root), newFolder(web, "/")];
        for (const operation of operations) {
          const fails = [() => run(nodeHost, onNode, operation), () => run(web, onWeb, operation)].map(
            (action) => codeOf(action) !== "none",
          );
          assert.equal(fails[0], fails[1], JSON.stringify(operation));
        }
        assert.deepEqual(treeOf(web, onWeb), treeOf(nodeHost, onNode));
      }),
      { numRuns: 200 },
    );
  });
});

describe("Node's file systems", () => {
  test("refuse a folder where none can be made, at once", { skip: process.platform !== "linux" }, () => {
    assert.equal(
      codeOf(() => nodeHost.makeFolder("/proc/no/such")),
      "NOT_FOUND",
    );
  });

  test("make a folder that is there already into nothing new, the root too", () => {
    nodeHost.makeFolder(path.parse(root).root);
    nodeHost.makeFolder(root);
  });

  test("leave nothing of a file that a full disk has no room for", (context) => {
    const folder = newFolder(nodeHost, root);
    const write = fs.writeFileSync;
    context.mock.method(fs, "writeFileSync", (file: string) => {
      write(file, "");
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    });
    assert.equal(
      codeOf(() => nodeHost.createExclusive(path.join(folder, "lock"), "1")),
      "DISK",
    );
    assert.deepEqual(nodeHost.listFolder(folder), []);
  });

  test("name links in a circle and names that are too long", { skip: process.platform === "win32" }, () => {
    const link = path.join(root, "circle");
    symlinkSync(link, link);
    assert.throws(() => nodeHost.readText(link), { code: "DISK", message: `${link}: its links lead in a circle` });
    const long = path.join(root, "x".repeat(300));
    assert.throws(() => nodeHost.makeFolder(long), { code: "DISK", message: /too long. Try a shorter one$/ });
  });
});

test("the platform's host on Node is Node's", () => {
  assert.equal(openedHost.name, "node");
});

test("a folder that another process makes at the same moment is as good as made", () => {
  const folder = path.join(root, "race", "inner");
  const mkdirSync = fs.mkdirSync;
  try {
    // Whoever makes the outer folder finds the inner one made by another.
    fs.mkdirSync = ((file: string, options?: object) => {
      const made = mkdirSync(file, options);
      if (file === path.dirname(folder)) mkdirSync(folder);
      return made;
    }) as typeof fs.mkdirSync;
    nodeHost.makeFolder(folder);
  } finally {
    fs.mkdirSync = mkdirSync;
  }
  assert.equal(nodeHost.kindOf(folder), "folder");
});
