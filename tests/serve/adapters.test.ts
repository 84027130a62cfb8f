import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { createLibrary } from "../../src/generate/library.ts";
import { merge } from "../../src/generate/merge.ts";
import { host } from "../../src/host/node.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { randomAdapter } from "../helpers/adapters.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

describe("a server of one model with adapters", { skip: skipWithoutRuntime }, () => {
  const folder = chatFolder();
  const adapters = ["a", "b"].map((name, i) =>
    randomAdapter(path.join(temporaryFolder(), name), folder, { targets: ["q_proj", "up_proj"] }, i),
  );
  const textOf = async (client: ReturnType<typeof clientOf>, model: string) => {
    const made = await client.completions.create({ model, prompt: "the cat sat", max_tokens: 12, temperature: 0 });
    return made.choices[0]!.text;
  };

  for (const [says, settings] of [
    ["in one batch", { slots: 4, inProcess: true }],
    ["one after the other", { slots: 1, inProcess: true }],
    ["in a process of its own", { slots: 4 }],
  ] as const)
    test(`answers by the adapter's name as the merged model does: ${says}`, async () => {
      const merged: string[] = [];
      for (const adapter of adapters) {
        const out = path.join(temporaryFolder(), "merged");
        await merge(host, folder, [adapter], { out });
        merged.push(await textOf(clientOf(await serverOf(out, { inProcess: true })), "tiny"));
      }
      const plain = await textOf(clientOf(await serverOf(folder, { inProcess: true })), "tiny");
      const server = await serverOf(folder, { ...settings, adapter: [adapters[0]!, `other=${adapters[1]!}`] });
      assert.deepEqual(server.models, ["tiny", "a", "other"]);
      const client = clientOf(server);
      const names = ["tiny", "a", "other", "a", "tiny", "other"];
      const texts = await Promise.all(names.map((name) => textOf(client, name)));
      assert.deepEqual(texts, [plain, merged[0], merged[1], merged[0], plain, merged[1]]);
    });

  test("lists them beside their model, and answers as ownlm generate does, mixed or alone, with nothing known of one for another", async () => {
    const server = await serverOf(folder, { slots: 4, inProcess: true, adapter: adapters });
    const client = clientOf(server);
    const { data } = await client.models.list();
    assert.deepEqual(
      data.map((model) => [model.id, (model as { parent?: string }).parent]),
      [
        ["tiny", undefined],
        ["a", "tiny"],
        ["b", "tiny"],
      ],
    );
    assert.equal(((await client.models.retrieve("b")) as { parent?: string }).parent, "tiny");
    const { generate } = createLibrary(host);
    const expected = new Map<string, string>();
    for (const name of ["tiny", "a", "b"]) {
      const adapter = name === "tiny" ? undefined : [adapters[name === "a" ? 0 : 1]!];
      const options = { temperature: 0, maxNewTokens: 12, ...(adapter && { adapter }) };
      expected.set(name, (await generate(folder, "the cat sat", options)).text);
    }
    assert.equal(new Set(expected.values()).size, 3, "adapters that change nothing show nothing");
    for (const name of ["tiny", "a", "b"]) {
      const alone = await client.completions.create({
        model: name,
        prompt: "the cat sat",
        max_tokens: 12,
        temperature: 0,
      });
      assert.equal(alone.choices[0]!.text, expected.get(name));
      assert.equal(alone.usage!.prompt_tokens_details!.cached_tokens, 0);
    }
    const mixed = ["b", "tiny", "a", "b", "a", "tiny", "b"];
    const texts = await Promise.all(mixed.map((name) => textOf(client, name)));
    assert.deepEqual(
      texts,
      mixed.map((name) => expected.get(name)),
    );
  });

  test("refuses adapters of several models, and names twice", async () => {
    await assert.rejects(serverOf(folder, { adapter: [`tiny=${adapters[0]}`] }), {
      code: "BAD_OPTION",
      message: /tiny is the model's name too/,
    });
  });
});
