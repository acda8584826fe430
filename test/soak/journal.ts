import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "./world.ts";

/** A record of the journal, read without the help of the program that wrote it. */
export interface Recorded {
  readonly id: string;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Where the decision was read; null for what is none. */
  readonly via: string | null;
  readonly told: string;
}

/** Reads on from where it was, since a long soak's journal is long. */
export function followJournal({ places }: World): () => ReadonlyMap<string, readonly Recorded[]> {
  const folder = join(places.state, "journal");
  const read = new Map<string, number>();
  const byId = new Map<string, Recorded[]>();

  function take(name: string): void {
    const text = readFileSync(join(folder, name));
    const from = read.get(name) ?? 0;
    // A last record may be on its way.
    const end = text.lastIndexOf("\n") + 1;
    if (end <= from) return;
    read.set(name, end);
    const lines = text.toString("utf8", from, end).split("\n");
    for (const line of lines.filter((one) => one.startsWith('{"event":'))) {
      const { id, event } = JSON.parse(line);
      const { at, type, decision, detail, error } = event;
      const via = decision?.via ?? null;
      const told = `${at} ${type}${via === null ? "" : ` (${via})`}${(detail ?? error) ? `: ${detail ?? error}` : ""}`;
      byId.set(id, [...(byId.get(id) ?? []), { id, type, at: Date.parse(at), via, told }]);
    }
  }

  return () => {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl")) : [];
    for (const name of names.sort()) take(name);
    return byId;
  };
}
