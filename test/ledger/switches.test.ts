import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SwitchRecord } from "../../src/core/switch.ts";
import { diskFiles } from "../../src/ledger/disk-files.ts";
import { readRecords } from "../../src/ledger/reading.ts";
import { canonical, type Head } from "../../src/ledger/record.ts";
import { openSwitchLog, readSwitches, verifySwitches } from "../../src/ledger/switches.ts";
import { verifyJournal } from "../../src/ledger/verify.ts";
import { makeScenery, openStage, removeScenery } from "../scenarios/stage.ts";

let state = "";
let head: Head = { seq: 0, hash: "0".repeat(64) };
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "cs-switches-"));
  head = { seq: 0, hash: "0".repeat(64) };
});
afterEach(() => rmSync(state, { recursive: true }));

const file = () => join(state, "switches.jsonl");
const open = () =>
  openSwitchLog({
    state,
    head: () => head,
    nameLink: () => {},
    now: () => Date.parse("2026-11-21T09:00:00Z"),
  });
const nothing = async function* () {};
const yes = () => true;
const no = () => false;
/** Another name, with the hash that goes with it. */
function forged(line: string): string {
  const { hash: _, ...rest } = { ...JSON.parse(line), by: "eve" } as SwitchRecord;
  const hash = createHash("sha256").update(canonical(rest)).digest("hex");
  return canonical({ ...rest, hash });
}
const told = async () => (await readSwitches(state)).map(({ n, switch: what, by }) => `${n} ${what} ${by}`);

describe("who halted, resumed and accepted the clock", () => {
  test("is told in order, over restarts, and only this user may read it", async () => {
    expect(await told()).toEqual([]);
    const first = open();
    await Promise.all([first.record("halted", "ada"), first.record("resumed", "bob")]);
    await open().record("clock_accepted", "cleo");
    expect(await told()).toEqual(["1 halted ada", "2 resumed bob", "3 clock_accepted cleo"]);
    expect(await verifySwitches(state, no, nothing)).toEqual([]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  test("is not lost by a write that was cut off, at whatever byte", async () => {
    await open().record("halted", "ada");
    const before = readFileSync(file());
    await open().record("resumed", "bob");
    const whole = readFileSync(file());
    for (let end = before.length; end < whole.length; end += 7) {
      writeFileSync(file(), whole.subarray(0, end));
      expect(await told()).toEqual(["1 halted ada"]);
      expect(await verifySwitches(state, yes, nothing)).toEqual([]);
      await open().record("clock_accepted", "cleo");
      expect(await told()).toEqual(["1 halted ada", "2 clock_accepted cleo"]);
    }
  });

  test("cannot be changed, taken out or put in unseen", async () => {
    const log = open();
    for (const by of ["ada", "bob", "cleo"]) await log.record("halted", by);
    const [first = "", second = "", third = ""] = readFileSync(file(), "utf8").split("\n");
    const wrong: Record<string, readonly string[]> = {
      "another name, and its hash made anew": [first, forged(second), third],
      "another name": [first, second.replace("bob", "eve"), third],
      "one gone": [first, third],
      "the first gone": [second, third],
      "another order": [second, first, third],
      "one twice": [first, first, second, third],
      "other bytes of the same": [first.replace('{"at":', '{ "at":'), second, third],
    };
    for (const [what, lines] of Object.entries(wrong)) {
      writeFileSync(file(), `${lines.join("\n")}\n`);
      expect(await verifySwitches(state, yes, nothing), what).not.toEqual([]);
    }
    writeFileSync(file(), `${first}\n{}\n`);
    await expect(readSwitches(state)).rejects.toMatchObject({ code: "journal_damaged" });
    // What comes behind damage is recorded all the same.
    await log.record("resumed", "ada");
    expect(await verifySwitches(state, no, nothing)).toHaveLength(1);
  });

  test("is held against the journal of that time", async () => {
    const scenery = makeScenery();
    const stage = await openStage(scenery);
    const { application } = stage;
    await application.halt("ada");
    await application.submit({ kind: "payment", params: {} });
    await application.resume("bob");
    await application.acceptClock("cleo");
    await stage.pass(0);
    await stage.close();
    expect(
      (await readSwitches(scenery.state)).map(({ switch: what, by, journal }) => [what, by, journal.seq]),
    ).toEqual([
      ["halted", "ada", 0],
      ["resumed", "bob", 1],
      ["clock_accepted", "cleo", 1],
    ]);
    const journal = () => readRecords(diskFiles(scenery.state), 0);
    expect(await verifySwitches(scenery.state, no, journal)).toEqual([]);
    expect(await verifySwitches(scenery.state, no, nothing)).toHaveLength(1);
    const other = async function* () {
      for await (const record of journal()) yield { ...record, hash: "f".repeat(64) };
    };
    expect(await verifySwitches(scenery.state, no, other)).toHaveLength(2);
    removeScenery(scenery);
  });

  test("cannot lose its end unseen", async () => {
    const scenery = makeScenery();
    let stage = await openStage(scenery);
    const journal = () => readRecords(diskFiles(scenery.state), 0);
    const path = join(scenery.state, "switches.jsonl");
    const findings = (isHalted = no) => verifySwitches(scenery.state, isHalted, journal);
    await stage.application.halt("ada");
    // What nothing was recorded behind is missed where it leaves the daemon otherwise than it says.
    expect(await findings(yes)).toEqual([]);
    expect(await findings(no)).toHaveLength(1);
    await stage.application.resume("bob");
    // The journal's next record names the last of them, also over a restart.
    await stage.application.submit({ kind: "payment", params: {} });
    await stage.application.halt("ada");
    await stage.application.resume("bob");
    await stage.close();
    stage = await openStage(scenery);
    for (const amount_cents of [1, 2]) {
      await stage.application.submit({ kind: "payment", params: { amount_cents } });
    }
    await stage.close();
    const links: (string | undefined)[] = [];
    for await (const { link } of journal()) links.push(link);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const hashes = lines.map((line) => JSON.parse(line).hash);
    expect(links).toEqual([hashes[1], hashes[3], undefined]);
    expect((await verifyJournal({ directory: scenery.state })).problems).toEqual([]);
    expect(await findings()).toEqual([]);

    writeFileSync(path, `${lines.slice(0, 2).join("\n")}\n`);
    expect(await findings()).toEqual([expect.stringContaining("record 2 names is gone")]);
    rmSync(path);
    expect(await findings()).toEqual([expect.stringContaining("record 1 names is gone")]);
    removeScenery(scenery);
  });

  test("keeps a stop from nothing, and nobody resumes or trusts a clock without a record", async () => {
    const scenery = makeScenery();
    const stage = await openStage(scenery);
    const { application } = stage;
    // No file can be made in its place.
    mkdirSync(join(scenery.state, "switches.jsonl"));
    await expect(application.halt("ada")).rejects.toMatchObject({ code: "storage_failed" });
    expect(application.health().halted).toBe(true);
    await expect(application.resume("ada")).rejects.toMatchObject({ code: "storage_failed" });
    expect(application.health().halted).toBe(true);
    await expect(application.acceptClock("ada")).rejects.toMatchObject({ code: "storage_failed" });
    await stage.close();
    removeScenery(scenery);
  });
});
