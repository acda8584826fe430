/** One measured figure. */
export interface Row {
  readonly section: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The 99th percentile, where the value is the median of many. */
  readonly p99?: number;
  /** How many measurements stand behind it. */
  readonly count?: number;
  /** In words, such as `≤ 80 ms`, and whether it was met. A missed target is only marked. */
  readonly target?: { readonly text: string; readonly met: boolean };
}

export interface Report {
  readonly rows: readonly Row[];
  /** Adds one figure. */
  add(section: string, name: string, value: number, unit: string, more?: Partial<Row>): void;
  /** Adds the median and 99th percentile of many measurements; gives the median. */
  spread(section: string, name: string, values: readonly number[], more?: Partial<Row>): number;
}

export function createReport(): Report {
  const rows: Row[] = [];
  return {
    rows,
    add(section, name, value, unit, more = {}) {
      rows.push({ section, name, value, unit, ...more });
    },
    spread(section, name, values, more = {}) {
      const value = median(values);
      rows.push({
        section,
        name,
        value,
        unit: "ms",
        p99: percentile(values, 0.99),
        count: values.length,
        ...more,
      });
      return value;
    },
  };
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function atMost(value: number, limit: number, text: string): Pick<Row, "target"> {
  return { target: { text, met: value <= limit } };
}

export function atLeast(value: number, limit: number, text: string): Pick<Row, "target"> {
  return { target: { text, met: value >= limit } };
}

/** All rows for a terminal, section by section. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines: string[] = [];
  let section = "";
  for (const row of rows) {
    if (row.section !== section) {
      section = row.section;
      lines.push("", section, "");
    }
    const spread = row.p99 === undefined ? "" : `p99 ${figure(row.p99)}`;
    const count = row.count === undefined ? "" : `n ${row.count}`;
    const target = row.target === undefined ? "" : `${row.target.met ? "pass" : "MISS"}  ${row.target.text}`;
    const cells = [
      `  ${row.name.padEnd(width)}`,
      figure(row.value).padStart(9),
      row.unit.padEnd(9),
      spread.padEnd(12),
      count.padEnd(8),
      target,
    ];
    lines.push(cells.join(" ").trimEnd());
  }
  return lines.join("\n");
}

function figure(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
