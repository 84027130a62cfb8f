import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { createWebHost } from "../../src/host/web.ts";
import { quantize } from "../../src/quantize/quantize.ts";
import type { Runtime } from "../../src/runtime/types.ts";
import { modelFolder } from "../generate/folders.ts";
import { type Fault, faultyHost } from "../helpers/faults.ts";
import { putFile } from "../helpers/weights.ts";

/** Nothing is compared here, so nothing is run. */
const NO_RUNTIME = undefined as unknown as Runtime;
const MODEL = "/model";
const OUT = "/out";

describe("quantising that fails at any operation", () => {
  const folder = modelFolder("llama");
  const hostWithModel = () => {
    const host = createWebHost();
    host.makeFolder(MODEL);
    for (const name of readdirSync(folder))
      putFile(host, host.join(MODEL, name), readFileSync(path.join(folder, name)));
    return host;
  };
  const run = (host: ReturnType<typeof createWebHost>) =>
    quantize(host, NO_RUNTIME, MODEL, { out: OUT, rounding: "search", noMeasure: true });

  for (const fault of ["error", "kill", "power", "full"] as const satisfies readonly Fault[])
    test(`${fault}: there is the whole model or none, and the next run makes it`, async () => {
      const clean = hostWithModel();
      await run(clean);
      const expected = clean.readBytes(`${OUT}/model.safetensors`);
      const counted = faultyHost(hostWithModel(), fault, Number.POSITIVE_INFINITY);
      await run(counted);
      for (let at = 1; at <= counted.operations(); at++) {
        const host = hostWithModel();
        let failed = false;
        await run(faultyHost(host, fault, at)).catch(() => {
          failed = true;
        });
        const isThere = host.kindOf(`${OUT}/model.safetensors`) !== undefined;
        if (isThere) {
          assert.deepEqual(host.readBytes(`${OUT}/model.safetensors`), expected, `operation ${at}`);
          assert.match(host.readText(`${OUT}/config.json`), /quantization_config/);
        } else assert.ok(failed, `operation ${at} did nothing and said nothing`);
        await run(host).catch((error) => assert.equal(error.code, "EXISTS", `operation ${at}: ${error}`));
        assert.deepEqual(host.readBytes(`${OUT}/model.safetensors`), expected, `operation ${at}`);
      }
    });

  test("what a killed run has left is no obstacle", async () => {
    const host = hostWithModel();
    await assert.rejects(run(faultyHost(host, "kill", 60)));
    await run(host);
    assert.deepEqual(
      host.listFolder(OUT).filter((name) => name.startsWith(".")),
      [],
    );
  });
});
