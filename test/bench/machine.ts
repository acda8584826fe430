import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

/** Linux names its file systems by numbers only; those on which a vault is likely to be. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext4",
  16914836: "tmpfs (fsync costs nothing here)",
  2435016766: "btrfs",
  1481003842: "xfs",
  2035054128: "overlayfs",
  801189825: "zfs",
};

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memory_gb: number;
  /** Of the last minute, before the run: what else the machine was doing. */
  readonly load: number;
  readonly node: string;
  readonly git: string;
  readonly file_system: string;
  readonly at: string;
}

export function describeMachine(directory: string): Machine {
  const type = statfsSync(directory).type;
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model ?? "unknown",
    memory_gb: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
    node: process.version,
    git: execFileSync("git", ["--version"], { encoding: "utf8" })
      .trim()
      .replace(/^git version /, ""),
    file_system: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    at: new Date().toISOString(),
  };
}

/** Monotonic, and the same clock in every process of the machine, in ms. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks every ms until the answer is yes. */
export async function until(yes: () => boolean, limit_ms = 120_000): Promise<void> {
  const end = now() + limit_ms;
  while (!yes()) {
    if (now() > end) throw new Error(`not within ${limit_ms} ms: ${yes}`);
    await delay(1);
  }
}
