import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { repoRoot } from "./helpers/paths.ts";

/** Rooms from the ground up. A room imports rooms of lower layers only, and itself. */
const LAYERS = [
  ["base"],
  ["host", "onnx", "tokenizer"],
  ["weights", "graph", "data", "grammar"],
  ["grad", "nn", "runtime", "hub"],
  ["models", "optim"],
  ["generate", "train", "plan"],
  ["eval", "quantize", "transformers", "tune"],
  ["inspect", "serve"],
  ["cli"],
];
const PURE = ["graph", "grammar", "grad", "nn", "models", "optim", "tokenizer", "onnx", "plan"];
const MAX_LINES = 400;

interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
}

const IMPORT =
  /(?:^|[;}\s])(?:import|export)\s+(?:type\s+)?(?:[\w*{][^;"'`]*?\sfrom\s+|(?=["']))["']([^"'\n]+)["']|\bimport\s*\(\s*["'`]([^"'`\n]+)["'`]|^import\s*["']([^"'\n]+)["']/gm;

/** Every import, re-export and dynamic import of a source text. Comments are blanked first, strings are kept. */
function importsOf(from: string, source: string): Import[] {
  const code = blankComments(source);
  return [...code.matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3]!;
    const line = code.slice(0, match.index + match[0].indexOf(specifier)).split("\n").length;
    return { from, line, specifier };
  });
}

function blankComments(source: string): string {
  const token = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return source.replace(token, (text) => (/^\/[/*]/.test(text) ? text.replace(/[^\n]/g, " ") : text));
}

/** The room of a path under src; files directly in src are on top of all. */
function roomOf(file: string): string {
  const parts = file.split("/");
  return parts.length > 2 ? parts[1]! : "src";
}

function layerOf(room: string): number {
  if (room === "src") return LAYERS.length;
  return LAYERS.findIndex((rooms) => rooms.includes(room));
}

/** The file or door an import leads to: "src/room/file.ts", "#host", or a package's name. */
function targetOf({ from, specifier }: Import): string {
  return specifier.startsWith(".") ? path.posix.join(path.posix.dirname(from), specifier) : specifier;
}

/** The room an import leads to, or undefined for packages. */
function targetRoom(target: string): string | undefined {
  if (target.startsWith("#host")) return "host";
  if (target.startsWith("#ort")) return "runtime";
  return target.startsWith("src/") ? roomOf(target) : undefined;
}

function mayUseNode(file: string): boolean {
  return (
    /^src\/host\/node[^/]*$/.test(file) || /^src\/runtime\/ort-native[^/]*$/.test(file) || file.startsWith("src/cli/")
  );
}

/** What is wrong with one import, or undefined. */
function judge(item: Import): string | undefined {
  const target = targetOf(item);
  const [from, to] = [roomOf(item.from), targetRoom(target)];
  if (target.startsWith("node:") && !mayUseNode(item.from))
    return `imports ${target}, allowed in src/host/node*.ts, src/runtime/ort-native*.ts and src/cli`;
  if (/^koffi(\/|$)/.test(target) && !/^src\/runtime\/ort-native[^/]*$/.test(item.from))
    return `imports ${target}, allowed in src/runtime/ort-native*.ts`;
  if (target.startsWith("@huggingface/hub") && item.from !== "src/hub/client.ts")
    return `imports ${target}, allowed in src/hub/client.ts`;
  if (/^hono(\/|$)/.test(target) && item.from !== "src/serve/app.ts")
    return `imports ${target}, allowed in src/serve/app.ts`;
  if (target.startsWith("@hono/") && item.from !== "src/host/node-server.ts")
    return `imports ${target}, allowed in src/host/node-server.ts`;
  if (target.startsWith("onnxruntime-") && from !== "runtime") return `imports ${target}, allowed in src/runtime`;
  if (to === undefined && item.specifier.startsWith(".")) return `imports ${target}, which is outside of src`;
  if (to === undefined) return undefined;
  if (to === "host" && PURE.includes(from))
    return `imports ${target}: the room ${from} is pure, without files or clock`;
  if (layerOf(to) < 0) return `imports ${target}: the room ${to} has no layer`;
  if (from !== to && layerOf(to) >= layerOf(from))
    return `imports ${target}: the room ${from} (layer ${layerOf(from)}) may not use ${to} (layer ${layerOf(to)})`;
  return undefined;
}

/** Every import cycle, as the files on it. */
function cyclesOf(imports: readonly Import[]): string[] {
  const edges = new Map<string, Set<string>>();
  for (const item of imports) {
    const targets = edges.get(item.from) ?? new Set();
    edges.set(item.from, targets.add(targetOf(item)));
  }
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]) => {
    const at = trail.indexOf(file);
    if (at >= 0) cycles.push([...trail.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

function sources(): Map<string, string> {
  const names = readdirSync(path.join(repoRoot, "src"), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".ts")).map((name) => `src/${name.replaceAll(path.sep, "/")}`);
  return new Map(files.sort().map((file) => [file, readFileSync(path.join(repoRoot, file), "utf8")]));
}

function complain(complaints: readonly string[]): void {
  assert.ok(complaints.length === 0, `\n${complaints.join("\n")}`);
}

describe("the rooms of src", () => {
  const files = sources();
  const imports = [...files].flatMap(([file, source]) => importsOf(file, source));

  test("are all known, and their sources are found", () => {
    assert.ok(files.size > 20 && imports.length > 50);
    const unknown = [...new Set([...files.keys()].map(roomOf))].filter((room) => layerOf(room) < 0);
    complain(unknown.map((room) => `src/${room}: is in no layer`));
  });

  test("import lower layers only, and the platform through its doors", () => {
    complain(
      imports.flatMap((item) => {
        const wrong = judge(item);
        return wrong ? [`${item.from}:${item.line}: ${wrong}`] : [];
      }),
    );
  });

  test("import files that exist, by their .ts names", () => {
    const inside = imports.filter(({ specifier }) => specifier.startsWith("."));
    const lost = inside.filter((item) => !existsSync(path.join(repoRoot, targetOf(item))));
    complain(lost.map((item) => `${item.from}:${item.line}: imports ${item.specifier}, which does not exist`));
  });

  test("have no import cycles", () => {
    complain(cyclesOf(imports));
  });

  test(`have no file over ${MAX_LINES} lines`, () => {
    const long = [...files].map(([file, source]) => [file, source.trimEnd().split("\n").length] as const);
    complain(
      long
        .filter(([, n]) => n > MAX_LINES)
        .map(([file, n]) => `${file}:${n}: ${n} lines, expected at most ${MAX_LINES}`),
    );
  });
});

/** Where the network is asked: the hosts' door, and what goes through it. */
const FETCHING = ["src/host/node.ts", "src/host/web.ts", "src/host/types.ts", "src/hub/requests.ts"];

describe("the network", () => {
  test("is asked through the host's fetch, in src/hub/requests.ts alone", () => {
    const asks = /\b(?:globalThis|window|self|host)\.fetch\b|(?<![.\w])fetch\s*\(/;
    const others = [...sources()].filter(
      ([file, source]) => !FETCHING.includes(file) && asks.test(blankComments(source)),
    );
    complain(others.map(([file]) => `${file}: asks the network, expected to do so by src/hub/requests.ts`));
  });
});

describe("the layering check itself", () => {
  test("sees every form of import and its line", () => {
    const source = [
      '/** import "./comment.ts"; */',
      'import fs, { type A } from "node:fs";',
      "import {",
      "  b,",
      '} from "./b.ts";',
      'export * from "./c.ts";',
      'export type { D } from "./d.ts";',
      'import "./e.ts";',
      'const f = await import("./f.ts"); // import("./not.ts")',
      'const text = "no import here";',
      'import type * as g from "./g.ts";',
      'type H = import("./h.ts").H;',
    ].join("\n");
    const found = importsOf("src/base/a.ts", source).map(({ specifier, line }) => `${line} ${specifier}`);
    const expected = [
      "2 node:fs",
      "5 ./b.ts",
      "6 ./c.ts",
      "7 ./d.ts",
      "8 ./e.ts",
      "9 ./f.ts",
      "11 ./g.ts",
      "12 ./h.ts",
    ];
    assert.deepEqual(found, expected);
  });

  const cases: readonly [file: string, specifier: string, fine: boolean][] = [
    ["src/train/loop.ts", "../data/batches.ts", true],
    ["src/data/read.ts", "../host/types.ts", true],
    ["src/index.ts", "./cli/main.ts", true],
    ["src/cli/main.ts", "node:process", true],
    ["src/runtime/ort-native-api.ts", "koffi", true],
    ["src/runtime/open.ts", "#ort", true],
    ["src/data/read.ts", "../train/loop.ts", false],
    ["src/host/node.ts", "../tokenizer/bpe.ts", false],
    ["src/data/read.ts", "node:fs", false],
    ["src/host/types.ts", "node:fs", false],
    ["src/train/loop.ts", "koffi", false],
    ["src/train/loop.ts", "onnxruntime-web", false],
    ["src/nn/layers.ts", "#ort", false],
    ["src/models/gpt2.ts", "#host", false],
    ["src/hub/client.ts", "@huggingface/hub", true],
    ["src/hub/push.ts", "@huggingface/hub", false],
    ["src/serve/app.ts", "hono", true],
    ["src/serve/chat.ts", "hono", false],
    ["src/host/node-server.ts", "@hono/node-server", true],
    ["src/serve/server.ts", "@hono/node-server", false],
    ["src/base/rng.ts", "../../scripts/test.ts", false],
  ];
  for (const [from, specifier, fine] of cases)
    test(`${fine ? "allows" : "refuses"} ${specifier} in ${from}`, () => {
      assert.equal(judge({ from, line: 1, specifier }) === undefined, fine);
    });

  test("finds a cycle", () => {
    const imports = [
      { from: "src/a/a.ts", line: 1, specifier: "./b.ts" },
      { from: "src/a/b.ts", line: 1, specifier: "../a/a.ts" },
    ];
    assert.deepEqual(cyclesOf(imports), ["src/a/a.ts -> src/a/b.ts -> src/a/a.ts"]);
  });
});
