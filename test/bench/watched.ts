/**
 * Loaded into the daemon before its program, with `--import`: notes when each journal write was on the disk, and tells it
 * on SIGUSR2, behind two collections of garbage (`--expose-gc`). Imports nothing, so that Node.js runs it as it is.
 */
import fs, { readlinkSync, writeFileSync } from "node:fs";

export interface Watched {
  /** When each `fdatasync` of a journal's segment began and was told done, in ms of the machine's monotonic clock. */
  readonly syncs: readonly (readonly [began: number, done: number])[];
  readonly heap_mb: number;
  readonly rss_mb: number;
}

const syncs: [number, number][] = [];
const names = new Map<number, boolean>();
const now = () => Number(process.hrtime.bigint()) / 1e6;
const sync = fs.fdatasync;

fs.fdatasync = ((fd: number, done: (error: NodeJS.ErrnoException | null) => void) => {
  const began = now();
  sync(fd, (error) => {
    if (isJournal(fd)) syncs.push([began, now()]);
    done(error);
  });
}) as typeof fs.fdatasync;

function isJournal(fd: number): boolean {
  const known = names.get(fd) ?? readlinkSync(`/proc/self/fd/${fd}`).includes("/journal");
  names.set(fd, known);
  return known;
}

process.on("SIGUSR2", () => {
  for (let times = 0; times < 2; times += 1) (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const told: Watched = { syncs, heap_mb: heapUsed / 2 ** 20, rss_mb: rss / 2 ** 20 };
  writeFileSync(`${process.env.BENCH_WATCHED}.new`, JSON.stringify(told));
  fs.renameSync(`${process.env.BENCH_WATCHED}.new`, process.env.BENCH_WATCHED ?? "");
  syncs.length = 0;
});
