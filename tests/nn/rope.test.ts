import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { host } from "../../src/host/node.ts";
import { configReader } from "../../src/models/config.ts";
import { readRope } from "../../src/models/rope.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { type RopeOptions, ropeFrequencies, ropeTables } from "../../src/nn/rope.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { golden } from "../helpers/paths.ts";
import { at, ndArray } from "../helpers/reference-array.ts";
import { readArray } from "../helpers/reference-models.ts";

const file = readSafetensors(host, golden("models", "rope.safetensors"));
const expected = (name: string) => readArray(file.tensors.get(name)!);
const positions = [...expected("positions").data];

type GoldenRope = JsonObject & { readonly head_dim: number };

const ropes = JSON.parse(file.metadata.get("ropes")!) as Record<string, GoldenRope>;

const optionsOf = (c: GoldenRope): RopeOptions =>
  readRope(configReader({ rope_parameters: c }, "golden"), { headDim: c.head_dim, positions: 2048, hasLong: true })
    .options;

describe("rotary tables", () => {
  for (const [name, config] of Object.entries(ropes)) {
    test(`of ${name} have transformers' frequencies to the last bit but one`, () => {
      const got = ropeFrequencies(config.head_dim, optionsOf(config));
      for (const [i, f] of expected(`${name}.inv_freq`).data.entries())
        assert.ok(Math.abs(got[i]! / f - 1) < 1.2e-7, `${i}: got ${got[i]}, expected ${f}`);
    });

    test(`of ${name} have transformers' cosines and sines at positions up to 8191`, () => {
      const b = { ...trainingBuilder("g", 1, 1), positions: 8192 };
      const { cos, sin } = ropeTables(b, config.head_dim, optionsOf(config));
      for (const [part, value] of Object.entries({ cos, sin })) {
        const { data } = b.graph.constants.find((c) => c.value === value)!;
        const table = ndArray(value.shape as number[], data);
        const known = expected(`${name}.${part}`);
        for (const [row, position] of positions.entries())
          for (let i = 0; i < config.head_dim / 2 && position < 8192; i++) {
            const [x, y] = [at(table, [position, i]), at(known, [row, i])];
            assert.ok(Math.abs(x - y) < 3e-7, `${part} at position ${position}, ${i}: got ${x}, expected ${y}`);
          }
      }
    });
  }

  test("turn by one radian a token in the first pair and by theta^(-2i/D) in pair i", () => {
    const frequencies = ropeFrequencies(12, { theta: 10000 });
    for (const [i, f] of frequencies.entries()) assert.ok(Math.abs(f / 10000 ** (-i / 6) - 1) < 1e-6);
    assert.equal(frequencies[0], 1);
  });
});
