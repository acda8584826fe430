import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SWITCHES, type Switch, type SwitchRecord } from "../core/switch.ts";
import { canonical, GENESIS, type Head, type LedgerRecord } from "./record.ts";
import { damaged } from "./segment.ts";
import { fromSystem } from "./storage-fault.ts";

const NAME = "switches.jsonl";

export interface SwitchLogOptions {
  /** The state directory. */
  readonly state: string;
  /** Where the journal ends now. */
  readonly head: () => Head;
  readonly now: () => number;
}

/**
 * Who halted, resumed and accepted the clock: a chain of its own beside the journal, whose records are all of requests. Each
 * line names the journal's last record of its time, so that both can be told as one story.
 */
export function openSwitchLog({ state, head, now }: SwitchLogOptions) {
  const path = join(state, NAME);
  let last: Promise<void> = Promise.resolve();

  async function append(what: Switch, by: string): Promise<void> {
    const { whole, lines } = await read(path);
    const before = lines.at(-1);
    const { seq, hash } = head();
    const rest = {
      n: lines.length + 1,
      switch: what,
      by,
      at: new Date(now()).toISOString(),
      journal: { seq, hash },
      prev: before === undefined ? GENESIS : (recordIn(before)?.hash ?? sha256(before)),
    };
    const file = await open(path, "a+", 0o600);
    try {
      // What stands behind the last whole line was cut off while it was written, and nobody was told of it.
      await file.truncate(whole);
      await file.writeFile(`${canonical({ ...rest, hash: sha256(canonical(rest)) })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (before === undefined) await syncFolder(state);
  }

  return {
    /** Durable once it resolves; one after the other. Rejects with `storage_failed`. */
    record(what: Switch, by: string): Promise<void> {
      const mine = last
        .then(() => append(what, by))
        .catch((error: unknown) => Promise.reject(fromSystem(error)));
      last = mine.catch(() => {});
      return mine;
    },
  };
}

/** All that were recorded, oldest first. Rejects with `journal_damaged`. */
export async function readSwitches(state: string): Promise<readonly SwitchRecord[]> {
  const { lines } = await read(join(state, NAME));
  return lines.map((line, at) => {
    const record = recordIn(line);
    if (record === null) throw damaged(NAME, at + 1, "this is not a record, or its hash does not match");
    return record;
  });
}

/** What is wrong with them, in sentences: with each one, with their chain, and with what they say of the journal. */
export async function verifySwitches(
  state: string,
  journal: () => AsyncIterable<LedgerRecord>,
): Promise<string[]> {
  const { lines } = await read(join(state, NAME));
  const wrong: string[] = [];
  const told = new Map<number, { readonly hash: string; readonly where: string }[]>();
  let prev = GENESIS;
  for (const [at, line] of lines.entries()) {
    const where = `${NAME}:${at + 1}`;
    const record = recordIn(line);
    if (record === null) wrong.push(`${where}: this is not a record, or its hash does not match`);
    else {
      if (record.prev !== prev || record.n !== at + 1)
        wrong.push(`${where}: it does not continue the line before`);
      const { seq, hash } = record.journal;
      if (seq > 0) told.set(seq, [...(told.get(seq) ?? []), { hash, where }]);
    }
    prev = record?.hash ?? sha256(line);
  }
  if (told.size === 0) return wrong;
  for await (const { seq, hash } of journal()) {
    for (const one of told.get(seq) ?? []) {
      if (one.hash !== hash)
        wrong.push(`${one.where}: the journal's record ${seq} is not the one of that time`);
    }
    told.delete(seq);
  }
  for (const [seq, [one]] of told) wrong.push(`${one?.where}: the journal's record ${seq} is gone`);
  return wrong;
}

/** The whole lines, and where the last of them ends, in bytes. */
async function read(path: string): Promise<{ whole: number; lines: readonly string[] }> {
  try {
    const bytes = await readFile(path);
    const whole = bytes.lastIndexOf(0x0a) + 1;
    return { whole, lines: whole === 0 ? [] : bytes.toString("utf8", 0, whole - 1).split("\n") };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { whole: 0, lines: [] };
    throw error;
  }
}

function recordIn(line: string): SwitchRecord | null {
  try {
    const { hash, ...rest } = JSON.parse(line) as SwitchRecord;
    const isOurs = SWITCHES.includes(rest.switch) && hash === sha256(canonical(rest));
    // The very bytes that were written, and no others that amount to the same.
    return isOurs && line === canonical({ ...rest, hash }) ? { ...rest, hash } : null;
  } catch {
    return null;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
