import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { delay, now, until } from "./machine.ts";
import type { Person } from "./person.ts";
import { atLeast, atMost, median, type Report } from "./report.ts";
import type { Kind, Scene } from "./scene.ts";

const SYNCS = "Journal fsyncs";
const APPROVALS = "Whole approvals per second, from the first tick to the last note in Done";
const SUBMISSIONS = "Submissions per second";

/** How often the journal goes to the disk for one approval alone, by tick and from a surface. */
export async function countSyncsAlone(report: Report, scene: Scene, person: Person): Promise<void> {
  for (const [name, by] of [
    ["a lone approval by tick, to its durable outcome", "tick"],
    ["a lone approval from the command line, the same", "surface"],
  ] as const) {
    const counts: number[] = [];
    const later: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const [id = ""] = await scene.submit(1, "module");
      await person.prepare([scene.pathOf(id)]);
      // What may reach the disk with a later write does so within a second.
      await delay(LAZY_MS);
      const [marks = {}] = scene.follow([id]);
      const [before, archived] = [scene.journalSyncs.count, scene.archived.count];
      if (by === "tick") await person.save();
      else {
        const input = { verb: "approve", reviewer: "ada", reason: null, via: "cli" } as const;
        await scene.application.decide(id, input);
      }
      await until(() => marks.done !== undefined && scene.archived.count > archived);
      counts.push(scene.journalSyncs.count - before);
      await delay(LAZY_MS);
      later.push(scene.journalSyncs.count - before);
    }
    const count = median(counts);
    report.add(SYNCS, name, count, "", { target: { text: "exactly 2", met: count === 2 } });
    report.add(SYNCS, "  and within a second of idleness after it", median(later), "");
  }
}

const LAZY_MS = 1_300;

/** Ticks so many notes at once; rounds are repeated because one burst is over in a moment. */
export async function measureBurst(
  report: Report,
  scene: Scene,
  person: Person,
  { kind, size, rounds }: { kind: Kind; size: number; rounds: number },
): Promise<void> {
  const rates: number[] = [];
  const saving: number[] = [];
  const syncs: number[] = [];
  const lags: number[] = [];
  const reached: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ids = await scene.submit(size, kind);
    await person.prepare(ids.map(scene.pathOf));
    await scene.rest();
    const [before, archived] = [scene.journalSyncs.count, scene.archived.count];
    const marks = scene.follow(ids);
    const saved = person.save();
    await until(() => scene.archived.count === archived + size);
    const end = now();
    syncs.push(scene.journalSyncs.count - before);
    const { began, took } = await saved;
    rates.push(size / ((end - (began[0] ?? 0)) / 1_000));
    saving.push(took);
    reached.push(Math.max(...marks.map(({ handler = 0 }) => handler)) - (began[0] ?? 0));
    await until(scene.historyIsWhole);
    lags.push(now() - end);
  }
  const who = kind === "module" ? "in this process" : "by command";
  const least = size >= 100 ? (kind === "module" ? 1_000 : 500) : null;
  const rate = median(rates);
  report.add(APPROVALS, `${size} waiting, handled ${who}`, rate, "/s", {
    count: rounds,
    ...(least !== null && atLeast(rate, least, `≥ ${least}/s`)),
  });
  if (size < 1_000) return;
  report.add(APPROVALS, "  of it saving the notes, by the other process", median(saving), "ms");
  report.add(APPROVALS, "  until the last handler was started", median(reached), "ms");
  report.add(APPROVALS, "  journal fsyncs", median(syncs), "", atMost(median(syncs), 50, "≤ 50"));
  report.add(APPROVALS, "  git history whole after", median(lags), "ms");
}

/** Submits so many from within and over the agents' socket, a hundred side by side. */
export async function measureSubmissions(report: Report, scene: Scene, count: number): Promise<void> {
  const begun = now();
  await scene.submit(count, "module");
  const inside = count / ((now() - begun) / 1_000);
  report.add(SUBMISSIONS, "in this process, all at once", inside, "/s", { count });
  await scene.rest();
  const program = fileURLToPath(new URL("./agent.ts", import.meta.url));
  const args = [program, scene.sockets.agent, String(count), "100"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const outside = count / (Number(stdout) / 1_000);
  report.add(SUBMISSIONS, "over the Unix socket, 100 side by side", outside, "/s", {
    count,
    ...atLeast(outside, 2_000, "≥ 2,000/s"),
  });
  await scene.rest();
}
