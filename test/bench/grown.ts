/**
 * `npx tsx test/bench/grown.ts [--done 100000] [--days 100] [--dir DIR] [--keep]`: what a start costs behind so many
 * finished requests, made over so many days, with nothing open, under a policy whose limits reach a day and a month back
 * and with requesters' caps. Bytes are what the process has read from files until it was ready, its own code included.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Event } from "../../src/core/event.ts";
import { iso } from "../../src/core/timing.ts";
import { diskFiles } from "../../src/ledger/disk-files.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { sampleSubmission, sampleVerdict } from "../sample.ts";
import { build, startProgram, stopProgram } from "./processes.ts";

const { values: options } = parseArgs({
  options: {
    done: { type: "string", default: "100000" },
    days: { type: "string", default: "100" },
    dir: { type: "string", default: join(tmpdir(), "bench-grown") },
    keep: { type: "boolean", default: false },
  },
});
const DONE = Number(options.done);
const DAY_MS = 86_400_000;
const state = join(options.dir, "state");

build();
if (!existsSync(state)) await makeJournal();
const args = configure();
for (const round of ["first", "second", "third"]) {
  const { child, ready_ms } = await startProgram(args);
  const read = /^rchar: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, "utf8"))?.[1];
  await stopProgram(child);
  const [ms, mb] = [ready_ms.toFixed(0), (Number(read) / 1e6).toFixed(0)];
  process.stdout.write(`${DONE} done, ${round} start: ${ms} ms to ready, ${mb} MB read\n`);
}
if (!options.keep) rmSync(options.dir, { recursive: true, force: true });

/** Without fsync: nothing of it has to outlive this run. */
async function makeJournal(): Promise<void> {
  mkdirSync(options.dir, { recursive: true });
  const files = diskFiles(state);
  const quick: typeof files = {
    ...files,
    open: async (name, how) => ({ ...(await files.open(name, how)), sync: async () => {} }),
  };
  const journal = await openJournal({ directory: state, files: quick });
  const [end, step] = [Date.now() - 1_000, (Number(options.days) * DAY_MS) / DONE];
  for (let made = 0; made < DONE; ) {
    const batch: Promise<unknown>[] = [];
    for (; batch.length < 500 && made < DONE; made += 1) {
      const [id, events] = lifeOf(made, end - (DONE - made) * step);
      batch.push(journal.append(id, 0, events));
    }
    await Promise.all(batch);
  }
  await journal.close();
}

function lifeOf(number: number, asked: number): [string, readonly Event[]] {
  const at = (ms: number) => iso(Math.round(asked + ms));
  const id = `${at(0).replace(/[-:Z]/g, "").replace("T", "-").slice(0, 15)}-payment-${number.toString(36).padStart(6, "0")}`;
  const params = { amount_cents: 1 + (number % 50), payee: `Payee ${number % 100}` };
  const fields = { id, params, created: at(0), expires: at(3_600_000) };
  const submission = sampleSubmission(fields, { verdict: sampleVerdict("allow") });
  const attempt = { number: 1, idempotency_key: id, executor: "daemon" as const, deadline: null };
  return [
    id,
    [
      { type: "submitted", at: at(0), submission },
      { type: "allowed", at: at(1), verdict: sampleVerdict("allow"), lapses: null },
      { type: "started", at: at(2), attempt },
      { type: "executed", at: at(50), result: { receipt: `R-${number}` } },
      { type: "archived", at: at(60) },
    ],
  ];
}

function configure(): string[] {
  const [vault, config] = [join(options.dir, "vault"), join(options.dir, "countersign.yaml")];
  mkdirSync(vault, { recursive: true });
  const limit = (id: string, within: string) =>
    `  - id: ${id}\n    match: { kind: payment }\n    sum: params.amount_cents\n    per: params.payee\n` +
    `    within: ${within}\n    over: 1000000000\n    decision: require_approval\n`;
  const policy = `default: require_approval\nlimits:\n${limit("a-day", "24h")}${limit("a-month", "30d")}`;
  writeFileSync(join(options.dir, "policy.yaml"), policy, { mode: 0o600 });
  const text =
    `actions:\n  payment:\n    run: [/bin/true]\npolicy: ./policy.yaml\ngit: off\n` +
    `limits: { per_requester: { open: 1000, per_hour: 1000 } }\n`;
  writeFileSync(config, text, { mode: 0o600 });
  return ["--vault", vault, "--state", state, "--config", config];
}
