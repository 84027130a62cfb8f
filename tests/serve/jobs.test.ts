import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type OpenAI from "openai";
import { createLibrary } from "../../src/generate/library.ts";
import { host } from "../../src/host/node.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chatFolder, clientOf, serverOf } from "./servers.ts";

const lines = (records: readonly object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const said = (user: string, assistant: string) => ({
  messages: [
    { role: "user", content: user },
    { role: "assistant", content: assistant },
  ],
});
const CHATS = lines(Array.from({ length: 12 }, (_, i) => said(`the cat ${i}`, "the dog sat on the mat")));
const PAIRS = lines(
  Array.from({ length: 12 }, (_, i) => ({
    input: { messages: [{ role: "user", content: `the cat ${i}` }] },
    preferred_output: [{ role: "assistant", content: "sat on the mat" }],
    non_preferred_output: [{ role: "assistant", content: "was a dog" }],
  })),
);
const upload = (client: OpenAI, text: string, name = "data.jsonl") =>
  client.files.create({ file: new File([text], name), purpose: "fine-tune" });

/** The job when it is over. */
async function over(client: OpenAI, id: string) {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const job = await client.fineTuning.jobs.retrieve(id);
    if (!["queued", "running"].includes(job.status)) return job;
    assert.ok(waitedMs < 120_000, `still ${job.status}`);
    await sleep(50);
  }
}

describe("a server that tunes models on request", { skip: skipWithoutRuntime }, () => {
  const folder = chatFolder();

  test("takes files, lists them, gives them back and forgets them", async () => {
    const jobs = path.join(temporaryFolder(), "jobs");
    const client = clientOf(await serverOf(folder, { inProcess: true, jobs, maxFileBytes: 2048 }));
    const file = await upload(client, CHATS.slice(0, CHATS.indexOf("\n") + 1), "chats.jsonl");
    assert.deepEqual(
      [file.object, file.filename, file.purpose, file.status],
      ["file", "chats.jsonl", "fine-tune", "processed"],
    );
    assert.deepEqual(await client.files.retrieve(file.id), file);
    assert.deepEqual((await client.files.list()).data, [file]);
    assert.equal(await (await client.files.content(file.id)).text(), CHATS.slice(0, CHATS.indexOf("\n") + 1));
    assert.equal((await client.files.delete(file.id)).deleted, true);
    await assert.rejects(client.files.retrieve(file.id), { status: 404 });
    await assert.rejects(upload(client, "{}\nno json\n"), { status: 400, message: /file: line 2/ });
    await assert.rejects(upload(client, "\n"), { status: 400, message: /is empty/ });
    await assert.rejects(upload(client, `{"text": "${"a".repeat(4000)}"}\n`), { status: 413 });
    await assert.rejects(client.files.create({ file: new File(["{}"], "a"), purpose: "batch" }), {
      status: 400,
      message: /purpose/,
    });
    await assert.rejects(client.files.retrieve("../jobs"), { status: 404 });
  });

  test("tunes one job after the other; each becomes a model that answers as its adapter does, also after a restart", async () => {
    const jobs = path.join(temporaryFolder(), "jobs");
    const server = await serverOf(folder, { inProcess: true, jobs });
    const client = clientOf(server);
    const [chats, pairs] = [await upload(client, CHATS), await upload(client, PAIRS)];
    const first = await client.fineTuning.jobs.create({
      model: "tiny",
      training_file: chats.id,
      suffix: "cats",
      seed: 3,
      metadata: { of: "cats" },
      method: {
        type: "supervised",
        supervised: { hyperparameters: { n_epochs: 2, batch_size: 4, learning_rate_multiplier: 5 } },
      },
    });
    const second = await client.fineTuning.jobs.create({
      model: "tiny",
      training_file: pairs.id,
      validation_file: pairs.id,
      method: { type: "dpo", dpo: { hyperparameters: { n_epochs: 1, beta: 0.2 } } },
    });
    const third = await client.fineTuning.jobs.create({ model: "tiny", training_file: chats.id });
    assert.deepEqual([first.object, first.status, first.fine_tuned_model], ["fine_tuning.job", "queued", null]);
    assert.equal((await client.fineTuning.jobs.cancel(third.id)).status, "cancelled");
    await client.files.delete(chats.id);
    const [one, two] = [await over(client, first.id), await over(client, second.id)];
    assert.deepEqual([one.error, one.status, two.error, two.status], [null, "succeeded", null, "succeeded"]);
    assert.match(one.fine_tuned_model!, /^ft:tiny:ownlm:cats:[0-9a-f]{8}$/);
    assert.ok(one.trained_tokens! > 0 && one.finished_at! >= two.created_at);
    assert.deepEqual(
      (await client.fineTuning.jobs.list()).data.map(({ id }) => id),
      [third, second, first].map(({ id }) => id),
    );
    const events = (await client.fineTuning.jobs.listEvents(first.id, { limit: 100 })).data;
    assert.match(events[0]!.message, /has succeeded/);
    const losses = events.filter(({ message }) => /training loss/.test(message));
    assert.ok(losses.length > 0 && losses.every(({ type }) => type === "metrics"));
    const page = await client.fineTuning.jobs.listEvents(first.id, { limit: 2, after: events[0]!.id });
    assert.deepEqual(page.data, events.slice(1, 3));
    const marks = (await client.fineTuning.jobs.checkpoints.list(first.id)).data;
    assert.ok(marks.length > 0 && marks[0]!.step_number > 0 && marks[0]!.metrics.train_loss! > 0);
    const names = [one.fine_tuned_model!, two.fine_tuned_model!];
    assert.deepEqual(server.models, ["tiny", ...names]);
    const { generate } = createLibrary(host);
    const check = async (of: OpenAI) => {
      for (const [name, id] of [["tiny"], [names[0]!, first.id], [names[1]!, second.id]] as const) {
        const adapter = id === undefined ? undefined : [path.join(jobs, "jobs", id, "adapter")];
        const expected = await generate(folder, "the cat", {
          temperature: 0,
          maxNewTokens: 8,
          ...(adapter && { adapter }),
        });
        const made = await of.completions.create({ model: name!, prompt: "the cat", max_tokens: 8, temperature: 0 });
        assert.equal(made.choices[0]!.text, expected.text);
      }
    };
    await check(client);
    await server.close(100);
    const again = await serverOf(folder, { inProcess: true, jobs });
    assert.deepEqual(again.models, ["tiny", ...names]);
    const { data: listed } = await clientOf(again).fineTuning.jobs.list({ limit: 2 });
    assert.deepEqual(
      listed.map(({ id }) => id),
      [third.id, second.id],
    );
    await check(clientOf(again));
  });

  test("goes on with a job that was running when the server ended, with engines in processes of their own, and tells a run that fails", async () => {
    const jobs = path.join(temporaryFolder(), "jobs");
    const server = await serverOf(folder, { jobs });
    const client = clientOf(server);
    const file = await upload(client, CHATS);
    const job = await client.fineTuning.jobs.create({ model: "tiny", training_file: file.id });
    await server.close(100);
    const after = clientOf(await serverOf(folder, { jobs }));
    assert.equal((await over(after, job.id)).status, "succeeded");
    const { data } = await after.models.list();
    assert.deepEqual(
      data.map((model) => (model as { parent?: string }).parent),
      [undefined, "tiny"],
    );
    const made = await after.completions.create({ model: data[1]!.id, prompt: "the", max_tokens: 2 });
    assert.equal(made.choices.length, 1);
    const bad = await upload(after, '{"nothing": "of use"}\n');
    const failed = await over(after, (await after.fineTuning.jobs.create({ model: "tiny", training_file: bad.id })).id);
    assert.deepEqual([failed.status, failed.error!.code], ["failed", "bad_data"]);
    assert.ok(!failed.error!.message.includes(jobs), failed.error!.message);
  });

  test("refuses what it cannot do, by the field", async () => {
    const jobs = path.join(temporaryFolder(), "jobs");
    const client = clientOf(await serverOf(folder, { inProcess: true, jobs }));
    const file = await upload(client, CHATS);
    const create = (body: object) => client.fineTuning.jobs.create({ model: "tiny", training_file: file.id, ...body });
    for (const [body, status, param] of [
      [{ model: "none" }, 404, "model"],
      [{ training_file: "file-1" }, 404, "file"],
      [{ hyperparameters: { n_epochs: 0 } }, 400, "hyperparameters.n_epochs"],
      [{ hyperparameters: { epochs: 1 } }, 400, "hyperparameters"],
      [{ method: { type: "reinforcement" } }, 400, "method.type"],
      [{ method: { type: "dpo", dpo: { hyperparameters: { beta: "much" } } } }, 400, "method.dpo.hyperparameters.beta"],
      [{ suffix: "a/b" }, 400, "suffix"],
      [{ integrations: [{ type: "wandb", wandb: { project: "p" } }] }, 400, "integrations"],
      [{ sufix: "a" }, 400, "sufix"],
    ] as const)
      await assert.rejects(create(body), { status, param });
    await assert.rejects(client.fineTuning.jobs.retrieve("ftjob-1"), { status: 404 });
    await assert.rejects(serverOf(folder, { inProcess: true, jobs }), { code: "LOCKED" });
    const without = clientOf(await serverOf(folder, { inProcess: true }));
    await assert.rejects(without.fineTuning.jobs.list(), { status: 404, message: /--jobs DIR/ });
  });
});
