import assert from "node:assert/strict";
import { fork } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { OwnlmError } from "../../src/base/errors.ts";
import { locateModel } from "../../src/hub/locate.ts";
import { pull } from "../../src/hub/pull.ts";
import { type Came, startHub } from "../helpers/hub-server.ts";
import { type HubWorld, hubWorld, someBytes } from "./world.ts";

const MODEL = someBytes(3_000_000);
const FILES = { "config.json": "{}", "model.safetensors": MODEL };
const modelOf = (folder: string) => readFileSync(path.join(folder, "model.safetensors"));
const fromStore = (came: readonly Came[]) => came.filter(({ at }) => at === "store");
/** Files below the cache that are neither blobs nor names for them. */
const leftOver = (world: HubWorld) =>
  readdirSync(world.cache, { recursive: true, encoding: "utf8" }).filter((name) => /incomplete|\.tmp|\.old/.test(name));

describe("a connection that breaks", () => {
  test("is gone on with by a range from where it was cut", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    let cuts = 0;
    world.server.fault = ({ at }) => (at === "store" && ++cuts <= 2 ? { cutAfter: 1_200_000 } : undefined);
    const pulled = await pull(world.host, "org/name");
    assert.deepEqual(modelOf(pulled.path), Buffer.from(MODEL));
    const ranges = fromStore(world.server.came).map(({ range }) => range);
    assert.deepEqual(ranges, [undefined, "bytes=1200000-", "bytes=2400000-"]);
    assert.equal(pulled.receivedBytes, MODEL.length + 2, "no byte twice");
    assert.deepEqual(leftOver(world), []);
  });

  test("in a pull that was stopped is gone on with by the next one", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const stop = new AbortController();
    world.server.fault = ({ at }) => (at === "store" ? { hangAfter: 2_000_000 } : undefined);
    const first = pull(
      world.host,
      "org/name",
      {},
      {
        signal: stop.signal,
        onProgress: ({ doneBytes }) => doneBytes > 1_900_000 && stop.abort(),
      },
    );
    await assert.rejects(first, { code: "ABORTED" });
    assert.equal(
      existsSync(path.join(world.cache, "models--org--name/refs/main")),
      false,
      "no name before it is whole",
    );
    world.server.fault = () => undefined;
    const second = await pull(world.host, "org/name");
    assert.ok(second.receivedBytes <= 1_100_000, `got ${second.receivedBytes}`);
    assert.deepEqual(modelOf(second.path), Buffer.from(MODEL));
  });

  test("is given up after five attempts without a byte, and what came is kept", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    let first = true;
    world.server.fault = ({ at }) => {
      if (at !== "store") return undefined;
      const fault = { cutAfter: first ? 1_000_000 : 0 };
      first = false;
      return fault;
    };
    await assert.rejects(pull(world.host, "org/name"), { code: "NETWORK", message: /connection broke|ended at byte/ });
    assert.equal(leftOver(world).length, 1);
  });

  test("by a server that does not know ranges begins again at 0", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    let cut = false;
    world.server.fault = ({ at }) => {
      if (at !== "store") return undefined;
      if (cut) return { noRange: true };
      cut = true;
      return { cutAfter: 1_000_000 };
    };
    assert.deepEqual(modelOf((await pull(world.host, "org/name")).path), Buffer.from(MODEL));
  });
});

describe("a file that is not what was promised", () => {
  test("is fetched once more, then refused, and nothing of it is kept", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    world.server.fault = ({ at }) => (at === "store" ? { body: someBytes(MODEL.length, 2) } : undefined);
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /model\.safetensors.*sha256/ });
    assert.equal(fromStore(world.server.came).length, 2);
    assert.deepEqual(leftOver(world), []);
    world.server.fault = () => undefined;
    assert.deepEqual(modelOf((await pull(world.host, "org/name")).path), Buffer.from(MODEL));
  });

  test("is found among git's small files too", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { "config.json": "{}" });
    world.server.fault = ({ path: at }) => (at.includes("/resolve/") ? { body: "[]" } : undefined);
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /config\.json.*git-sha1/ });
  });

  test("after a part that was damaged is fetched anew: never a mixed file", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const { path: folder } = await pull(world.host, "org/name");
    const blobs = path.join(world.cache, "models--org--name/blobs");
    const blob = readdirSync(blobs).find((name) => name.length === 64)!;
    rmSync(path.join(blobs, blob));
    writeFileSync(path.join(blobs, `${blob}.ownlm.incomplete`), someBytes(1_000_000, 3));
    await pull(world.host, "org/name");
    assert.deepEqual(modelOf(folder), Buffer.from(MODEL));
    rmSync(path.join(blobs, blob));
    writeFileSync(path.join(blobs, `${blob}.ownlm.incomplete`), someBytes(MODEL.length + 9, 3));
    await pull(world.host, "org/name");
    assert.deepEqual(modelOf(folder), Buffer.from(MODEL), "a part longer than the file");
  });

  test("by its length is refused: one byte more, or a range that was not asked for", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    world.server.fault = ({ at }) => (at === "store" ? { extra: 1 } : undefined);
    await assert.rejects(pull(world.host, "org/name"), {
      code: "BAD_HUB",
      message: /sends more than the 3000000 bytes/,
    });
    world.server.fault = ({ at, range }) =>
      at !== "store" ? undefined : range ? { headers: { "content-range": "bytes 5-9/10" } } : { cutAfter: 1_000_000 };
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /range bytes 5-9/ });
  });
});

describe("names from a server", () => {
  const BAD = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "C:\\x",
    "\\\\host\\share\\x",
    "a\\..\\x",
    "C:x",
    "a\0b",
    "a\nb",
    "CON",
    "data/nul.txt",
    "COM1",
    "lpt9.json",
    "trailing.",
    "trailing ",
    "a//b",
    "./a",
    "x".repeat(300),
    "\ud800",
  ];
  test("that lead elsewhere, or would on some platform, are refused and nothing is written", async () => {
    await using world = await hubWorld();
    for (const name of BAD) {
      world.server.commit("org/name", { "ok.txt": "x", [name]: "evil" });
      await assert.rejects(
        pull(world.host, "org/name"),
        (error: OwnlmError) => error.code === "BAD_HUB" && /--exclude/.test(error.message),
        JSON.stringify(name),
      );
    }
    assert.equal(existsSync(path.join(world.cache, "models--org--name", "blobs")), false);
    assert.deepEqual((await pull(world.host, "org/name", { include: ["ok.txt"] })).files, ["ok.txt"]);
  });

  test("that differ in case alone are refused", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", { "a.txt": "x", "A.txt": "y" });
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /one name/ });
  });

  test("of blobs must be hashes", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    for (const change of [
      { oid: "../../../evil" },
      { oid: "" },
      { oid: 5 },
      { oid: "A".repeat(40) },
      { size: -1 },
      { size: 1.5 },
      { size: "9" },
      { path: 7 },
    ]) {
      world.server.listing = (rows) => rows.map((row) => ({ ...row, lfs: undefined, ...change }));
      await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB" }, JSON.stringify(change));
    }
    for (const listing of [{}, null, "x", [null], [[]]]) {
      world.server.listing = () => listing;
      await assert.rejects(pull(world.host, "org/name"), OwnlmError, JSON.stringify(listing));
    }
  });

  test("of commits must be commits", async () => {
    await using world = await hubWorld();
    for (const body of ['{"sha":"../../x"}', '{"sha":5}', "{}", "null", "<html>", ""]) {
      world.server.fault = () => ({ status: 200, body });
      await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB" }, body);
    }
  });
});

describe("a token", () => {
  test("goes to the hub, and never to another host", async () => {
    await using world = await hubWorld({ HF_TOKEN: "hf_secret" });
    world.server.tokens.push("hf_secret");
    world.server.commit("org/name", FILES);
    await pull(world.host, "org/name");
    for (const { at, token, path: where } of world.server.came)
      assert.equal(token, at === "hub" ? "hf_secret" : undefined, where);
    assert.ok(fromStore(world.server.came).length > 0);
  });

  test("stays out of a redirected listing and of a next page elsewhere", async () => {
    await using world = await hubWorld({ HF_TOKEN: "hf_secret" });
    const other = await startHub();
    try {
      const commit = world.server.commit("org/name", FILES);
      other.commit("org/name", FILES);
      world.server.fault = ({ path: at }) =>
        at.includes("/tree/") ? { status: 302, headers: { location: other.url + at } } : undefined;
      await pull(world.host, "org/name");
      assert.ok(other.came.length > 0 && other.came.every(({ token }) => token === undefined));
      world.server.fault = ({ path: at }) =>
        at.includes("/tree/")
          ? {
              status: 200,
              body: "[]",
              headers: { link: `<${other.url}/api/models/org/name/tree/${commit}?x=1>; rel="next"` },
            }
          : undefined;
      await pull(world.host, "org/name");
      assert.ok(other.came.every(({ token }) => token === undefined));
    } finally {
      await other.close();
    }
  });

  test("is found in the file that Python's login writes, before nothing and after HF_TOKEN", async () => {
    await using world = await hubWorld();
    writeFileSync(path.join(world.root, "token"), "hf_file\n");
    world.server.commit("org/name", { "a.txt": "x" });
    await pull(world.host, "org/name");
    assert.ok(world.server.came.every(({ token }) => token === "hf_file"));
    world.variables.HF_TOKEN = "hf_env";
    await pull(world.host, "org/name");
    assert.equal(world.server.came.at(-1)!.token, "hf_env");
    world.variables.HF_HUB_DISABLE_IMPLICIT_TOKEN = "1";
    await pull(world.host, "org/name");
    assert.equal(world.server.came.at(-1)!.token, undefined);
    Object.assign(world.variables, { HF_HUB_DISABLE_IMPLICIT_TOKEN: "", HF_TOKEN: "hf_x y" });
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_OPTION", message: /HF_TOKEN/ });
  });

  test("that is missing or not enough is said so", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    world.server.tokens.push("hf_secret");
    await assert.rejects(pull(world.host, "org/name"), { code: "NOT_FOUND", message: /private, set HF_TOKEN/ });
    world.server.fault = ({ path: at }) =>
      at.includes("/resolve/")
        ? {
            status: 403,
            headers: { "x-error-code": "GatedRepo" },
            body: '{"error":"Access to model org/name is restricted"}',
          }
        : undefined;
    world.variables.HF_TOKEN = "hf_secret";
    await assert.rejects(pull(world.host, "org/name"), {
      code: "DENIED",
      message: /restricted.*gives access on the model's page/,
    });
    world.server.fault = () => ({ status: 401 });
    await assert.rejects(pull(world.host, "org/name"), { code: "DENIED", message: /HF_TOKEN is not accepted/ });
    world.server.fault = () => ({ status: 403 });
    await assert.rejects(pull(world.host, "org/name"), { code: "DENIED", message: /may not do this/ });
    assert.ok(!JSON.stringify(world.server.came.map(({ path: at }) => at)).includes("hf_secret"));
  });
});

describe("a server", () => {
  test("that wants a pause is given it", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    let asked = 0;
    world.server.fault = ({ path: at }) =>
      at.includes("/revision/") && ++asked <= 2 ? { status: 429, headers: { "retry-after": "0" } } : undefined;
    await pull(world.host, "org/name");
    assert.equal(asked, 3);
    world.server.fault = () => ({ status: 429, headers: { "retry-after": "600" } });
    await assert.rejects(pull(world.host, "org/name"), {
      code: "NETWORK",
      message: /Too many requests, try again in 600 s/,
    });
  });

  test("that is out of order for a moment is asked again, and given up when it stays so", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    let asked = 0;
    world.server.fault = () => (++asked <= 1 ? { status: 503, headers: { "retry-after": "0" } } : undefined);
    await pull(world.host, "org/name");
    world.server.fault = () => ({ status: 500, headers: { "retry-after": "0" }, body: "<html>" });
    await assert.rejects(pull(world.host, "org/name"), { code: "NETWORK", message: /status 500/ });
  });

  test("that never answers, or stops in the middle, is not waited for longer than said", async () => {
    await using world = await hubWorld({ HF_HUB_ETAG_TIMEOUT: "0.05", HF_HUB_DOWNLOAD_TIMEOUT: "0.2" });
    world.server.commit("org/name", FILES);
    let silent = 0;
    world.server.fault = () => (++silent <= 1 ? { silent: true } : undefined);
    world.variables.HF_HUB_ETAG_TIMEOUT = "0.5";
    await pull(world.host, "org/name");
    rmSync(world.cache, { recursive: true });
    let hangs = 0;
    world.server.fault = ({ at }) => (at === "store" && ++hangs <= 1 ? { hangAfter: 1_000_000 } : undefined);
    assert.deepEqual(modelOf((await pull(world.host, "org/name")).path), Buffer.from(MODEL));
  });

  test("that is not there, or sends in circles, is an error with its name", async () => {
    await using world = await hubWorld();
    world.server.fault = ({ path: at }) => ({ status: 302, headers: { location: at } });
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /without end/ });
    world.server.fault = () => ({ status: 302, headers: { location: "file:///etc/passwd" } });
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /no web address/ });
    world.variables.HF_ENDPOINT = "not an address";
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_OPTION", message: /HF_ENDPOINT/ });
  });

  test("is not asked at all when HF_HUB_OFFLINE is set", async () => {
    await using world = await hubWorld({ HF_HUB_OFFLINE: "1" });
    world.server.commit("org/name", FILES);
    await assert.rejects(pull(world.host, "org/name"), { code: "OFFLINE" });
    await assert.rejects(locateModel(world.host, "org/name", "model"), {
      code: "NOT_FOUND",
      message: /HF_HUB_OFFLINE/,
    });
    assert.equal(world.server.came.length, 0);
  });
});

describe("the disk", () => {
  test("that is too small is refused before anything is fetched, and one that fills up is DISK", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const small = { ...world.host, freeDiskBytes: () => 1000 };
    await assert.rejects(pull(small, "org/name"), { code: "DISK", message: /2\.9 MiB.*ownlm rm/ });
    assert.equal(fromStore(world.server.came).length, 0);
    const full = {
      ...world.host,
      createFile(file: string) {
        const writer = world.host.createFile(file);
        const write = () => {
          throw new OwnlmError("DISK", `${file}: the disk is full`);
        };
        return file.endsWith(".incomplete") ? { ...writer, write } : writer;
      },
    };
    await assert.rejects(pull(full, "org/name"), { code: "DISK", message: /full/ });
    assert.deepEqual(modelOf((await pull(world.host, "org/name")).path), Buffer.from(MODEL));
  });

  test("that is read-only gives what it has", {
    skip: process.getuid?.() === 0 && "root may write anywhere",
  }, async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    await pull(world.host, "org/name");
    chmodSync(world.cache, 0o500);
    assert.equal((await pull(world.host, "org/name")).receivedBytes, 0);
    world.server.commit("org/other", FILES);
    await assert.rejects(pull(world.host, "org/other"), { code: "DISK" });
    chmodSync(world.cache, 0o700);
  });

  test("is not written to for what is there", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    await pull(world.host, "org/name");
    const never = (file: string) => {
      throw new OwnlmError("DISK", `${file}: the disk is read-only`);
    };
    const host = { ...world.host, createFile: never, extendFile: never, rename: never, createExclusive: never };
    assert.equal((await pull(host, "org/name")).receivedBytes, 0);
    assert.ok(await locateModel(host, "org/name", "model"));
  });

  test("with a link in the cache that leads out of it is refused", async () => {
    await using world = await hubWorld();
    const commit = world.server.commit("org/name", FILES);
    const snapshot = path.join(world.cache, "models--org--name/snapshots", commit);
    mkdirSync(snapshot, { recursive: true });
    writeFileSync(path.join(world.root, "secret"), "x");
    symlinkSync(path.join(world.root, "secret"), path.join(snapshot, "config.json"));
    await assert.rejects(pull(world.host, "org/name"), { code: "BAD_HUB", message: /leads out of the cache/ });
  });

  test("keeps broken links and half of a crash from being taken for files", async () => {
    await using world = await hubWorld();
    const commit = world.server.commit("org/name", FILES);
    const snapshot = path.join(world.cache, "models--org--name/snapshots", commit);
    mkdirSync(snapshot, { recursive: true });
    symlinkSync("../../blobs/nothing", path.join(snapshot, "config.json"));
    const pulled = await pull(world.host, "org/name");
    assert.equal(readFileSync(path.join(pulled.path, "config.json"), "utf8"), "{}");
  });
});

describe("several at once", () => {
  test("in one process fetch each blob once", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const all = await Promise.all([1, 2, 3].map(() => pull(world.host, "org/name")));
    assert.equal(fromStore(world.server.came).length, 1);
    for (const { path: folder } of all) assert.deepEqual(modelOf(folder), Buffer.from(MODEL));
    assert.equal(all.filter(({ receivedBytes }) => receivedBytes > 2_000_000).length, 1);
  });

  test("in two processes fetch each blob once, and one killed in the middle is taken over from", async () => {
    await using world = await hubWorld();
    world.server.commit("org/name", FILES);
    const child = (): ReturnType<typeof fork> =>
      fork(fileURLToPath(new URL("./pull-child.js", import.meta.url)), ["org/name"], {
        env: { ...process.env, HF_HUB_OFFLINE: "", HF_ENDPOINT: world.server.url, HF_HOME: world.root },
        stdio: "ignore",
      });
    const ended = (process: ReturnType<typeof fork>) => new Promise((resolve) => process.on("exit", resolve));
    assert.deepEqual(await Promise.all([ended(child()), ended(child())]), [0, 0]);
    assert.equal(fromStore(world.server.came).length, 1);
    rmSync(world.cache, { recursive: true });
    world.server.came.length = 0;
    world.server.fault = ({ at, range }) => (at === "store" && !range ? { hangAfter: 2_000_000 } : undefined);
    const victim = child();
    const gone = ended(victim);
    while (leftOverBytes(world) < 1_000_000) await new Promise((resolve) => setTimeout(resolve, 20));
    victim.kill("SIGKILL");
    await gone;
    const pulled = await pull(world.host, "org/name");
    assert.deepEqual(modelOf(pulled.path), Buffer.from(MODEL));
    assert.ok(pulled.receivedBytes <= 2_000_002, `got ${pulled.receivedBytes}`);
    assert.match(fromStore(world.server.came).at(-1)!.range!, /^bytes=[12]\d{6}-$/);
  });
});

function leftOverBytes(world: HubWorld): number {
  const blobs = path.join(world.cache, "models--org--name/blobs");
  if (!existsSync(blobs)) return 0;
  const part = readdirSync(blobs).find((name) => name.endsWith(".incomplete"));
  return part ? readFileSync(path.join(blobs, part)).length : 0;
}
