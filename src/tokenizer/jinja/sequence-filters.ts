/** Jinja's built-in filters of sequences and mappings. */
import { bind, intArg } from "./arguments.ts";
import type { Filter } from "./filters.ts";
import { unsupported, wrong } from "./machine.ts";
import { attribute } from "./methods.ts";
import { lengthOfValue, operate, subscript } from "./operators.ts";
import { pointsOf } from "./text.ts";
import {
  compare,
  type Dict,
  equal,
  isUndefined,
  iterate,
  kindOf,
  list,
  type Machine,
  missing,
  str,
  stream,
  textOf,
  truthy,
  tuple,
  typeName,
  type Value,
} from "./values.ts";

/** `value[key]`, or the attribute of that name, or an undefined value: what Jinja makes of a subscript. */
export function getItem(m: Machine, value: Value, key: Value): Value {
  if (isUndefined(value)) return wrong(value.hint);
  const item = subscript(m, value, key);
  if (item !== undefined) return item;
  const name = textOf(key);
  const found = name === undefined ? undefined : attribute(m, value, name);
  return found ?? missing(`'${typeName(value)} object' has no attribute '${name ?? str(m, key)}'`);
}

/** A getter for `attribute="a.b.0"`; without a name the value itself. */
function getter(m: Machine, name: Value | undefined, otherwise?: Value): (value: Value) => Value {
  if (name === undefined || name === null) return (value) => value;
  const parts = typeof name === "number" ? [name] : pathOf(str(m, name));
  return (value) => {
    let at = value;
    for (const part of parts) {
      at = getItem(m, at, part);
      if (isUndefined(at) && otherwise !== undefined && otherwise !== null) at = otherwise;
    }
    return at;
  };
}

const pathOf = (name: string) => name.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));

function lowered(value: Value): Value {
  const text = textOf(value);
  return text === undefined ? value : text.toLowerCase();
}

/** Sorted as Python sorts: stable, also backwards. */
function sorted<T>(m: Machine, items: readonly T[], key: (item: T) => Value, reverse: boolean): T[] {
  m.fuel.step(items.length * 2);
  const keyed = items.map((item) => ({ item, key: key(item) }));
  keyed.sort((a, b) => (reverse ? compare(m, b.key, a.key) : compare(m, a.key, b.key)));
  return keyed.map(({ item }) => item);
}

const items: (m: Machine, value: Value) => readonly Value[] = (m, value) => {
  const all = iterate(m, value);
  m.fuel.step(1 + all.length / 4);
  return all;
};

/** The test of `select` and its kin, and where its attribute is. */
function selecting(named: boolean, keep: boolean, name: string): Filter {
  return (m, value, { at, named: keywords }) => {
    if (named && at.length === 0) wrong("Missing parameter for attribute name");
    const get = named ? getter(m, at[0]) : (item: Value) => item;
    const [testName, ...rest] = named ? at.slice(1) : at;
    if (testName === undefined && keywords.size > 0) wrong(`${name}: unexpected keyword argument`);
    const holds = (item: Value) =>
      testName === undefined ? truthy(get(item)) : m.test(str(m, testName), get(item), { at: rest, named: keywords });
    if (!truthy(value)) return stream([]);
    return stream(items(m, value).filter((item) => holds(item) === keep));
  };
}

function extreme(name: "min" | "max"): Filter {
  return (m, value, args) => {
    const [caseSensitive = false, key] = bind(args, name, ["case_sensitive", "attribute"]);
    const get = getter(m, key);
    const keyOfItem = (item: Value) => (truthy(caseSensitive) ? get(item) : lowered(get(item)));
    const [first, ...rest] = items(m, value);
    if (first === undefined) return missing("No aggregated item, sequence was empty.");
    let best = first;
    for (const item of rest) {
      const order = compare(m, keyOfItem(item), keyOfItem(best), name === "min" ? "<" : ">");
      if (name === "min" ? order < 0 : order > 0) best = item;
    }
    return best;
  };
}

const lengthFilter: Filter = (m, value, args) => {
  bind(args, "length", []);
  return lengthOfValue(m, value) ?? wrong(`object of type '${typeName(value)}' has no len()`);
};

export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  length: lengthFilter,
  count: lengthFilter,
  list: (m, value, args) => {
    bind(args, "list", []);
    return list([...items(m, value)]);
  },
  first: (m, value, args) => {
    bind(args, "first", []);
    const all = iterate(m, value);
    if (kindOf(value) === "stream") (value as { items: readonly Value[] }).items = all.slice(1);
    return all[0] ?? (all.length > 0 ? null : missing("No first item, sequence was empty."));
  },
  last: (m, value, args) => {
    bind(args, "last", []);
    if (kindOf(value) === "stream") wrong("'generator' object is not reversible");
    const all = iterate(m, value);
    return all.at(-1) ?? (all.length > 0 ? null : missing("No last item, sequence was empty."));
  },
  reverse: (m, value, args) => {
    bind(args, "reverse", []);
    const text = textOf(value);
    if (text !== undefined) return m.fuel.text(pointsOf(text).reverse().join(""));
    return stream([...items(m, value)].reverse());
  },
  join: (m, value, args) => {
    const [separator = "", key] = bind(args, "join", ["d", "attribute"]);
    const get = getter(m, key);
    const mark = str(m, separator);
    const parts = items(m, value).map((item) => str(m, get(item)));
    m.fuel.room(parts.reduce((sum, part) => sum + part.length + mark.length, 0));
    return m.fuel.text(parts.join(mark));
  },
  items: (m, value, args) => {
    bind(args, "items", []);
    if (isUndefined(value)) return stream([]);
    if (kindOf(value) !== "dict") return wrong("Can only get item pairs from a mapping.");
    m.fuel.step((value as Dict).map.size);
    return stream([...(value as Dict).map].map(tuple));
  },
  dictsort: (m, value, args) => {
    const [caseSensitive = false, by = "key", reverse = false] = bind(args, "dictsort", [
      "case_sensitive",
      "by",
      "reverse",
    ]);
    if (isUndefined(value)) return wrong(value.hint);
    if (kindOf(value) !== "dict") return wrong(`'${typeName(value)} object' has no attribute 'items'`);
    if (by !== "key" && by !== "value") return wrong('You can only sort by either "key" or "value"');
    const at = by === "key" ? 0 : 1;
    const entries = [...(value as Dict).map];
    const key = (entry: readonly Value[]) => (truthy(caseSensitive) ? entry[at]! : lowered(entry[at]!));
    return list(sorted<readonly Value[]>(m, entries, key, truthy(reverse)).map(tuple));
  },
  sort: (m, value, args) => {
    const [reverse = false, caseSensitive = false, key] = bind(args, "sort", [
      "reverse",
      "case_sensitive",
      "attribute",
    ]);
    const names = typeof key === "string" ? key.split(",") : [key];
    const gets = names.map((name) => getter(m, name));
    const lower = (each: Value) => (truthy(caseSensitive) ? each : lowered(each));
    const keyOfItem = (item: Value) => list(gets.map((get) => lower(get(item))));
    return list(sorted(m, items(m, value), keyOfItem, truthy(reverse)));
  },
  unique: (m, value, args) => {
    const [caseSensitive = false, key] = bind(args, "unique", ["case_sensitive", "attribute"]);
    const get = getter(m, key);
    const seen: Value[] = [];
    const fresh = items(m, value).filter((item) => {
      const mark = truthy(caseSensitive) ? get(item) : lowered(get(item));
      if (kindOf(mark) === "list" || kindOf(mark) === "dict") wrong(`unhashable type: '${typeName(mark)}'`);
      if (seen.some((other) => equal(m, other, mark))) return false;
      seen.push(mark);
      return true;
    });
    return stream(fresh);
  },
  min: extreme("min"),
  max: extreme("max"),
  sum: (m, value, args) => {
    const [key, start = 0] = bind(args, "sum", ["attribute", "start"]);
    const get = getter(m, key);
    if (textOf(start) !== undefined) wrong("sum() can't sum strings [use ''.join(seq) instead]");
    return items(m, value).reduce((total, item) => operate(m, "+", total, get(item)), start);
  },
  groupby: (m, value, args) => {
    const [key = null, otherwise, caseSensitive = false] = bind(args, "groupby", [
      "attribute",
      "default",
      "case_sensitive",
    ]);
    const get = getter(m, key, otherwise);
    const lower = (each: Value) => (truthy(caseSensitive) ? each : lowered(each));
    const groups: { key: Value; shown: Value; items: Value[] }[] = [];
    for (const item of sorted(m, items(m, value), (each) => lower(get(each)), false)) {
      const mark = lower(get(item));
      const last = groups.at(-1);
      if (last && equal(m, last.key, mark)) last.items.push(item);
      else groups.push({ key: mark, shown: get(item), items: [item] });
    }
    return list(
      groups.map((group) => ({ kind: "tuple", items: [group.shown, list(group.items)], names: ["grouper", "list"] })),
    );
  },
  map: (m, value, { at, named }) => {
    if (at.length === 0 && named.has("attribute")) {
      const extra = [...named.keys()].find((name) => name !== "attribute" && name !== "default");
      if (extra !== undefined) wrong(`Unexpected keyword argument '${extra}'`);
      const get = getter(m, named.get("attribute"), named.get("default"));
      return stream(truthy(value) ? items(m, value).map(get) : []);
    }
    const [name, ...rest] = at;
    if (name === undefined) return wrong("map requires a filter argument");
    if (!truthy(value)) return stream([]);
    return stream(items(m, value).map((item) => m.filter(str(m, name), item, { at: rest, named })));
  },
  select: selecting(false, true, "select"),
  reject: selecting(false, false, "reject"),
  selectattr: selecting(true, true, "selectattr"),
  rejectattr: selecting(true, false, "rejectattr"),
  batch: (m, value, args) => {
    const [count, fill = null] = bind(args, "batch", ["linecount", "fill_with"]);
    const size = intArg(count, "batch");
    if (size < 1) return unsupported("batch with a count below 1");
    const all = items(m, value);
    const rows: Value[][] = [];
    for (let i = 0; i < all.length; i += size) rows.push(all.slice(i, i + size));
    const last = rows.at(-1);
    m.fuel.step(size);
    if (fill !== null && last) while (last.length < size) last.push(fill);
    return stream(rows.map(list));
  },
  slice: (m, value, args) => {
    const [count, fill = null] = bind(args, "slice", ["slices", "fill_with"]);
    const slices = intArg(count, "slice");
    if (slices < 1) return wrong("slice: the count must be at least 1");
    m.fuel.step(slices);
    const all = items(m, value);
    const each = Math.floor(all.length / slices);
    const longer = all.length % slices;
    const rows = Array.from({ length: slices }, (_, i) => {
      const start = i * each + Math.min(i, longer);
      const row = all.slice(start, start + each + (i < longer ? 1 : 0));
      return list(fill !== null && i >= longer ? [...row, fill] : row);
    });
    return stream(rows);
  },
};
