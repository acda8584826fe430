import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";

export interface Odd {
  readonly argv: readonly string[];
  /** What its tools were asked, oldest first. */
  calls(): { name: string; given?: { text?: string }; _meta: Record<string, unknown>; cancelled?: boolean }[];
  /** Resolves once that many calls have reached it. */
  reached(count: number): Promise<void>;
  /** Lets what is slow go on. */
  go(): void;
  /** How its tools are described from now on. */
  describe(said: object): void;
  pid(): number;
  /** Resolves once this process of it was told to end by a signal, where it does not end by itself. */
  terminated(pid: number): Promise<void>;
  /** As if nothing had been asked, and what is slow had not been let go. */
  forget(): void;
}

/** A server of our own, for what the public ones do not do. */
export function odd(place: string, name: string): Odd {
  const home = join(place, name);
  const file = (name: string) => join(home, name);
  mkdirSync(home, { recursive: true });
  writeFileSync(file("calls"), "");
  const calls = () =>
    readFileSync(file("calls"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return {
    argv: [process.execPath, join(import.meta.dirname, "odd-server.mjs"), home],
    calls,
    async reached(count) {
      await whenever(home, () => calls().length >= count);
    },
    go: () => writeFileSync(file("go"), ""),
    describe(said) {
      writeFileSync(file("said.tmp"), JSON.stringify(said));
      renameSync(file("said.tmp"), file("said.json"));
    },
    terminated: (pid) => whenever(home, () => existsSync(file(`terminated-${pid}`))),
    forget() {
      writeFileSync(file("calls"), "");
      rmSync(file("go"), { force: true });
    },
    pid: () => Number(readFileSync(file("pid"), "utf8")),
  };
}

/** Resolves when it is so, looking whenever something in the folder changes. */
async function whenever(folder: string, isSo: () => boolean): Promise<void> {
  const watching = new AbortController();
  const changes = watch(folder, { signal: watching.signal });
  const looking = (async () => {
    if (isSo()) return;
    for await (const _ of changes) if (isSo()) return;
  })();
  await looking.finally(() => watching.abort());
}
