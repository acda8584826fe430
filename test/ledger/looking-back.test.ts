import { beforeAll, describe, expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import type { Request, RequestId } from "../../src/core/request.ts";
import { iso } from "../../src/core/timing.ts";
import { fold } from "../../src/core/transitions.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { lastBefore, readSince } from "../../src/ledger/looking-back.ts";
import { T0 } from "../sample.ts";
import { CrashFiles } from "./crash-files.ts";
import { type FaultyFiles, faulty } from "./faulty-files.ts";
import { eventsOf, idOf, LIFE, recordsOf } from "./story.ts";

const COUNT = 240;
const MINUTE = 60_000;
/** Open from their minute on, and ended 30 minutes later. */
const LONG = new Set([3, 77, 151]);

const disk = new CrashFiles();
const open = (files: CrashFiles | FaultyFiles) => openJournal({ directory: "", files, segmentBytes: 12_000 });
const at = (minute: number, events: readonly Event[]) =>
  events.map((event) => ({ ...event, at: iso(T0 + minute * MINUTE) }));

/** A request a minute, over many segments. */
beforeAll(async () => {
  const journal = await open(disk);
  for (let n = 0; n < COUNT; n += 1) {
    if (LONG.has(n - 30)) await journal.append(idOf(n - 30), 2, at(n, eventsOf(n - 30, LIFE.slice(2))));
    await journal.append(idOf(n), 0, at(n, eventsOf(n, LONG.has(n) ? LIFE.slice(0, 2) : LIFE)));
  }
  await journal.close();
});

describe("what lies behind a time", () => {
  test("is found to the record, for every time", async () => {
    const journal = await open(disk.copy());
    const records = await recordsOf(journal);
    expect((await disk.list()).filter((name) => name.endsWith(".jsonl")).length).toBeGreaterThan(30);
    for (let minute = -1; minute <= COUNT; minute += 1) {
      const time = T0 + minute * MINUTE;
      const last = records.findLast(({ event }) => Date.parse(event.at) < time)?.seq ?? 0;
      expect(await journal.lastBefore(time), `minute ${minute}`).toBe(last);
    }
    expect(await journal.lastBefore(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(await journal.lastBefore(Number.POSITIVE_INFINITY)).toBe(journal.head().seq);
    await journal.close();
  });

  test("costs no more than the segments that are behind it", async () => {
    const files = faulty(disk.copy());
    await lastBefore(files, T0 + (COUNT - 2) * MINUTE);
    expect(files.count.open).toBeLessThanOrEqual(3);
    for await (const _ of readSince(files, T0 + (COUNT - 2) * MINUTE));
    expect(files.count.open).toBeLessThanOrEqual(20);
  });

  test("begins with what was open then, so that every later state follows from it", async () => {
    const journal = await open(disk.copy());
    for (let minute = 0; minute < COUNT; minute += 7) {
      const time = T0 + minute * MINUTE;
      const states = new Map<RequestId, Request | null>();
      const told: number[] = [];
      for await (const one of readSince(disk, time)) {
        if ("request" in one) states.set(one.id, one.request);
        else {
          states.set(one.id, fold([one.event], states.get(one.id) ?? null));
          told.push(one.seq);
        }
      }
      const behind = (await recordsOf(journal)).filter(({ event }) => Date.parse(event.at) >= time);
      expect(told.slice(-behind.length)).toEqual(behind.map(({ seq }) => seq));
      for (const [id, request] of states) expect(request).toEqual(await journal.read(id));
      for (const n of LONG) if (n < minute && minute <= n + 30) expect(states.has(idOf(n))).toBe(true);
    }
    await journal.close();
  });
});
