/** The functions a chat template finds, as transformers sets them up. */
import { bind, intArg, stringArg } from "./arguments.ts";
import { unsupported, wrong } from "./machine.ts";
import { strftime } from "./strftime.ts";
import {
  type Args,
  type Dict,
  dict,
  type Fn,
  iterate,
  type Key,
  kindOf,
  type Machine,
  newKey,
  str,
  textOf,
  typeName,
  type Value,
} from "./values.ts";

/** Jinja's sandbox allows no longer range. */
const LONGEST_RANGE = 100_000;

/** Variables every template starts with. */
export function globals(m: Machine): Map<string, Value> {
  const functions: Record<string, Fn["call"]> = {
    range: (args) => range(m, args),
    dict: (args) => dict(entriesOf(m, args, "dict")),
    namespace: (args) => {
      const entries = entriesOf(m, args, "namespace").map(([key, value]) => [memberName(key), value] as const);
      return { kind: "namespace", map: new Map(entries) };
    },
    cycler: (args) => cycler(m, args),
    joiner: (args) => joiner(m, args),
    lipsum: () => unsupported("lipsum"),
    raise_exception: (args) => wrong(str(m, bind(args, "raise_exception", ["message"])[0] ?? null)),
    strftime_now: (args) => {
      const format = stringArg(bind(args, "strftime_now", ["format"])[0], "strftime_now");
      m.fuel.room(format.length * 16);
      return m.fuel.text(strftime(m.now(), format));
    },
  };
  return new Map(Object.entries(functions).map(([name, call]) => [name, { kind: "function", name, call }]));
}

/** The name of a namespace's member; transformers refuses underscores in front. */
export function memberName(key: Key): string {
  if (typeof key !== "string") return unsupported("a namespace member whose name is no string");
  if (key.startsWith("_"))
    wrong(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${key}'.`);
  return key;
}

function range(m: Machine, args: Args): Value {
  if (args.named.size > 0) wrong("range() takes no keyword arguments");
  if (args.at.length < 1 || args.at.length > 3) wrong(`range expected 1 to 3 arguments, got ${args.at.length}`);
  const numbers = args.at.map((value) => intArg(value, "range"));
  const [start, stop] = numbers.length === 1 ? [0, numbers[0]!] : [numbers[0]!, numbers[1]!];
  const step = numbers[2] ?? 1;
  if (step === 0) wrong("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > LONGEST_RANGE) wrong(`Range too big. The sandbox blocks ranges larger than MAX_RANGE=${LONGEST_RANGE}.`);
  m.fuel.step(length / 8);
  const shown = step === 1 ? `range(${start}, ${stop})` : `range(${start}, ${stop}, ${step})`;
  return { kind: "view", name: "range", items: Array.from({ length }, (_, i) => start + i * step), shown };
}

/** What `dict(...)` is made of: a mapping or pairs, then names. */
function entriesOf(m: Machine, args: Args, name: string): [Key, Value][] {
  if (args.at.length > 1) wrong(`${name} expected at most 1 argument, got ${args.at.length}`);
  const [source] = args.at;
  const entries: [Key, Value][] = [];
  if (source !== undefined && kindOf(source) === "dict") entries.push(...(source as Dict).map);
  else if (source !== undefined)
    for (const pair of iterate(m, source)) {
      const items = iterate(m, pair);
      if (items.length !== 2) wrong(`dictionary update sequence element has length ${items.length}; 2 is required`);
      entries.push([newKey(items[0]!), items[1]!]);
    }
  m.fuel.step(entries.length);
  return [...entries, ...args.named];
}

function cycler(m: Machine, args: Args): Value {
  const items = args.at;
  if (args.named.size > 0) wrong("cycler() takes no keyword arguments");
  if (items.length === 0) wrong("at least one item has to be provided");
  let place = 0;
  const method = (name: string, call: () => Value): Fn => ({
    kind: "function",
    name,
    call: (given) => {
      m.fuel.step();
      bind(given, name, []);
      return call();
    },
  });
  return {
    kind: "function",
    name: "cycler",
    call: () => wrong("'Cycler' object is not callable"),
    get: (name) => {
      if (name === "current") return items[place % items.length];
      if (name === "next") return method("next", () => items[place++ % items.length]!);
      return name === "reset"
        ? method("reset", () => {
            place = 0;
            return null;
          })
        : undefined;
    },
  };
}

function joiner(m: Machine, args: Args): Value {
  const [separator = ", "] = bind(args, "joiner", ["sep"]);
  let used = false;
  return {
    kind: "function",
    name: "joiner",
    call: () => {
      m.fuel.step();
      const text = used ? separator : "";
      used = true;
      return textOf(text) ?? unsupported(`a joiner of type ${typeName(text)}`);
    },
  };
}
