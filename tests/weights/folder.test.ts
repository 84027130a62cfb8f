import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type DType, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "../../src/base/dtypes.ts";
import { OwnlmError } from "../../src/base/errors.ts";
import type { Host } from "../../src/host/types.ts";
import { createWebHost } from "../../src/host/web.ts";
import {
  findWeight,
  finishPublishing,
  openWeights,
  publishModel,
  readFloat32,
  readJson,
} from "../../src/weights/folder.ts";
import { type NamedTensor, writeSafetensors } from "../../src/weights/safetensors.ts";
import { copyOf, disksAfter, filesOf } from "../helpers/faults.ts";
import { putFile } from "../helpers/weights.ts";

const float32 = (name: string, ...values: number[]): NamedTensor => ({
  name,
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

const SINGLE = "/m/model.safetensors";
const INDEX = "/m/model.safetensors.index.json";

/** A folder whose index and shards are as given. */
function sharded(weightMap: unknown, shards: Record<string, readonly NamedTensor[]>): Host {
  const host = createWebHost();
  host.makeFolder("/m");
  for (const [name, tensors] of Object.entries(shards)) writeSafetensors(host, `/m/${name}`, tensors);
  putFile(host, INDEX, JSON.stringify({ weight_map: weightMap }));
  return host;
}

const valuesOf = (host: Host, folder = "/m") =>
  Object.fromEntries([...openWeights(host, folder)].map(([name, entry]) => [name, [...readFloat32(host, entry)]]));

describe("the weights of a folder", () => {
  test("are found in one file or in the shards of an index", () => {
    const host = sharded(
      { a: "1.safetensors", b: "2.safetensors" },
      {
        "1.safetensors": [float32("a", 1), float32("more", 9)],
        "2.safetensors": [float32("b", 2)],
      },
    );
    assert.deepEqual(valuesOf(host), { a: [1], b: [2] });
    writeSafetensors(host, SINGLE, [float32("c", 3)]);
    assert.deepEqual(valuesOf(host), { c: [3] });
  });

  test("that are nowhere are NOT_FOUND", () => {
    const host = createWebHost();
    for (const folder of ["/", "/none"])
      assert.throws(() => openWeights(host, folder), { code: "NOT_FOUND", message: /no model\.safetensors and no/ });
  });

  test("come as float32 from every float type", () => {
    const float = fc.float({ noNaN: true });
    fc.assert(
      fc.property(fc.array(float, { maxLength: 20 }), (values) => {
        const host = createWebHost();
        const tensor = (dtype: DType, data: NamedTensor["data"]): NamedTensor => ({
          name: dtype,
          dtype,
          shape: [values.length],
          data,
        });
        const half = Uint16Array.from(values, float32ToFloat16);
        const brain = Uint16Array.from(values, float32ToBfloat16);
        const tensors = [
          tensor("float32", Float32Array.from(values)),
          tensor("float16", half),
          tensor("bfloat16", brain),
        ];
        host.makeFolder("/m");
        writeSafetensors(host, SINGLE, tensors);
        const read = (name: string) => readFloat32(host, openWeights(host, "/m").get(name)!);
        assert.deepEqual(read("float32"), Float32Array.from(values));
        assert.deepEqual(read("float16"), Float32Array.from(half, float16ToFloat32));
        assert.deepEqual(
          new Uint16Array(Uint32Array.from(new Uint32Array(read("bfloat16").buffer), (bits) => bits >>> 16)),
          brain,
        );
      }),
    );
  });

  test("are asked for by name and shape, also without the name's first part", () => {
    const host = createWebHost();
    host.makeFolder("/m");
    const int: NamedTensor = { name: "int", dtype: "int32", shape: [1], data: new Int32Array(1) };
    writeSafetensors(host, SINGLE, [float32("h.0.w", 1, 2), int]);
    const weights = openWeights(host, "/m");
    assert.equal(findWeight(weights, "transformer.h.0.w", [2], "/m"), weights.get("h.0.w"));
    assert.throws(() => findWeight(weights, "h.1.w", [2], "/m"), {
      code: "BAD_WEIGHTS",
      message: /\/m: .*h\.1\.w is missing/,
    });
    assert.throws(() => findWeight(weights, "h.0.w", [1, 2], "/m"), {
      code: "BAD_WEIGHTS",
      message: /h\.0\.w: got shape \[2\]/,
    });
    assert.throws(() => findWeight(weights, "int", [1], "/m"), { code: "UNSUPPORTED", message: /int: got int32/ });
  });
});

describe("an index that lies", () => {
  const one = { "1.safetensors": [float32("a", 1)] };
  const cases: readonly [says: string, message: RegExp, map: unknown][] = [
    ["has no map", /weight_map: expected an object/, undefined],
    ["has a list for a map", /weight_map: expected an object/, []],
    [
      "names a file above",
      /a: got \.\.\/1\.safetensors, expected a file name in the same folder/,
      { a: "../1.safetensors" },
    ],
    ["names a file at the root", /a: got \/1\.safetensors/, { a: "/1.safetensors" }],
    ["names a file of Windows", /a: got "\.\.\\\\x"/, { a: "..\\x" }],
    ["names the folder itself", /a: got/, { a: "." }],
    ["names the folder above", /a: got/, { a: ".." }],
    ["names nothing", /a: got ""/, { a: "" }],
    ["names a file with NUL", /a: got "1\\u0000"/, { a: "1\0" }],
    ["names a number", /a: got 1,/, { a: 1 }],
    ["names a list", /a: got \["1/, { a: ["1.safetensors"] }],
    ["names a shard that is missing", /a: \/m\/2\.safetensors is missing/, { a: "2.safetensors" }],
    ["names the wrong shard", /b: is not in 1\.safetensors/, { a: "1.safetensors", b: "1.safetensors" }],
    ["names itself", /model\.safetensors\.index\.json: .*header/, { a: "model.safetensors.index.json" }],
    ["names __proto__", /__proto__: is not in/, JSON.parse('{"__proto__": "1.safetensors"}')],
  ];
  for (const [says, message, map] of cases)
    test(`is refused: it ${says}`, () => {
      const host = sharded(map, one);
      assert.throws(() => openWeights(host, "/m"), { name: "OwnlmError", code: "BAD_WEIGHTS", message });
      assert.throws(() => openWeights(host, "/m"), /^OwnlmError: \/m\//);
    });

  test("is refused when it is no JSON, or null", () => {
    const host = sharded({}, {});
    putFile(host, INDEX, "{");
    assert.throws(() => openWeights(host, "/m"), { code: "BAD_CONFIG", message: /index\.json: no JSON/ });
    putFile(host, INDEX, "null");
    assert.throws(() => openWeights(host, "/m"), { code: "BAD_WEIGHTS" });
  });

  test("does not get its shards read twice", () => {
    const names = Array.from({ length: 50 }, (_, i) => `t${i}`);
    const base = sharded(Object.fromEntries(names.map((name) => [name, "1.safetensors"])), {
      "1.safetensors": names.map((name) => float32(name, 1)),
    });
    let reads = 0;
    const host: Host = {
      ...base,
      readBytes(...args) {
        reads++;
        return base.readBytes(...args);
      },
    };
    assert.equal(openWeights(host, "/m").size, 50);
    assert.equal(reads, 2);
  });
});

describe("JSON files", () => {
  test("are refused by name when they are none, too long, or no files", () => {
    const host = createWebHost();
    putFile(host, "/bom.json", "\ufeff{}");
    assert.throws(() => readJson(host, "/bom.json"), { code: "BAD_CONFIG", message: /^\/bom\.json: no JSON/ });
    assert.throws(() => readJson(host, "/none.json"), { code: "NOT_FOUND", message: /none\.json/ });
    assert.throws(() => readJson(host, "/"), { code: "DISK" });
    assert.throws(() => readJson({ ...host, fileSize: () => 2 ** 40 }, "/bom.json"), { code: "BAD_CONFIG" });
    assert.throws(() => readJson({ ...host, kindOf: () => "other" }, "/bom.json"), {
      code: "BAD_CONFIG",
      message: /pipe/,
    });
  });
});

/** A model that shows in every file which one it is. */
const publish = (host: Host, value: number) =>
  publishModel(host, "/m", { "config.json": { value }, "tokenizer.json": { value } }, [float32("w", value)]);

/** Which model a reader meets; "none" when there are no weights. Fails when the parts are of different ones. */
function modelIn(host: Host): number | "none" {
  if (host.kindOf("/m") === undefined) return "none";
  try {
    openWeights(host, "/m");
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "NOT_FOUND") return "none";
    throw error;
  }
  const [value] = valuesOf(host).w!;
  for (const name of ["config.json", "tokenizer.json"]) assert.deepEqual(readJson(host, `/m/${name}`), { value });
  return value!;
}

const emptyDisk = () => createWebHost();
const diskWithModel = () => {
  const host = createWebHost();
  publish(host, 1);
  return host;
};
const diskWithShards = () => {
  const host = sharded({ w: "1.safetensors" }, { "1.safetensors": [float32("w", 1)] });
  for (const name of ["config.json", "tokenizer.json"]) putFile(host, `/m/${name}`, '{"value":1}');
  return host;
};

describe("a finished model", () => {
  test("is put into a new folder, and nothing but its files", () => {
    const host = emptyDisk();
    publish(host, 1);
    assert.equal(modelIn(host), 1);
    assert.deepEqual(host.listFolder("/m"), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert.equal(host.readText("/m/config.json"), '{\n  "value": 1\n}\n');
  });

  test("takes the place of another, of its index too, and leaves all other files", () => {
    for (const disk of [diskWithModel(), diskWithShards()]) {
      disk.makeFolder("/m/checkpoints");
      putFile(disk, "/m/README.md", "mine");
      publish(disk, 2);
      assert.equal(modelIn(disk), 2);
      assert.equal(disk.kindOf(INDEX), undefined);
      assert.equal(disk.readText("/m/README.md"), "mine");
      assert.equal(disk.kindOf("/m/checkpoints"), "folder");
    }
  });

  test("has files with names of files only, and the weights are none of them", () => {
    const host = diskWithModel();
    const before = filesOf(host);
    for (const name of ["../x", "a/b", "..", "", "a\0", "model.safetensors", "model.safetensors.index.json"])
      assert.throws(() => publishModel(host, "/m", { [name]: {} }, []), { code: "BUG" });
    assert.deepEqual(filesOf(host), before);
  });

  const starts: readonly [says: string, disk: () => Host, before: number | "none"][] = [
    ["a new folder", emptyDisk, "none"],
    ["the place of another", diskWithModel, 1],
    ["the place of another in shards", diskWithShards, 1],
  ];
  const allowed = (before: number | "none"): readonly unknown[] => [before, 2, "none"];

  for (const [says, disk, before] of starts)
    for (const fault of ["error", "kill", "power", "full"] as const)
      test(`that is put into ${says} is there whole or not at all with the fault "${fault}" at any operation`, () => {
        const met = new Set<unknown>();
        for (const [at, left] of disksAfter(disk, fault, (host) => publish(host, 2))) {
          const found = modelIn(left);
          assert.ok(allowed(before).includes(found), `at ${at}: ${found}`);
          if (found === "none" && before !== "none")
            assert.throws(() => openWeights(left, "/m"), { message: /not put in place to its end/ });
          const finished = copyOf(left);
          finishPublishing(finished, "/m");
          assert.ok([before, 2].includes(modelIn(finished)), `at ${at}: finished to ${modelIn(finished)}`);
          publish(left, 3);
          assert.equal(modelIn(left), 3, `at ${at}: published again`);
          assert.ok(!left.listFolder("/m").some((name) => name.startsWith(".")));
          met.add(modelIn(finished));
        }
        assert.deepEqual(met, new Set([before, 2]));
      });

  test("is still whole or not at all after a second kill", () => {
    for (const [first, left] of disksAfter(diskWithModel, "kill", (host) => publish(host, 2)))
      for (const [second, end] of disksAfter(
        () => copyOf(left),
        "kill",
        (host) => publish(host, 3),
      )) {
        const found = modelIn(end);
        finishPublishing(end, "/m");
        assert.ok([1, 2, 3, "none"].includes(found), `killed at ${first} and ${second}: ${found}`);
        assert.ok([1, 2, 3].includes(modelIn(end) as number), `killed at ${first} and ${second}, finished`);
      }
  });
});
