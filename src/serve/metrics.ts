/** Counts and times in Prometheus's text format. Knows no request. */

type Labels = Readonly<Record<string, string | number>>;

/** A number that only grows, by labels. */
export interface Counter {
  add(labels?: Labels, amount?: number): void;
}

/** How often values fell below each bound. */
export interface Histogram {
  observe(value: number): void;
}

/** Metrics that are shown together. */
export interface Registry {
  counter(name: string, help: string): Counter;
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** A number that is asked for when it is shown. */
  gauge(name: string, help: string, read: () => Promise<readonly (readonly [Labels, number])[]>): void;
  /** The exposition, in text format 0.0.4. */
  text(): Promise<string>;
}

/** An empty registry; all names begin with `prefix`. */
export function createRegistry(prefix: string): Registry {
  const shown: (() => Promise<string> | string)[] = [];
  const head = (name: string, help: string, type: string) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  return {
    counter(shortName, help) {
      const name = `${prefix}${shortName}`;
      const counts = new Map<string, number>();
      shown.push(() => head(name, help, "counter") + [...counts].map(([key, n]) => `${name}${key} ${n}\n`).join(""));
      return {
        add(labels = {}, amount = 1) {
          const key = labelText(labels);
          counts.set(key, (counts.get(key) ?? 0) + amount);
        },
      };
    },
    histogram(shortName, help, bounds) {
      const name = `${prefix}${shortName}`;
      const counts = bounds.map(() => 0);
      let [sum, count] = [0, 0];
      shown.push(() => {
        const rows = bounds.map((bound, i) => `${name}_bucket{le="${bound}"} ${counts[i]}\n`).join("");
        return `${head(name, help, "histogram")}${rows}${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sum}\n${name}_count ${count}\n`;
      });
      return {
        observe(value) {
          sum += value;
          count++;
          for (const [i, bound] of bounds.entries()) if (value <= bound) counts[i]!++;
        },
      };
    },
    gauge(shortName, help, read) {
      const name = `${prefix}${shortName}`;
      shown.push(async () => {
        const rows = (await read()).map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
        return head(name, help, "gauge") + rows.join("");
      });
    },
    async text() {
      return (await Promise.all(shown.map((show) => show()))).join("");
    },
  };
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (value: string) => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
