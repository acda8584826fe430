import { readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Vault } from "../../src/daemon/ports.ts";
import { renderApprovalsBase } from "../../src/document/approvals-base.ts";
import { renderNote } from "../../src/document/note.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";
import { FOLDERS, type Scenery, type Stage, type StageOptions } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

const stages = createStages();

afterEach(() => stages.end());

async function open(options: StageOptions = {}, scenery?: Scenery): Promise<Stage> {
  const stage = await stages.open(options, scenery);
  await stage.pass(1_000);
  return stage;
}

async function restart(stage: Stage, options: StageOptions = {}): Promise<Stage> {
  await stages.kill(stage);
  return open(options, stage);
}

let cents = 0;

async function submit(stage: Stage, expires_in_ms = 86_400_000): Promise<string> {
  cents += 1;
  const params = { amount_cents: cents };
  return (await stage.application.submit({ kind: "payment", params, expires_in_ms })).request.id;
}

const approve = (text: string) => text.replace("- [ ] Approve", "- [x] Approve");
const pathOf = (stage: Stage, name = "Dashboard.md") => join(stage.root, name);
const dashboard = (stage: Stage, name = "Dashboard.md") => readFileSync(pathOf(stage, name), "utf8");
const markOf = (stage: Stage) => {
  const { ino, mtimeNs } = statSync(pathOf(stage), { bigint: true });
  return `${ino} ${mtimeNs}`;
};

describe("the dashboard", () => {
  test("is written at most once a second, whatever happens, and at the end", async () => {
    const times: number[] = [];
    let clock = { now: () => 0 };
    const vault = (real: Vault): Vault => ({
      ...real,
      writeOwn(...args) {
        times.push(clock.now());
        return real.writeOwn(...args);
      },
    });
    const stage = await open({ through: { vault } });
    clock = stage.clock;
    times.length = 0;
    for (let n = 0; n < 40; n += 1) {
      await submit(stage);
      await stage.pass(100);
    }
    expect(times.length).toBeGreaterThan(2);
    expect(times.length).toBeLessThanOrEqual(5);
    for (const [n, at] of times.entries()) expect(at - (times[n - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
    await stage.pass(1_000);
    await submit(stage);
    await submit(stage);
    await stage.daemon.stop(0);
    expect(dashboard(stage)).toContain("## Waiting (42)");
    expect(stage.clock.next()).toBeNull();
  });

  test("is not touched while nothing happens", async () => {
    const stage = await open();
    await submit(stage);
    const done = await submit(stage);
    await stage.edit(done, approve);
    await stage.pass(60_000);
    const before = markOf(stage);
    for (let n = 0; n < 8; n += 1) await stage.pass(2 * 3_600_000);
    expect(markOf(stage)).toBe(before);
    stage.desk.refresh();
    await stage.pass(1_000);
    expect(markOf(stage)).toBe(before);
  });

  test("marks a request whose time is nearly over by itself, and puts it first", async () => {
    const stage = await open();
    const first = await submit(stage, 48 * 3_600_000);
    const second = await submit(stage, 8 * 3_600_000);
    await stage.pass(7 * 3_600_000 - 10_000);
    expect(dashboard(stage)).not.toContain("soon");
    await stage.pass(10_000);
    expect(dashboard(stage)).toMatch(new RegExp(`${second}.*\\*\\*soon\\*\\*.*\n.*${first}`));
  });

  test("knows after a restart what was decided before", async () => {
    const stage = await open();
    const [yes, failed] = [await submit(stage), await submit(stage)];
    await stage.pass(90_000);
    await stage.edit(yes, approve);
    await stage.application.decide(failed, { verb: "reject", reviewer: "ada", reason: null, via: "cli" });
    await stage.pass(5_000);
    const before = dashboard(stage);
    expect(before).toContain("| 2 | 2 min | 2 min |");
    const mark = markOf(stage);
    const next = await restart(stage);
    expect(dashboard(next)).toBe(before);
    expect(markOf(next)).toBe(mark);
  });
});

describe("a vault with another dashboard in it", () => {
  test("of a person's: it is left alone, and the daemon's has the host's name", async () => {
    const scenery = stages.scenery();
    writeFileSync(join(scenery.root, "Dashboard.md"), "---\ntags: [home]\n---\n# Mine\n");
    const stage = await open({}, scenery);
    expect(dashboard(stage)).toBe("---\ntags: [home]\n---\n# Mine\n");
    expect(dashboard(stage, "Dashboard laptop.md")).toContain("# Approvals");
    expect(stage.warnings.filter((one) => one.includes("Dashboard laptop.md"))).toHaveLength(1);
    await submit(stage);
    await stage.pass(1_000);
    expect(dashboard(stage, "Dashboard laptop.md")).toContain("## Waiting (1)");
    expect(stage.warnings.filter((one) => one.includes("Dashboard laptop.md"))).toHaveLength(1);
  });

  test("of another host's: each keeps to its own", async () => {
    const stage = await open();
    const mine = dashboard(stage);
    const other = await restart(stage, { host: "desk" });
    await submit(other);
    await other.pass(1_000);
    expect(dashboard(other)).toBe(mine);
    expect(dashboard(other, "Dashboard desk.md")).toContain("## Waiting (1)");
    const again = await restart(other);
    expect(dashboard(again)).toContain("## Waiting (1)");
  });

  test("that is no plain file, or both names taken: nothing is overwritten", async () => {
    const scenery = stages.scenery();
    const outside = join(scenery.state, "outside.md");
    writeFileSync(outside, "not the vault's");
    symlinkSync(outside, join(scenery.root, "Dashboard.md"));
    writeFileSync(join(scenery.root, "Dashboard laptop.md"), "mine too");
    const stage = await open({}, scenery);
    expect(readFileSync(outside, "utf8")).toBe("not the vault's");
    expect(dashboard(stage, "Dashboard laptop.md")).toBe("mine too");
    expect(stage.warnings.join("\n")).toContain("there is no dashboard");
    rmSync(join(scenery.root, "Dashboard.md"));
    stage.desk.refresh();
    await stage.pass(1_000);
    expect(dashboard(stage)).toContain("# Approvals");
    renameSync(pathOf(stage), pathOf(stage, "Old.md"));
    stage.desk.refresh();
    await stage.pass(1_000);
    expect(readdirSync(stage.root)).toContain("Dashboard.md");
  });
});

test("another host's notes are left alone and listed as its own, and what only looks like that is not", async () => {
  const stage = await open();
  const idOf = (n: number) => `20261121-080000-payment-aaaaa${n}`;
  const note = (n: number, host: string) =>
    renderNote(sampleRequest(["submitted"], sampleSubmission({ id: idOf(n), host }))).replace(
      "decision:",
      "decision: approved",
    );
  writeFileSync(stage.pathOf("pending", idOf(1)), note(1, "phone"));
  writeFileSync(stage.pathOf("approved", idOf(2)), note(2, "desk"));
  writeFileSync(stage.pathOf("pending", idOf(3)), note(3, "laptop"));
  await stage.daemon.rescan();
  await stage.pass(1_000);
  const [, unknown = "", others = ""] =
    /left alone\n\n(.*)\n\n## Of other hosts, and left alone\n\n(.*)$/s.exec(dashboard(stage)) ?? [];
  expect(unknown).toBe(`- ${idOf(3)}.md`);
  expect(others).toBe(`- ${idOf(1)}.md belongs to host phone.\n- ${idOf(2)}.md belongs to host desk.\n`);
  expect(stage.note(idOf(1))).toBe(note(1, "phone"));
  expect(stage.note(idOf(2), "approved")).toBe(note(2, "desk"));
  expect(stage.executions).toEqual([]);
  writeFileSync(stage.pathOf("pending", idOf(1)), note(1, "tablet"));
  await stage.daemon.rescan();
  await stage.pass(1_000);
  expect(dashboard(stage)).toContain("belongs to host tablet");
});

describe("the table of approvals", () => {
  const table = (stage: Stage) => readFileSync(pathOf(stage, "Approvals.base"), "utf8");

  test("is written where there is none, and follows the configuration until somebody changes it", async () => {
    const scenery = stages.scenery();
    writeFileSync(join(scenery.root, "Approvals.base"), renderApprovalsBase(FOLDERS));
    const stage = await open({ folders: { ...FOLDERS, done: "Archive" } }, scenery);
    expect(table(stage)).toContain('file.inFolder("Archive")');
    rmSync(pathOf(stage, "Approvals.base"));
    const next = await restart(stage);
    expect(table(next)).toBe(renderApprovalsBase(FOLDERS));
    writeFileSync(pathOf(next, "Approvals.base"), "views: []\n");
    const last = await restart(next);
    await submit(last);
    await last.pass(1_000);
    expect(table(last)).toBe("views: []\n");
  });
});
