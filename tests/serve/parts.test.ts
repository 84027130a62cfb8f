import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { createChannel } from "../../src/serve/channel.ts";
import { faultOf } from "../../src/serve/faults.ts";
import { createGuard, hostsOf } from "../../src/serve/guard.ts";
import { createLine } from "../../src/serve/line.ts";
import { merged } from "../../src/serve/merge.ts";
import { createRegistry } from "../../src/serve/metrics.ts";
import { createPace } from "../../src/serve/pace.ts";

describe("a line", () => {
  test("serves clients in turn, and each one's own in order", () => {
    const line = createLine<string>(10);
    for (const item of ["a1", "a2", "a3", "b1", "c1", "b2"]) line.push(item[0]!, item);
    const served = Array.from({ length: 7 }, () => line.next());
    assert.deepEqual(served, ["a1", "b1", "c1", "a2", "b2", "a3", undefined]);
  });

  test("turns away who comes when it is full, but not who belongs to somebody in it", () => {
    const line = createLine<number>(1);
    line.push("a", 1);
    assert.throws(() => line.push("b", 2), { code: "BUSY" });
    line.push("a", 3, true);
    assert.equal(line.length, 2);
    assert.deepEqual(
      line.remove((item) => item === 1),
      [1],
    );
    assert.deepEqual([line.length, line.next(), line.next()], [1, 3, undefined]);
  });

  test("keeps each client waiting for at most one item of every other", () => {
    const clients = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 40 });
    fc.assert(
      fc.property(clients, (given) => {
        const line = createLine<string>(100);
        for (const client of given) line.push(client, client);
        const served = given.map(() => line.next()!);
        assert.deepEqual([...served].sort(), [...given].sort());
        const kinds = new Set(given).size;
        for (const [i, client] of served.entries()) {
          const again = served.indexOf(client, i + 1);
          if (again > 0) assert.ok(again - i <= kinds);
        }
      }),
    );
  });
});

describe("the pace of prompts", () => {
  test("reads much where nobody writes, within 400 ms", () => {
    const pace = createPace();
    pace.read(100, 100);
    assert.equal(pace.tokensToRead(1000, 1, false), 400);
    for (let i = 0; i < 50; i++) pace.read(100, 1);
    assert.equal(pace.tokensToRead(1000, 1, false), 512);
  });

  test("reads a little with every step where that costs little", () => {
    const pace = createPace();
    pace.read(100, 100);
    pace.wrote(50);
    assert.equal(pace.tokensToRead(1000, 1, true), 20);
  });

  test("else holds up one step in 21, or more where more prompts wait", () => {
    const pace = createPace();
    const write = (steps: number) => {
      for (let i = 0; i < steps; i++) pace.wrote(4);
    };
    pace.read(100, 100);
    write(20);
    assert.equal(pace.tokensToRead(1000, 1, true), 0);
    write(1);
    assert.equal(pace.tokensToRead(1000, 1, true), 84);
    pace.read(100, 100);
    write(2);
    assert.equal(pace.tokensToRead(1000, 3, true), 0);
    write(1);
    assert.equal(pace.tokensToRead(1000, 3, true), 84);
  });

  test("holds nobody up for long where the prompt is read in one go", () => {
    const pace = createPace();
    pace.wrote(4);
    pace.read(100, 100);
    assert.equal(pace.tokensToRead(50, 1, true), 0);
    pace.wrote(4);
    assert.equal(pace.tokensToRead(50, 1, true), 50);
  });
});

describe("generators as one", () => {
  async function* counting(to: number) {
    for (let i = 0; i < to; i++) yield i;
    return to;
  }

  test("give all values and endings of each", async () => {
    const seen: unknown[] = [];
    for await (const event of merged([counting(2), counting(0), counting(1)], () => {})) seen.push(event);
    assert.equal(seen.length, 6);
    assert.ok(seen.some((event) => JSON.stringify(event) === '{"index":1,"ending":0}'));
  });

  test("are stopped where their reader leaves", async () => {
    let stopped = 0;
    const events = merged([counting(5), counting(5)], () => stopped++);
    await events.next();
    await events.return();
    assert.equal(stopped, 1);
  });
});

test("a channel tells its writer that the reader left, before the first value too", async () => {
  let left = 0;
  const early = createChannel<number, string>(() => left++);
  await early.values.return("x");
  const late = createChannel<number, string>(() => left++);
  late.push(1);
  late.end("done");
  assert.deepEqual(await late.values.next(), { value: 1, done: false });
  assert.deepEqual(await late.values.next(), { value: "done", done: true });
  await late.values.return("x");
  assert.equal(left, 1);
});

describe("faults", () => {
  test("name the field in OpenAI's words", () => {
    const { status, body } = faultOf(new OwnlmError("BAD_OPTION", "maxNewTokens: got 0, expected more"));
    assert.equal(status, 400);
    assert.deepEqual(body.error, {
      message: "max_tokens: got 0, expected more",
      type: "invalid_request_error",
      param: "max_tokens",
      code: "invalid_value",
    });
  });

  test("of ours tell nothing of the inside", () => {
    const { status, body } = faultOf(new TypeError("secret is not a function at /home/someone"));
    assert.equal(status, 500);
    assert.doesNotMatch(JSON.stringify(body), /secret|someone/);
  });
});

describe("the guard", () => {
  const request = (url: string, headers: Record<string, string> = {}) => new Request(url, { headers });

  test("on a loopback address knows its own names only", () => {
    const guard = createGuard({ hosts: hostsOf("127.0.0.1", ["box.lan"]), origins: [], keys: [] });
    for (const name of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "BOX.lan"])
      guard.checkPlace(request(`http://${name}/`));
    for (const name of ["evil.com", "127.0.0.1.evil.com", "localhost.evil.com"])
      assert.throws(() => guard.checkPlace(request(`http://${name}/`)), { status: 403 }, name);
  });

  test("lets pages of its own and of named origins ask", () => {
    const guard = createGuard({ hosts: hostsOf("127.0.0.1", []), origins: ["https://app.example"], keys: [] });
    const from = (origin: string) => guard.checkPlace(request("http://localhost:80/", { origin }));
    from("http://localhost");
    from("https://app.example");
    for (const origin of ["http://evil.com", "null", "http://localhost:81", "https://app.example.evil.com"])
      assert.throws(() => from(origin), { status: 403 }, origin);
  });

  test("asks for one of the keys, as a whole", () => {
    const guard = createGuard({ hosts: undefined, origins: [], keys: ["one", "two"] });
    const show = (authorization: string) => guard.checkKey(request("http://x/", { authorization }));
    show("Bearer one");
    show("bearer two");
    for (const wrong of ["", "one", "Bearer", "Bearer on", "Bearer onetwo", "Basic one"])
      assert.throws(() => show(wrong), { status: 401 }, wrong);
  });

  test("on all addresses answers to any name, unless names are given", () => {
    assert.equal(hostsOf("0.0.0.0", []), undefined);
    assert.ok(hostsOf("0.0.0.0", ["a.example"])!.includes("a.example"));
  });
});

test("metrics are in Prometheus's text format", async () => {
  const registry = createRegistry("x_");
  const counter = registry.counter("seen_total", "Seen.");
  counter.add({ path: 'a"b\n' });
  counter.add({ path: 'a"b\n' }, 2);
  registry.histogram("took", "Took.", [1, 2]).observe(1.5);
  registry.gauge("now", "Now.", async () => [[{}, 4]]);
  assert.equal(
    await registry.text(),
    [
      "# HELP x_seen_total Seen.",
      "# TYPE x_seen_total counter",
      'x_seen_total{path="a\\"b\\n"} 3',
      "# HELP x_took Took.",
      "# TYPE x_took histogram",
      'x_took_bucket{le="1"} 0',
      'x_took_bucket{le="2"} 1',
      'x_took_bucket{le="+Inf"} 1',
      "x_took_sum 1.5",
      "x_took_count 1",
      "# HELP x_now Now.",
      "# TYPE x_now gauge",
      "x_now 4",
      "",
    ].join("\n"),
  );
});
