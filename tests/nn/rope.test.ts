import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { type RopeOptions, ropeFrequencies, ropeTables } from "../../src/nn/rope.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { golden } from "../helpers/paths.ts";
import { at, ndArray } from "../helpers/reference-array.ts";
import { readArray } from "../helpers/reference-models.ts";

const file = readSafetensors(host, golden("models", "rope.safetensors"));
const expected = (name: string) => readArray(file.tensors.get(name)!);
const positions = [...expected("positions").data];

interface GoldenRope {
  readonly head_dim: number;
  readonly rope_type: string;
  readonly rope_theta: number;
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

const ropes = JSON.parse(file.metadata.get("ropes")!) as Record<string, GoldenRope>;

function optionsOf(c: GoldenRope): RopeOptions {
  const theta = c.rope_theta;
  if (c.rope_type === "linear") return { theta, scaling: { kind: "linear", factor: c.factor } };
  if (c.rope_type !== "llama3") return { theta };
  const llama3 = {
    factor: c.factor,
    lowFreqFactor: c.low_freq_factor,
    highFreqFactor: c.high_freq_factor,
    originalMaxPositionEmbeddings: c.original_max_position_embeddings,
  };
  return { theta, scaling: { kind: "llama3", llama3 } };
}

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
