import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ErrorCode } from "../../src/base/errors.ts";
import { createGraph, input, output } from "../../src/graph/build.ts";
import { gather, gatherElements, reshape } from "../../src/graph/functions.ts";
import { lowerGraph } from "../../src/graph/lower.ts";
import { lossGraph } from "../../src/models/heads.ts";
import type { Runtime, Tensor } from "../../src/runtime/types.ts";
import { goldenModel } from "../helpers/reference-models.ts";
import { adder, cached, identity, model, node, RUNTIMES, refuses, value, web } from "./runtimes.ts";

type Tensors = Record<string, Tensor>;

/** Changes to a binding that is right, the code and the words of what is thrown. */
const WRONG_BINDINGS: Readonly<Record<string, [Change, ErrorCode, RegExp]>> = {
  "a missing input": [({ inputs }) => delete inputs.b, "BAD_GRAPH", /no tensor for the inputs b/],
  "a missing output": [({ outputs }) => delete outputs.y, "BAD_GRAPH", /no tensor for the outputs y/],
  "an input of undefined": [({ inputs }) => (inputs.b = undefined as never), "BAD_GRAPH", /inputs b/],
  "an unknown input": [({ inputs, make }) => (inputs.B = make([3, 2])), "BAD_GRAPH", /input B, expected a, b/],
  "an unknown output": [({ outputs, make }) => (outputs.z = make([3, 2])), "BAD_GRAPH", /output z/],
  "too many axes": [
    ({ inputs, make }) => (inputs.b = make([1, 3, 2])),
    "BAD_SHAPE",
    /b: got \[1, 3, 2\], expected \[N, 2\]/,
  ],
  "too few axes": [({ inputs, make }) => (inputs.b = make([6])), "BAD_SHAPE", /b: got \[6\]/],
  "another fixed axis": [
    ({ inputs, make }) => (inputs.b = make([3, 3])),
    "BAD_SHAPE",
    /b: got \[3, 3\], expected \[N, 2\]/,
  ],
  "two lengths of one named axis": [
    ({ inputs, make }) => (inputs.b = make([4, 2])),
    "BAD_SHAPE",
    /b: got \[4, 2\].*N = 3/,
  ],
  "an output of another length": [
    ({ outputs, make }) => (outputs.y = make([4, 2])),
    "BAD_SHAPE",
    /y: got \[4, 2\].*N = 3/,
  ],
  "another type": [
    ({ inputs, runtime }) => (inputs.b = runtime.tensor("float64", [3, 2])),
    "BAD_DTYPE",
    /b: got float64/,
  ],
  "a disposed tensor": [({ inputs }) => inputs.b!.dispose(), "DISPOSED", /b: the tensor was disposed/],
  "a transferred buffer": [({ inputs }) => transfer(inputs.b!), "DISPOSED", /b: the tensor's buffer was transferred/],
  "what looks like a tensor": [({ inputs, make }) => (inputs.b = { ...make([3, 2]) }), "BAD_DTYPE", /b: got no tensor/],
  "a number": [({ inputs }) => (inputs.b = 7 as never), "BAD_DTYPE", /b: got no tensor/],
  "an array": [({ inputs }) => (inputs.b = new Float32Array(6) as never), "BAD_DTYPE", /b: got no tensor/],
  "one tensor read and written": [
    ({ inputs, outputs }) => (outputs.y = inputs.b!),
    "BAD_GRAPH",
    /input b and output y/,
  ],
};

interface Changed {
  readonly runtime: Runtime;
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly make: (shape: number[]) => Tensor;
}
type Change = (changed: Changed) => unknown;

const transfer = ({ data }: Tensor) => structuredClone(data, { transfer: [data.buffer] });

function describeBindings(runtime: Runtime, others: readonly Runtime[]): void {
  const make = (shape: number[]) => runtime.tensor("float32", shape);

  for (const [says, [change, code, words]] of Object.entries(WRONG_BINDINGS))
    test(`${says} is refused`, async () => {
      using session = await runtime.session(adder);
      const [inputs, outputs]: [Tensors, Tensors] = [{ a: make([3, 2]), b: make([3, 2]) }, { y: make([3, 2]) }];
      change({ runtime, inputs, outputs, make });
      await refuses(() => session.bind(inputs, outputs), code, words);
    });

  test("what is no record of tensors is refused", async () => {
    using session = await runtime.session(adder);
    for (const wrong of [null, undefined, 3, "a"])
      await refuses(() => session.bind(wrong as never, { y: make([1, 2]) }), "BAD_DATA", /as inputs/);
  });

  test("a tensor of another runtime is refused", async () => {
    using session = await runtime.session(adder);
    for (const other of others) {
      const foreign = other.tensor("float32", [1, 2]);
      const bind = () => session.bind({ a: foreign, b: make([1, 2]) }, { y: make([1, 2]) });
      await refuses(bind, "BAD_DTYPE", /a: got no tensor of this runtime/);
    }
  });

  test("names that objects are born with are names like others", async () => {
    const odd = ["constructor", "__proto__", "toString"];
    const made = model(
      odd.map((name, i) => node("Neg", [name], [`y${i}`])),
      odd.map((name) => value(name, "float32", 1)),
      odd.map((_, i) => value(`y${i}`, "float32", 1)),
    );
    using session = await runtime.session(made);
    await refuses(() => session.bind({}, {}), "BAD_GRAPH", /constructor, __proto__, toString/);
    const inputs: Tensors = Object.create(null);
    for (const [i, name] of odd.entries()) inputs[name] = runtime.tensor("float32", [1], Float32Array.of(i + 1));
    const outputs = Object.fromEntries(odd.map((_, i) => [`y${i}`, make([1])]));
    using binding = session.bind(inputs, outputs);
    await binding.run();
    assert.deepEqual(
      Object.values(outputs).map((y) => y.data[0]),
      [-1, -2, -3],
    );
  });

  test("each run reads the inputs as they are then, and fills the same outputs", async () => {
    using session = await runtime.session(adder);
    const [a, b, y] = [make([2, 2]), make([2, 2]), make([2, 2])];
    using binding = session.bind({ a, b }, { y });
    const live = y.data;
    for (let i = 0; i < 5; i++) {
      a.data.fill(i as never);
      (b.data as Float32Array).set([1, 2, 3, 4]);
      await binding.run();
      assert.deepEqual([...live], [i + 1, i + 2, i + 3, i + 4]);
    }
  });

  test("rows of a tensor are tensors over its memory, which may not overlap where one is written", async () => {
    using session = await runtime.session(adder);
    const whole = make([6, 2]);
    const [top, middle, bottom] = [runtime.rows(whole, 0, 2), runtime.rows(whole, 2, 2), runtime.rows(whole, 4, 2)];
    (whole.data as Float32Array).set([1, 2, 3, 4, 10, 20, 30, 40]);
    using binding = session.bind({ a: top, b: middle }, { y: bottom });
    await binding.run();
    assert.deepEqual([...whole.data].slice(8), [11, 22, 33, 44]);
    assert.deepEqual(bottom.shape, [2, 2]);
    const shifted = runtime.rows(whole, 3, 2);
    const bind = () => session.bind({ a: top, b: bottom }, { y: shifted });
    await refuses(bind, "BAD_GRAPH", /input b and output y share some of their memory/);
    for (const [from, count] of [
      [5, 2],
      [-1, 1],
      [0, 0],
      [0.5, 1],
    ] as const)
      await refuses(() => runtime.rows(whole, from, count), "BAD_SHAPE", /rows: got/);
    await refuses(() => runtime.rows(runtime.tensor("float32", []), 0, 1), "BAD_SHAPE", /rows: got/);
    await refuses(() => runtime.rows({ ...whole }, 0, 1), "BAD_DTYPE", /no tensor of this runtime/);
    whole.dispose();
    await refuses(() => runtime.rows(whole, 0, 1), "DISPOSED", /used after dispose/);
    await binding.run();
    bottom.dispose();
    await refuses(() => binding.run(), "DISPOSED", /y: the tensor was disposed/);
  });

  test("what is disposed or transferred after binding makes the run an error that names it", async () => {
    using session = await runtime.session(adder);
    for (const name of ["a", "b", "y"])
      for (const end of [transfer, (tensor: Tensor) => tensor.dispose()]) {
        const tensors: Tensors = { a: make([2, 2]), b: make([2, 2]), y: make([2, 2]) };
        const { a, b, y } = tensors as { a: Tensor; b: Tensor; y: Tensor };
        using binding = session.bind({ a, b }, { y });
        await binding.run();
        end(tensors[name]!);
        await refuses(() => binding.run(), "DISPOSED", new RegExp(`: ${name}: the tensor`));
      }
    const [a, y] = [make([2, 2]), make([2, 2])];
    const binding = session.bind({ a, b: a }, { y });
    binding.dispose();
    binding.dispose();
    await refuses(() => binding.run(), "DISPOSED", /binding/);
  });

  test("an alias that the model lists may share one tensor; an unlisted pair may not", async () => {
    using session = await runtime.session(cached(4));
    const inputs = Object.fromEntries(
      session.inputs.map((i) => [i.name, runtime.tensor(i.dtype, i.shape as number[])]),
    );
    const { past_key, past_value } = inputs as { past_key: Tensor; past_value: Tensor };
    const y = make([1, 1, 16]);
    session.bind(inputs, { y, present_key: past_key, present_value: past_value }).dispose();
    const crossed = { y, present_key: past_value, present_value: past_key };
    await refuses(() => session.bind(inputs, crossed), "BAD_GRAPH", /may not share/);
    const shared = make([1, 1, 4, 8]);
    const twice = { y, present_key: shared, present_value: shared };
    await refuses(() => session.bind(inputs, twice), "BAD_GRAPH", /outputs present_key and present_value/);
  });

  test("a run that the engine refuses is an error, and the next one works", async () => {
    const made = model(
      [node("Gather", ["x", "at"], ["y"])],
      [value("x", "float32", 4), value("at", "int64", 1)],
      [value("y", "float32", 1)],
    );
    using session = await runtime.session(made);
    const [x, at, y] = [
      runtime.tensor("float32", [4], Float32Array.of(5, 6, 7, 8)),
      runtime.tensor("int64", [1]),
      make([1]),
    ];
    using binding = session.bind({ x, at }, { y });
    for (const wrong of [4n, -5n, 2n ** 62n, -(2n ** 63n)]) {
      at.data[0] = wrong;
      await refuses(() => binding.run(), "RUNTIME", /out of data bounds/);
    }
    at.data[0] = 2n;
    await binding.run();
    assert.deepEqual([...y.data], [7]);
  });

  test("indices of a lowered graph are checked by name before each run, whatever axis they count along", async () => {
    const graph = createGraph("guarded");
    const x = input(graph, "x", "float32", ["N", 4]);
    const [rows, columns] = [input(graph, "rows", "int64", [3]), input(graph, "columns", "int32", ["N"])];
    output(graph, "picked", gather(x, rows));
    output(graph, "along", gatherElements(x, reshape(columns, ["N", 1]), 1));
    using session = await runtime.session(lowerGraph(graph, () => ({ kind: "input" })));
    const [at, along] = [runtime.tensor("int64", [3]), runtime.tensor("int32", [5])];
    const inputs = { x: make([5, 4]), rows: at, columns: along };
    using binding = session.bind(inputs, { picked: make([3, 4]), along: make([5, 1]) });
    for (const fine of [
      [0n, 4n, -5n],
      [0n, 0n, 0n],
    ]) {
      at.data.set(fine);
      await binding.run();
    }
    for (const wrong of [5n, -6n, 2n ** 32n, -(2n ** 32n), 2n ** 31n, 2n ** 63n - 1n]) {
      at.data.set([0n, 0n, wrong]);
      const says = new RegExp(`guarded: input rows: got ${wrong} at element 2, expected -5 to 4`);
      await refuses(() => binding.run(), "BAD_DATA", says);
    }
    at.data.fill(0n);
    along.data[1] = 4;
    await refuses(() => binding.run(), "BAD_DATA", /columns: got 4 at element 1, expected -4 to 3/);
  });
}

function describeConcurrency(runtime: Runtime): void {
  test("many bindings of two sessions, all started at once, each give their own result", async () => {
    using first = await runtime.session(adder);
    using second = await runtime.session(model([node("Mul", ["a", "b"], ["y"])], adder.inputs, adder.outputs));
    const jobs = Array.from({ length: 40 }, (_, i) => {
      const [a, b] = [i, i + 2].map((x) => runtime.tensor("float32", [1, 2], Float32Array.of(x, -x)));
      const y = runtime.tensor("float32", [1, 2]);
      const session = i % 2 ? second : first;
      return { y, binding: session.bind({ a: a!, b: b! }, { y }), expected: i % 2 ? i * (i + 2) : i + i + 2 };
    });
    for (let round = 0; round < 3; round++) {
      for (const { y } of jobs) y.data.fill(0);
      await Promise.all(jobs.map(({ binding }) => binding.run()));
      for (const { y, expected } of jobs) assert.equal(y.data[0], expected);
    }
  });

  test("sessions opened at the same time work, those that fail among them", async () => {
    const bad = model([node("Nope", ["x"], ["y"])], [value("x", "float32", 1)], [value("y", "float32", 1)]);
    const opened = await Promise.allSettled(
      [adder, bad, identity("int64", 2), bad, adder].map((m) => runtime.session(m)),
    );
    assert.deepEqual(
      opened.map(({ status }) => status[0]),
      ["f", "r", "f", "r", "f"],
    );
    for (const each of opened) if (each.status === "fulfilled") each.value.dispose();
  });
}

test("a model's loss guards its ids, its positions and its targets", () => {
  const { model: tiny } = goldenModel("llama-tiny");
  const { guards } = lowerGraph(lossGraph(tiny, 2, 8).graph, () => ({ kind: "input" }));
  const [vocabulary, positions] = [tiny.vocabSize, 8];
  assert.deepEqual(
    new Set(guards),
    new Set([
      { input: "input_ids", length: vocabulary, fromEnd: true },
      { input: "position_ids", length: positions, fromEnd: false },
      { input: "targets", length: vocabulary, fromEnd: true },
    ]),
  );
});

for (const { name, runtime, skip } of RUNTIMES) {
  const others = RUNTIMES.filter((other) => other.name !== name && !other.skip).map((other) => other.runtime);
  describe(`bindings of ${name}`, { skip }, () => describeBindings(runtime, others));
  describe(`several at a time on ${name}`, { skip }, () => describeConcurrency(runtime));
}

describe("runs under way on ort-web", () => {
  const start = async () => {
    const session = await web.session(adder);
    const [a, y] = [web.tensor("float32", [1, 2], Float32Array.of(1, 2)), web.tensor("float32", [1, 2])];
    return { session, a, y, binding: session.bind({ a, b: a }, { y }) };
  };

  test("end in an error when their session, binding or tensors are disposed or transferred, and others go on", async () => {
    const ends = ["session", "binding", "a", "y", "transfer"] as const;
    for (const end of ends) {
      const [ended, other] = [await start(), await start()];
      const running = ended.binding.run();
      const going = other.binding.run();
      if (end === "transfer") transfer(ended.y);
      else ended[end].dispose();
      await refuses(() => running, "DISPOSED", /sample/);
      await going;
      assert.deepEqual([...other.y.data], [2, 4]);
    }
  });

  test("read the inputs when their turn comes", async () => {
    const { a, y, binding } = await start();
    const runs = [binding.run(), binding.run()];
    a.data[0] = 10;
    await Promise.all(runs);
    assert.deepEqual([...y.data], [20, 4]);
  });
});
