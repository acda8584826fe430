import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, syncFolder, writeDurably } from "./files.ts";

const NAME = "halted.json";

export function isHaltedIn(state: string): boolean {
  return existsSync(join(state, NAME));
}

/** A file in the state directory: while it is there, nothing is executed, also after a restart. */
export function openHaltSwitch(state: string, now: () => number) {
  const path = join(state, NAME);
  let halted = isHaltedIn(state);
  let wanted = halted;
  let last: Promise<unknown> = Promise.resolve();
  return {
    isHalted: () => halted,
    /** Durable once it resolves; halting takes effect at once. One after the other, so that the last word counts. */
    set(next: boolean, by: string): Promise<void> {
      wanted = next;
      if (next) halted = true;
      const mine = last.then(async () => {
        if (next) await writeNew(path, JSON.stringify({ by, at: new Date(now()).toISOString() }));
        else await rm(path, { force: true });
        await syncFolder(state);
        if (!next && !wanted) halted = false;
      });
      last = mine.catch(() => {});
      return mine;
    },
  };
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeDurably(path, Buffer.from(`${text}\n`));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}
