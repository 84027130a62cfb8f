import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";
import { cleanCheckpoints, latestCheckpoint, loadTensors, saveCheckpoint } from "../../src/weights/checkpoint.ts";
import type { NamedTensor } from "../../src/weights/safetensors.ts";
import { copyOf, disksAfter, filesOf } from "../helpers/faults.ts";
import { putFile } from "../helpers/weights.ts";

const OUT = "/out";

/** A state that shows in every file: `value` in both tensors and in the JSON. */
const tensorsOf = (value: number) => {
  const tensor = (name: string): NamedTensor => ({
    name,
    dtype: "float32",
    shape: [2, 2],
    data: new Float32Array(4).fill(value),
  });
  return { params: [tensor("w"), tensor("b")], optimizer: [tensor("w.m")] };
};
const save = (host: Host, step: number, value = step, keep = 2) =>
  saveCheckpoint(host, OUT, step, { tensors: tensorsOf(value), state: { value } }, { keep });

interface Loaded {
  readonly step: number;
  readonly value: number;
}

/** The newest state, read as a trainer does; fails when its parts are of different saves. */
function load(host: Host, skipped: string[] = []): Loaded | undefined {
  const checkpoint = latestCheckpoint(host, OUT, (message) => skipped.push(message));
  if (!checkpoint) return undefined;
  const tensors = tensorsOf(Number.NaN);
  loadTensors(host, checkpoint, "params", tensors.params);
  loadTensors(host, checkpoint, "optimizer", tensors.optimizer);
  const values = [...tensors.params, ...tensors.optimizer].flatMap(({ data }) => [...(data as Float32Array)]);
  const value = checkpoint.state.value as number;
  assert.deepEqual(new Set(values), new Set([value]));
  return { step: checkpoint.step, value };
}

const names = (host: Host) => host.listFolder(`${OUT}/checkpoints`);

describe("a checkpoint", () => {
  test("comes back as it was saved, the newest first", () => {
    const host = createWebHost();
    assert.equal(load(host), undefined);
    assert.equal(save(host, 5), "/out/checkpoints/step-00000005");
    save(host, 10);
    assert.deepEqual(load(host), { step: 10, value: 10 });
    assert.deepEqual(names(host), ["step-00000005", "step-00000010"]);
  });

  test("pushes older ones out, and never itself or later ones", () => {
    const host = createWebHost();
    for (const step of [1, 2, 3]) save(host, step);
    assert.deepEqual(names(host), ["step-00000002", "step-00000003"]);
    save(host, 1, 1, 1);
    assert.deepEqual(names(host), ["step-00000001", "step-00000002", "step-00000003"]);
    save(host, 4, 4, 1);
    assert.deepEqual(names(host), ["step-00000004"]);
  });

  test("of more than eight digits, and of step 0, is found", () => {
    const host = createWebHost();
    save(host, 0);
    assert.deepEqual(load(host), { step: 0, value: 0 });
    save(host, 123_456_789, 9);
    assert.deepEqual(load(host), { step: 123_456_789, value: 9 });
  });

  test("saved again at its step replaces the one before", () => {
    const host = createWebHost();
    save(host, 3, 30);
    save(host, 3, 31);
    assert.deepEqual(load(host), { step: 3, value: 31 });
    assert.deepEqual(names(host), ["step-00000003"]);
  });

  test("is refused for a step that is none, nothing kept, and names of files elsewhere", () => {
    const host = createWebHost();
    for (const step of [-1, 0.5, Number.NaN]) assert.throws(() => save(host, step), { code: "BUG" });
    for (const keep of [0, Number.NaN]) assert.throws(() => save(host, 1, 1, keep), { code: "BAD_OPTION" });
    for (const name of ["../x", "a/b", "", "..", "a\0"])
      assert.throws(() => saveCheckpoint(host, OUT, 1, { tensors: { [name]: [] }, state: {} }), { code: "BUG" });
    assert.equal(load(host), undefined);
  });

  test("touches no tensor when one of them is missing or of another shape", () => {
    const host = createWebHost();
    save(host, 1);
    const checkpoint = latestCheckpoint(host, OUT, assert.fail)!;
    const [w, b] = tensorsOf(0).params as [NamedTensor, NamedTensor];
    const cases: readonly [NamedTensor, RegExp][] = [
      [{ ...b, name: "other" }, /params\.safetensors: other: is missing/],
      [{ ...b, shape: [4] }, /params\.safetensors: b: got float32 \[2,2\], expected float32 \[4\]/],
      [{ ...b, dtype: "int32" }, /b: got float32 \[2,2\], expected int32/],
    ];
    for (const [wrong, message] of cases)
      assert.throws(() => loadTensors(host, checkpoint, "params", [w, wrong]), { code: "BAD_CHECKPOINT", message });
    assert.deepEqual(w.data, new Float32Array(4));
    assert.throws(() => loadTensors(host, checkpoint, "none", []), {
      code: "BAD_CHECKPOINT",
      message: /none\.safetensors/,
    });
  });
});

/** A disk before a save, the save, and what the newest state is before and after. */
const saves: readonly [
  says: string,
  disk: () => Host,
  save: (host: Host) => void,
  before: Loaded | undefined,
  after: Loaded,
][] = [
  ["the first save", () => createWebHost(), (host) => save(host, 1), undefined, { step: 1, value: 1 }],
  [
    "a save beside others, one of which goes",
    () => diskWith(1, 2),
    (host) => save(host, 3),
    { step: 2, value: 2 },
    { step: 3, value: 3 },
  ],
  [
    "a save that keeps only itself",
    () => diskWith(1),
    (host) => save(host, 2, 2, 1),
    { step: 1, value: 1 },
    { step: 2, value: 2 },
  ],
  [
    "a save of the same step again",
    () => diskWith(1, 2),
    (host) => save(host, 2, 20),
    { step: 2, value: 2 },
    { step: 2, value: 20 },
  ],
  [
    "a save of the only step again",
    () => diskWith(2),
    (host) => save(host, 2, 20, 1),
    { step: 2, value: 2 },
    { step: 2, value: 20 },
  ],
];

function diskWith(...steps: number[]): Host {
  const host = createWebHost();
  for (const step of steps) save(host, step);
  return host;
}

for (const [says, disk, action, before, after] of saves)
  describe(says, () => {
    for (const fault of ["error", "kill", "power", "full"] as const)
      test(`leaves the old state or the new one whole with the fault "${fault}" at any operation`, () => {
        let [tried, old] = [0, 0];
        for (const [at, left] of disksAfter(disk, fault, action)) {
          const found = load(left);
          assert.ok(
            [before, after].some((state) => Object.is(state, found) || JSON.stringify(state) === JSON.stringify(found)),
            `at ${at}: got ${JSON.stringify(found)}`,
          );
          cleanCheckpoints(left, OUT);
          assert.deepEqual(load(left), found, `at ${at}: cleaning changed the newest state`);
          if (left.kindOf(`${OUT}/checkpoints`))
            assert.deepEqual(
              names(left).filter((name) => /\D$/.test(name)),
              [],
            );
          action(left);
          assert.deepEqual(load(left), after, `at ${at}: saving again`);
          tried++;
          if (JSON.stringify(found) === JSON.stringify(before)) old++;
        }
        assert.ok(tried > 20 && old > 10, `${tried} faults, ${old} before the rename`);
      });

    test("leaves nothing half-written where an error lets the program go on", () => {
      for (const fault of ["error", "full"] as const)
        for (const [, left] of disksAfter(disk, fault, action)) {
          if (!left.kindOf(`${OUT}/checkpoints`)) continue;
          assert.deepEqual(
            names(left).filter((name) => name.endsWith(".tmp")),
            [],
          );
        }
    });

    test("leaves the old state or the new one through a second kill while it is made good", () => {
      for (const [first, left] of disksAfter(disk, "kill", action)) {
        const found = JSON.stringify(load(left));
        const again = (host: Host) => {
          cleanCheckpoints(host, OUT);
          action(host);
        };
        for (const [second, end] of disksAfter(() => copyOf(left), "kill", again)) {
          const state = JSON.stringify(load(end));
          assert.ok(
            state === found || state === JSON.stringify(after),
            `killed at ${first} and ${second}: got ${state}`,
          );
        }
      }
    });
  });

describe("a damaged checkpoint", () => {
  const newest = "/out/checkpoints/step-00000002";

  for (const name of ["manifest.json", "state.json", "params.safetensors", "optimizer.safetensors"])
    test(`is passed over when a bit of ${name} is another, and that is said`, () => {
      const disk = diskWith(1, 2);
      const bytes = disk.readBytes(`${newest}/${name}`);
      for (let at = 0; at < bytes.length; at++) {
        const host = copyOf(disk);
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= 1 << (at % 8);
        putFile(host, `${newest}/${name}`, changed);
        const skipped: string[] = [];
        const found = load(host, skipped);
        // White space in the manifest may change without harm.
        if (name === "manifest.json" && found!.step === 2) continue;
        assert.deepEqual(found, { step: 1, value: 1 }, `bit in byte ${at}`);
        assert.ok(skipped.length === 1 && skipped[0]!.includes(newest) && skipped[0]!.includes("Falling back"));
      }
    });

  test("is passed over when a file is cut, missing, or a folder", () => {
    for (const name of ["manifest.json", "state.json", "params.safetensors", "optimizer.safetensors"])
      for (const damage of ["cut", "missing", "folder"]) {
        const host = diskWith(1, 2);
        const file = `${newest}/${name}`;
        const bytes = host.readBytes(file);
        host.remove(file);
        if (damage === "cut") putFile(host, file, bytes.subarray(0, -1));
        if (damage === "folder") host.makeFolder(file);
        const skipped: string[] = [];
        assert.deepEqual(load(host, skipped), { step: 1, value: 1 }, `${name} ${damage}`);
        assert.equal(skipped.length, 1);
      }
  });

  test("does not count when all are damaged, and each is told of", () => {
    const host = diskWith(1, 2);
    for (const step of [1, 2]) putFile(host, `/out/checkpoints/step-0000000${step}/state.json`, "{}");
    const skipped: string[] = [];
    assert.equal(load(host, skipped), undefined);
    assert.equal(skipped.length, 2);
  });

  test("is not mistaken for another: folders of other names, files with a step's name", () => {
    const host = diskWith(1);
    const folder = "/out/checkpoints";
    for (const name of ["step-5", "step-000000009", "step-00000009.bak", "notes.tmp", "step-x"])
      host.makeFolder(`${folder}/${name}`);
    putFile(host, `${folder}/step-00000007`, "a file");
    const skipped: string[] = [];
    assert.deepEqual(load(host, skipped), { step: 1, value: 1 });
    assert.match(skipped.join(), /^\/out\/checkpoints\/step-00000007\/manifest\.json: is missing/);
    cleanCheckpoints(host, OUT);
    assert.ok(names(host).includes("notes.tmp") && names(host).includes("step-00000009.bak"));
  });
});

describe("a manifest that lies", () => {
  const sha256 = "0".repeat(64);
  const file = "/out/checkpoints/step-00000002/manifest.json";
  type Json = Record<string, unknown>;
  const cases: readonly [says: string, message: RegExp, change: (manifest: Json, files: Json) => unknown][] = [
    ["is a list", /no manifest/, () => []],
    ["is null", /no manifest/, () => null],
    ["is a number", /no manifest/, () => 7],
    ["has no files", /no manifest/, ({ format, step }) => ({ format, step })],
    ["has a list of files", /no manifest/, (m) => ({ ...m, files: [] })],
    ["is of a newer format", /got format 2, expected 1: made by another version/, (m) => ({ ...m, format: 2 })],
    ["is of format -1", /got format -1/, (m) => ({ ...m, format: -1 })],
    ["has a format of text", /no manifest/, (m) => ({ ...m, format: "1" })],
    ["has no format", /no manifest/, ({ format: _, ...rest }) => rest],
    ["is of another step", /got step 3/, (m) => ({ ...m, step: 3 })],
    ["has a step of text", /got step 2|got step "2"/, (m) => ({ ...m, step: "2" })],
    ["names no state", /does not list state\.json/, (m, { "state.json": _, ...files }) => ({ ...m, files })],
    [
      "names a file above",
      /got the file name \.\.\/x/,
      (m, f) => ({ ...m, files: { ...f, "../x": { bytes: 0, sha256 } } }),
    ],
    [
      "names a file at the root",
      /got the file name \/etc\/passwd/,
      (m, f) => ({ ...m, files: { ...f, "/etc/passwd": { bytes: 0, sha256 } } }),
    ],
    [
      "names a file of Windows",
      /got the file name/,
      (m, f) => ({ ...m, files: { ...f, "..\\x": { bytes: 0, sha256 } } }),
    ],
    ["names the folder", /got the file name/, (m, f) => ({ ...m, files: { ...f, ".": { bytes: 0, sha256 } } })],
    ["names nothing", /got the file name ""/, (m, f) => ({ ...m, files: { ...f, "": { bytes: 0, sha256 } } })],
    ["names a file with NUL", /got the file name/, (m, f) => ({ ...m, files: { ...f, "a\0": { bytes: 0, sha256 } } })],
    [
      "names a file that is missing",
      /more: is missing/,
      (m, f) => ({ ...m, files: { ...f, more: { bytes: 0, sha256 } } }),
    ],
    ["has a file of null", /state\.json: got null/, (m, f) => ({ ...m, files: { ...f, "state.json": null } })],
    ["has a size of text", /got \{"bytes":"1"/, (m, f) => ({ ...m, files: { ...f, x: { bytes: "1", sha256 } } })],
    [
      "has a size below zero",
      /state\.json: got \d+ bytes, expected -1/,
      (m, f) => ({ ...m, files: { ...f, "state.json": { bytes: -1, sha256 } } }),
    ],
    [
      "has a hash of another kind",
      /expected bytes and sha256/,
      (m, f) => ({ ...m, files: { ...f, x: { bytes: 1, sha256: 7 } } }),
    ],
    ["is longer than a manifest", /expected a short list/, (m) => ({ ...m, more: "x".repeat(2 ** 20) })],
    [
      "names its files by __proto__",
      /__proto__: is missing/,
      (m, f) => ({ ...m, files: { ...f, ["__proto__"]: { bytes: 0, sha256 } } }),
    ],
  ];
  for (const [says, message, change] of cases)
    test(`is passed over: it ${says}`, () => {
      const host = diskWith(1, 2);
      const manifest = JSON.parse(host.readText(file)) as Json;
      putFile(host, file, JSON.stringify(change(manifest, manifest.files as Json)));
      const skipped: string[] = [];
      assert.deepEqual(load(host, skipped), { step: 1, value: 1 });
      assert.match(skipped.join(), message);
    });

  test("about a state that is no object is passed over", () => {
    const host = diskWith(1);
    saveCheckpoint(host, OUT, 2, { tensors: {}, state: [] as unknown as Record<string, unknown> });
    const skipped: string[] = [];
    assert.deepEqual(load(host, skipped), { step: 1, value: 1 });
    assert.match(skipped.join(), /state\.json: got \[\], expected an object/);
  });
});

test("cleaning keeps every file of whole checkpoints, and is fine with nothing there", () => {
  const host = createWebHost();
  cleanCheckpoints(host, OUT);
  const disk = diskWith(1, 2);
  const before = filesOf(disk);
  cleanCheckpoints(disk, OUT);
  assert.deepEqual(filesOf(disk), before);
});
