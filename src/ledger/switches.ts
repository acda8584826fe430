import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
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
  /** Is given the newest link, once it is on the disk, for the journal to name. */
  readonly nameLink: (hash: string) => void;
  readonly now: () => number;
}

/**
 * Who halted, resumed and accepted the clock: a chain of its own beside the journal, whose records are all of requests. Each
 * line names the journal's last record of its time, so that both can be told as one story, and the journal's next record
 * names the line.
 */
export function openSwitchLog({ state, head, now, nameLink }: SwitchLogOptions) {
  const path = join(state, NAME);
  let last: Promise<void> = Promise.resolve();
  // No record may have come behind it before the daemon ended.
  const newest = newestLine(path);
  if (newest !== undefined) nameLink(linkOf(newest));

  async function append(what: Switch, by: string): Promise<void> {
    const { whole, lines } = await read(path);
    const before = lines.at(-1);
    const journal = head();
    const rest = {
      n: lines.length + 1,
      switch: what,
      by,
      at: new Date(now()).toISOString(),
      journal: { seq: journal.seq, hash: journal.hash },
      prev: before === undefined ? GENESIS : linkOf(before),
    };
    const hash = sha256(canonical(rest));
    const file = await open(path, "a+", 0o600);
    try {
      // What stands behind the last whole line was cut off while it was written, and nobody was told of it.
      await file.truncate(whole);
      await file.writeFile(`${canonical({ ...rest, hash })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    if (before === undefined) await syncFolder(state);
    nameLink(hash);
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
    read: () => readSwitches(state),
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

/**
 * What is wrong with them, in sentences: with each one, with their chain, with what they say of the journal and it of
 * them, and with whether all is halted now.
 */
export async function verifySwitches(
  state: string,
  isHalted: () => boolean,
  journal: () => AsyncIterable<LedgerRecord>,
): Promise<string[]> {
  const { wrong, told } = walk((await read(join(state, NAME))).lines);
  const named: { readonly seq: number; readonly link: string }[] = [];
  for await (const { seq, hash, link } of journal()) {
    if (link !== undefined) named.push({ seq, link });
    for (const one of told.get(seq) ?? []) {
      if (one.hash !== hash)
        wrong.push(`${one.where}: the journal's record ${seq} is not the one of that time`);
    }
    told.delete(seq);
  }
  for (const [seq, [one]] of told) wrong.push(`${one?.where}: the journal's record ${seq} is gone`);
  // Read again, because a daemon that runs may have added what the journal's last records name.
  const { links, said } = walk((await read(join(state, NAME))).lines);
  const gone = named.find(({ link }) => !links.has(link));
  if (gone !== undefined) wrong.push(`${NAME}: the line that the journal's record ${gone.seq} names is gone`);
  const halted = isHalted();
  if (halted !== (said === "halted")) {
    wrong.push(
      `${NAME}: executions are ${halted ? "" : "not "}halted, and its last word on that is otherwise`,
    );
  }
  return wrong;
}

/** Goes from line to line, and gives what can be told by them alone. */
function walk(lines: readonly string[]) {
  const wrong: string[] = [];
  const links = new Set<string>();
  /** By the number of a journal's record, what they say of it. */
  const told = new Map<number, { readonly hash: string; readonly where: string }[]>();
  let said: Switch = "resumed";
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
      if (record.switch !== "clock_accepted") said = record.switch;
    }
    prev = linkOf(line);
    links.add(prev);
  }
  return { wrong, links, told, said };
}

/** What the line behind this one is chained to, damaged or not. */
function linkOf(line: string): string {
  return recordIn(line)?.hash ?? sha256(line);
}

function newestLine(path: string): string | undefined {
  try {
    return linesIn(readFileSync(path)).lines.at(-1);
  } catch {
    // Where there is no such file yet, or none that can be read, the next switch says so.
    return undefined;
  }
}

/** The whole lines, and where the last of them ends, in bytes. */
async function read(path: string): Promise<{ whole: number; lines: readonly string[] }> {
  try {
    return linesIn(await readFile(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { whole: 0, lines: [] };
    throw error;
  }
}

function linesIn(bytes: Buffer): { whole: number; lines: readonly string[] } {
  const whole = bytes.lastIndexOf(0x0a) + 1;
  return { whole, lines: whole === 0 ? [] : bytes.toString("utf8", 0, whole - 1).split("\n") };
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
