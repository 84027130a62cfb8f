import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bfloat16ToFloat32, float16ToFloat32, toFloat32 } from "../../src/base/dtypes.ts";

describe("16-bit floats in bulk", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  for (const [dtype, one] of [
    ["float16", float16ToFloat32],
    ["bfloat16", bfloat16ToFloat32],
  ] as const)
    test(`every ${dtype} widens as it does alone, zeros with their signs`, () => {
      toFloat32(dtype, all).forEach((value, bits) => {
        assert.ok(Object.is(value, one(bits)), `${bits}: ${value}, expected ${one(bits)}`);
      });
    });
});
