/** Schemas by chance, over every keyword that can be honoured, for tests. */
import type { Rng } from "../../src/base/rng.ts";

type Json = Record<string, unknown>;

const NAMES = ["name", "age", "a b", 'quo"te', "ключ", "x", "y", "back\\slash"];
const TEXTS = ["red", "green", "", "line\nbreak", '"', "日本", "\\", "\u0001"];
const PATTERNS = [
  "^[a-z]{2,5}$",
  "\\d+",
  "^(foo|bar)?-[^\\w]$",
  "^(?!ab)[abc]{1,4}$",
  "^\\p{Lu}\\s?.$",
  "a|^b|c$",
  "^(?=.*\\d)[a-f0-9]{1,6}$",
];
const FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"];

/** A schema that may name `#/$defs/node`, which {@link randomSchema} defines. */
export function randomSchema(random: Rng): Json {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const chance = (part: number) => random.uniform() < part;
  const some = (keywords: Json, part = 0.4) => Object.fromEntries(Object.entries(keywords).filter(() => chance(part)));

  const numbers = (isInteger: boolean): Json => {
    const round = (x: number) => (isInteger ? Math.round(x) : Number(x.toPrecision(1 + random.below(8))));
    const low = round((random.uniform() - 0.5) * 10 ** random.below(7));
    const high = round(low + random.uniform() * 10 ** (random.below(8) - 2) + (isInteger ? 1 : 0));
    return {
      type: isInteger ? "integer" : "number",
      ...some(
        {
          [chance(0.5) ? "minimum" : "exclusiveMinimum"]: low,
          [chance(0.5) ? "maximum" : "exclusiveMaximum"]: high + (isInteger ? 2 : 1e-3),
        },
        0.6,
      ),
      ...(isInteger ? some({ multipleOf: 1 + random.below(12) }, 0.15) : {}),
    };
  };
  const strings = (): Json => {
    const min = random.below(4);
    const lengths = some({ minLength: min, maxLength: min + random.below(9) });
    if (chance(0.2)) return { type: "string", format: pick(FORMATS) };
    return chance(0.3) ? { type: "string", pattern: pick(PATTERNS) } : { type: "string", ...lengths };
  };
  const arrays = (depth: number): Json => {
    const min = random.below(3);
    const prefix = Array.from({ length: 1 + random.below(2) }, () => schema(depth + 1));
    return {
      type: "array",
      ...some({ items: schema(depth + 1) }, 0.9),
      ...some({ prefixItems: prefix }, 0.2),
      ...some({ minItems: min, maxItems: min + random.below(3) }),
    };
  };
  const objects = (depth: number): Json => {
    const names = NAMES.filter(() => chance(0.35));
    const properties = Object.fromEntries(names.map((name) => [name, schema(depth + 1)]));
    return {
      type: "object",
      properties,
      required: names.filter(() => chance(0.6)),
      ...some({ additionalProperties: chance(0.4) ? false : schema(depth + 1) }, 0.4),
      ...some({ minProperties: random.below(names.length + 1) }, 0.15),
      ...some({ maxProperties: names.length + random.below(2) }, 0.15),
      ...some({ patternProperties: { "^x_": schema(depth + 1) } }, 0.1),
      ...some({ propertyNames: { pattern: "^[^\\n]*$" } }, 0.1),
    };
  };
  const maps = (depth: number): Json => ({
    type: "object",
    additionalProperties: schema(depth + 1),
    ...some({ propertyNames: { enum: NAMES.slice(0, 3) }, maxProperties: 2 }, 0.3),
  });
  const tagged = (depth: number): Json => ({
    oneOf: ["one", "two", "three"].map((tag) => ({
      type: "object",
      properties: { tag: { const: tag }, value: schema(depth + 1) },
      required: ["tag"],
    })),
  });
  const leaf = (): Json => {
    const kinds = [
      () => numbers(true),
      () => numbers(false),
      strings,
      strings,
      () => ({ enum: [pick(TEXTS), pick(TEXTS), random.below(100), null, [1, "a"], { k: true }] }),
      () => ({ const: pick(TEXTS) }),
      () => ({ type: pick(["boolean", "null"]) }),
      () => ({ type: ["integer", "null"], minimum: random.below(9) }),
    ];
    return pick(kinds)();
  };
  const schema = (depth: number): Json => {
    if (depth > 2) return leaf();
    const kinds = [
      leaf,
      leaf,
      () => objects(depth),
      () => objects(depth),
      () => arrays(depth),
      () => maps(depth),
      () => tagged(depth),
      () => ({ anyOf: [schema(depth + 1), schema(depth + 1)] }),
      () => ({
        allOf: [objects(depth), { required: ["name"], properties: { name: { type: "string", maxLength: 5 } } }],
      }),
      () => ({ $ref: "#/$defs/node" }),
    ];
    return { ...pick(kinds)(), ...some({ title: "t", description: "words" }, 0.1) };
  };
  const node = {
    type: "object",
    properties: { value: leaf(), next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
    required: ["value"],
  };
  return { ...schema(0), $defs: { node } };
}
