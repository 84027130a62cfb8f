import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OwnlmError } from "../../src/base/errors.ts";
import { rng as seeded } from "../../src/base/rng.ts";
import { chatTemplate } from "../../src/tokenizer/chat-template.ts";
import { chats } from "./chat.ts";

const input = { messages: [{ role: "user", content: "x" }], now: new Date(2024, 1, 1) };
const render = (source: string) => chatTemplate(source, "t").render(input);

/** A loop of many rounds around a part. */
const many = (part: string, before = "") => `${before}{% for i in range(99999) %}${part}{% endfor %}`;
const big = "{% set s = 'a' * 4000000 %}";
const doubling = (join: string) =>
  `{% set ns = namespace(s='x', l=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s ${join} ns.s %}{% endfor %}`;

const endless: Record<string, string> = {
  "a range without end": "{% for i in range(10**9) %}x{% endfor %}",
  "loops in loops": many(many("{{ i }}")),
  "loops in loops of nothing": many(many("")),
  "doubled text": doubling("+"),
  "doubled text by ~": doubling("~"),
  "doubled lists": doubling("~").replaceAll("ns.s ~ ns.s", "ns.l + ns.l").replace("set ns.s", "set ns.l"),
  "endless recursion": "{% macro f(n) %}{{ f(n+1) }}{% endmacro %}{{ f(0) }}",
  "branching recursion": "{% macro f(n) %}{% if n < 60 %}{{ f(n+1) }}{{ f(n+1) }}{% endif %}{% endmacro %}{{ f(0) }}",
  "a recursive loop": "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
  "repeated text": "{{ 'x' * 10**12 }}",
  "repeated lists": "{{ [1] * 10**12 }}",
  "wide centring": "{{ 'x'.center(10**12) }}",
  "wide zeros": "{{ 'x'.zfill(10**12) }}",
  "a wide field": "{{ '{:>999999999999}'.format('x') }}",
  "a wide conversion": "{{ '%999999999999s' % 'x' }}",
  "deep indentation": "{{ 'x'|indent(10**12, true) }}",
  "deep JSON": "{{ [1]|tojson(indent=10**12) }}",
  "a long batch": "{{ [1]|batch(10**12, 0)|list }}",
  "many slices": "{{ [1]|slice(10**12)|list }}",
  "replacing everywhere": "{% set s = 'a' * 100000 %}{{ s.replace('', s) }}",
  "a long separator": "{{ ('x' * 100000).join(range(100000)|map('string')) }}",
  "nested lists": `${many("{% set ns.s = [ns.s] %}", "{% set ns = namespace(s=[]) %}")}{{ ns.s }}`,
  "shared lists":
    "{% set ns = namespace(s=[]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
  "a cycler": many(many("{{ c.next() }}"), "{% set c = cycler('a') %}"),
  "sorting again and again": many("{{ range(99999)|sort|list|length }}"),
  "unique values": "{{ range(99999)|unique|list|length }}",
  "searching again and again": many("{{ 'b' in s }}", big),
  "splitting again and again": many("{% set x = s.split() %}", "{% set s = 'a ' * 1000000 %}"),
  "measuring again and again": many("{% set x = s|length %}", big),
  "prefixes again and again": many("{% set x = s.startswith(s) %}", big),
  "trimming again and again": many("{% set x = s|trim %}", "{% set s = ' ' * 4000000 %}"),
  "classes again and again": many("{% set x = s.isalpha() %}", big),
  "long keys": many("{% set x = {s ~ i: 1}[s ~ i] %}", big),
  "capitals again and again": many("{% set x = s.upper() %}", "{% set s = 'ŉ' * 2000000 %}"),
  "tests again and again": many("{% if s is lower %}{% endif %}", big),
  "a long date": "{{ strftime_now('%c' * 1000000) }}",
  "long lists compared": many("{% if a == a[:] %}{% endif %}", "{% set a = [1] * 90000 %}"),
  "long lists reversed": many("{% set b = a[::-1] %}", "{% set a = [1] * 90000 %}"),
  "long lists copied": many("{% set b = a.copy() %}", "{% set a = [1] * 90000 %}"),
  "many arguments": "{{ range(*range(99999)) }}",
};
const deep: Record<string, string> = {
  parentheses: `{{ ${"(".repeat(50000)}1${")".repeat(50000)} }}`,
  lists: `{{ ${"[".repeat(50000)}`,
  nots: `{{ ${"not ".repeat(50000)}1 }}`,
  signs: `{{ ${"-".repeat(50000)}1 }}`,
  sums: `{{ ${"1+".repeat(50000)}1 }}`,
  members: `{{ a${".b".repeat(50000)} }}`,
  filters: `{{ 'a'${"|upper".repeat(50000)} }}`,
  choices: `{{ ${"1 if 0 else ".repeat(50000)}2 }}`,
  blocks: "{% if 1 %}".repeat(50000),
  braces: "{".repeat(100000),
  "open tags": "{{".repeat(100000),
  "open strings": `{{ '${"\\".repeat(100001)}`,
  "half a tag after blanks": `${" ".repeat(500000)}{% generation`,
  "half strings": `{{ '${"x".repeat(20)}`.repeat(20000),
};

function typed(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof OwnlmError && /^(BAD_CHAT|UNSUPPORTED)$/.test(error.code));
}

describe("hostile chat templates", () => {
  for (const [name, source] of Object.entries({ ...endless, ...deep }))
    test(`${name}: a typed error`, { timeout: 20_000 }, () => typed(() => render(source)));

  test("no expression reaches a host object", () => {
    const nothing = [
      "''.constructor",
      "[].constructor",
      "{}.constructor",
      "messages.constructor",
      "messages[0].__proto__",
      "''['constructor']",
      "'x'|attr('constructor')",
      "range.constructor",
      "range.call",
      "range.get",
      "cycler('a').constructor",
      "namespace().__proto__",
      "toString",
      "__proto__",
      "constructor",
      "hasOwnProperty",
      "process",
      "globalThis",
      "loop.constructor",
      "messages[0].items.bind",
      "(1).constructor",
      "true.valueOf",
      "''.__class__",
      "messages.kind",
      "messages.map",
      "messages.length",
    ];
    for (const expression of nothing) {
      const inLoop = `{% for x in [1] %}{{ ${expression} is defined }}{% endfor %}`;
      assert.equal(render(inLoop), "False", expression);
    }
    typed(() => render("{{ ''.__class__.__mro__ }}"));
    typed(() => render("{{ constructor.constructor('return process')() }}"));
    typed(() => render("{{ ''|constructor }}"));
    typed(() => render("{{ '' is toString }}"));
    typed(() => render("{% set ns = namespace() %}{% set ns.__proto__ = 1 %}"));
    assert.equal(render("{{ {'__proto__': 2, 'constructor': 3} }}"), "{'__proto__': 2, 'constructor': 3}");
  });

  test("damaged templates end in a text or a typed error", () => {
    const cases = Number(process.env.OWNLM_FUZZ_CASES ?? 5000);
    const rng = seeded(20260, "chat templates");
    const sources = [...Object.values(chats.templates), ...chats.snippets.map(([source]) => source)];
    const parts = [
      "{{",
      "}}",
      "{%",
      "%}",
      "{#",
      "#}",
      "-",
      "'",
      '"',
      "(",
      ")",
      "[",
      "]",
      "{",
      "}",
      "|",
      ".",
      ",",
      ":",
      "\\",
      "\n",
      " in ",
      " if ",
      "for",
      "end",
      "loop",
      "*",
      "9",
      "\ud83d",
      "messages",
      "range(9)",
    ];
    const pick = <T>(from: readonly T[]) => from[rng.below(from.length)]!;
    for (let i = 0; i < cases; i++) {
      let source = pick(sources);
      for (let edits = 1 + rng.below(3); edits > 0; edits--) {
        const at = rng.below(source.length + 1);
        source = source.slice(0, at) + (rng.below(2) ? pick(parts) : "") + source.slice(at + rng.below(4));
      }
      try {
        render(source);
      } catch (error) {
        assert.ok(
          error instanceof OwnlmError && error.code !== "BUG",
          `${JSON.stringify(source)}: ${(error as Error).stack}`,
        );
      }
    }
  });
});
