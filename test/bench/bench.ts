/**
 * `npm run bench`: how fast the daemon is on this machine, held against its targets. On a real folder, a real journal
 * with real fsync, the real watcher, and saves by another process. A missed target is marked and fails nothing: figures
 * are only as good as the machine is quiet, so compare ratios within one run, and run it more than once.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { countSyncsAlone, measureBurst, measureSubmissions } from "./bursts.ts";
import { openFloor } from "./floor.ts";
import { measureLatency, reportFloor } from "./latency.ts";
import { describeMachine, now } from "./machine.ts";
import { findPerson } from "./person.ts";
import { build, measureBareNode, measureProcess } from "./processes.ts";
import { atMost, createReport, table } from "./report.ts";
import { openScene } from "./scene.ts";

const USAGE = `npm run bench -- [--quick] [--json] [--out FILE] [--dir DIR]
  --quick     in about a minute: fewer decisions, and 1,000 where the full run has 10,000 waiting
  --json      print JSON instead of the table
  --out FILE  write the JSON there as well
  --dir DIR   measure on the file system of this folder (default: the system's temporary folder)
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    out: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

if (options.help) process.stdout.write(USAGE);
else if (process.env.UV_THREADPOOL_SIZE === undefined) againWithThreads();
else await main();

/** The daemon takes more threads than Node's four; here the loader of the sources has made them already. */
function againWithThreads(): void {
  const args = [...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, UV_THREADPOOL_SIZE: "16" };
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit", env }).status ?? 1;
}

async function main(): Promise<void> {
  const { quick } = options;
  const MANY = quick ? 1_000 : 10_000;
  const DECISIONS = quick ? 100 : 250;
  mkdirSync(options.dir, { recursive: true });
  const machine = describeMachine(options.dir);
  const directory = mkdtempSync(join(options.dir, "bench-"));
  const place = (name: string) => join(directory, name);
  const begun = now();
  const report = createReport();
  const tell = (what: string) =>
    process.stderr.write(`${((now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${what}\n`);
  const person = findPerson();
  try {
    build();

    tell("one decision at a time, 10 waiting");
    const few = await openScene(place("few"), { git: true });
    const floor = await openFloor(directory, person);
    await few.submit(10, "module");
    const shared = { waiting: 10, decisions: DECISIONS };
    const atFew = await measureLatency(report, few, person, { kind: "module", ...shared, floor });
    await floor.close();
    reportFloor(report, floor, atFew.toHandler);
    await measureLatency(report, few, person, { kind: "command", ...shared, floor: null });
    await countSyncsAlone(report, few, person);
    await few.close();

    tell("bursts");
    const bursts = await openScene(place("bursts"), { git: true });
    for (const kind of ["module", "command"] as const) {
      await measureBurst(report, bursts, person, { kind, size: 1, rounds: quick ? 30 : 100 });
      await measureBurst(report, bursts, person, { kind, size: 100, rounds: quick ? 3 : 10 });
      await measureBurst(report, bursts, person, { kind, size: 1_000, rounds: quick ? 1 : 3 });
    }
    await bursts.close();

    tell("submissions");
    const bulk = await openScene(place("bulk"), { git: true });
    await measureSubmissions(report, bulk, quick ? 1_000 : 3_000);
    await bulk.close();

    tell(`one decision at a time, ${MANY} waiting`);
    const many = await openScene(place("many"), { git: true });
    for (let count = 0; count < MANY; count += 1_000) await many.submit(1_000, "module");
    await many.rest();
    const crowd = { waiting: MANY, decisions: DECISIONS, floor: null };
    const atMany = await measureLatency(report, many, person, { kind: "module", ...crowd });
    await measureLatency(report, many, person, { kind: "command", ...crowd });
    await many.close();
    const growth = atMany.toHandler / atFew.toHandler;
    report.add("Growth", `saved → handler started, ${MANY} waiting against 10`, growth, "×", {
      ...atMost(growth, 1.3, "≤ 1.3 ×"),
    });

    tell("the daemon as a process of its own");
    const nothing = { idle_ms: 0, lists: 0, ready_ms: null, rss_mb: null };
    const lists = quick ? 5 : 15;
    await measureBareNode(report, lists);
    await measureProcess(report, {
      ...nothing,
      base: place("empty"),
      open: 0,
      starts: quick ? 3 : 7,
      lists,
      ready_ms: 300,
    });
    if (!quick) {
      const thousand = await openScene(place("thousand"), { git: true });
      await thousand.submit(1_000, "module");
      await thousand.close();
      await measureProcess(report, {
        ...nothing,
        base: place("thousand"),
        open: 1_000,
        starts: 1,
        rss_mb: 100,
      });
    }
    await measureProcess(report, {
      base: place("many"),
      open: MANY,
      starts: 3,
      // Long enough for one of the looks through the whole vault.
      idle_ms: quick ? 10_000 : 31_000,
      lists: 3,
      ready_ms: 1_000,
      rss_mb: quick ? 100 : 150,
    });
    tell("done");
  } finally {
    person.leave();
    rmSync(directory, { recursive: true, force: true });
  }
  const document = { quick, machine, took_s: (now() - begun) / 1_000, rows: report.rows };
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (options.out !== undefined) writeFileSync(options.out, text);
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  process.stdout.write(options.json ? text : `${facts.join("\n")}\n${table(report.rows)}\n`);
}
