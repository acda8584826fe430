import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Event } from "../../src/core/event.ts";
import type { EmbeddedJournal } from "../../src/ledger/embedded-journal.ts";
import { type JournalOptions, openJournal } from "../../src/ledger/journal.ts";
import { GENESIS, type LedgerRecord } from "../../src/ledger/record.ts";
import { RevisionConflict } from "../../src/ledger/revision-conflict.ts";
import { sampleEvent, sampleSubmission } from "../sample.ts";
import { CrashFiles } from "./crash-files.ts";
import { type FaultyFiles, faulty } from "./faulty-files.ts";
import { eventsOf, idOf, live, recordsOf, tellAll } from "./story.ts";

let disk: CrashFiles;
let files: FaultyFiles;
let journal: EmbeddedJournal;

const reopened = async (options: Pick<JournalOptions, "segmentBytes"> = {}) => {
  await journal.close();
  journal = await openJournal({ directory: "", files: disk, ...options });
  return journal;
};

beforeEach(async () => {
  disk = new CrashFiles();
  files = faulty(disk);
  journal = await openJournal({ directory: "", files });
});
afterEach(() => journal.close());

describe("an append", () => {
  test("gives the request that its events lead to, and keeps it", async () => {
    const given = await live(journal, 1, ["submitted", "approved"]);
    expect(given).toMatchObject({ status: "approved", revision: 2 });
    expect(await journal.read(idOf(1))).toEqual(given);
    expect(await (await reopened()).read(idOf(1))).toEqual(given);
  });

  test("of several events is one write and one sync", async () => {
    const { write = 0, sync = 0 } = files.count;
    const request = await journal.append(idOf(1), 0, eventsOf(1));
    expect(request).toMatchObject({ status: "executed", revision: 5 });
    expect(files.count).toMatchObject({ write: write + 1, sync: sync + 1 });
  });

  test("at another revision than the request's is refused, and nothing is written", async () => {
    await live(journal, 1, ["submitted"]);
    const { write } = files.count;
    const [approved] = eventsOf(1, ["approved"]);
    const late = journal.append(idOf(1), 0, approved ? [approved] : []);
    await expect(late).rejects.toBeInstanceOf(RevisionConflict);
    await expect(late).rejects.toMatchObject({ id: idOf(1), expected: 0, actual: 1 });
    expect(files.count.write).toBe(write);
  });

  test("that the core does not allow is refused as a whole", async () => {
    await live(journal, 1, ["submitted"]);
    await expect(journal.append(idOf(1), 1, eventsOf(1, ["approved", "archived"]))).rejects.toMatchObject({
      code: "not_pending",
    });
    await expect(journal.append(idOf(2), 0, eventsOf(2, ["approved"]))).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await recordsOf(journal)).toHaveLength(1);
    expect(await journal.read(idOf(1))).toMatchObject({ status: "pending", revision: 1 });
  });

  test("while another of the same request is on its way is held against that one", async () => {
    const [submitted, cancelled] = eventsOf(1, ["submitted", "cancelled"]);
    if (!submitted || !cancelled) throw new Error("unreachable");
    const first = journal.append(idOf(1), 0, [submitted]);
    const twin = journal.append(idOf(1), 0, [submitted]);
    const second = journal.append(idOf(1), 1, [cancelled]);
    const late = journal.append(idOf(1), 1, [cancelled]);
    await expect(twin).rejects.toMatchObject({ name: "RevisionConflict", actual: 1 });
    await expect(late).rejects.toMatchObject({ name: "RevisionConflict", actual: 2 });
    expect(await first).toMatchObject({ status: "pending" });
    expect(await second).toMatchObject({ status: "cancelled" });
  });

  test("is not seen by readers before it is on the disk", async () => {
    await journal.close();
    let gate: Promise<void> | null = null;
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    files = faulty(disk, ({ name, perform }) => {
      if (name !== "sync" || gate === null) return null;
      ask();
      return { result: gate.then(() => perform()) };
    });
    journal = await openJournal({ directory: "", files });
    const { promise, resolve: open } = Promise.withResolvers<void>();
    gate = promise;
    const told: string[] = [];
    journal.follow(({ id }) => told.push(id));
    const append = live(journal, 1, ["submitted"]);
    await asked;
    expect({ read: await journal.read(idOf(1)), open: await journal.open(), told }).toEqual({
      read: null,
      open: [],
      told: [],
    });
    open();
    await append;
    expect(told).toEqual([idOf(1)]);
  });

  test("of text in any script is read back as it was said", async () => {
    const submission = sampleSubmission({
      id: idOf(1),
      params: { note: '“ß” 𝕏 \u0000\u2028\n","hash":"', n: -1.5e-7 },
    });
    const request = await journal.append(idOf(1), 0, [sampleEvent("submitted", submission)]);
    expect(await (await reopened()).read(idOf(1))).toEqual(request);
  });

  test("of text that has no canonical JSON is refused, and the journal goes on", async () => {
    const submission = sampleSubmission({ id: idOf(1) }, { title: "\ud800" });
    await expect(journal.append(idOf(1), 0, [sampleEvent("submitted", submission)])).rejects.toThrow();
    expect(await live(journal, 2, ["submitted"])).toMatchObject({ revision: 1 });
  });

  test("of another request's submission is refused", async () => {
    await expect(journal.append(idOf(2), 0, eventsOf(1, ["submitted"]))).rejects.toThrow(idOf(1));
  });
});

async function emptied(): Promise<CrashFiles> {
  await journal.close();
  disk = new CrashFiles();
  return disk;
}

describe("an open request without a key", () => {
  const asked = (n: number) => {
    const { fields, action_digest } = sampleSubmission({ params: { n } });
    return [fields.requester, fields.on_behalf_of, action_digest] as const;
  };
  const event = (n: number, type: Event["type"], key: string | null = null) =>
    sampleEvent(type, sampleSubmission({ id: idOf(n), key, params: { n: n % 10 } }));

  test("is found by who asked for what until it is closed, over a restart and a checkpoint too", async () => {
    journal = await openJournal({ directory: "", files: await emptied(), segmentBytes: 2_000 });
    await journal.append(idOf(1), 0, [event(1, "submitted")]);
    await journal.append(idOf(2), 0, [event(2, "submitted", "k")]);
    for (let n = 100; n < 120; n += 1) await live(journal, n);
    await journal.append(idOf(1), 1, [event(1, "joined")]);
    for (const now of [journal, await reopened()]) {
      expect(await now.findAsked(...asked(1))).toBe(idOf(1));
      expect(await now.findAsked(...asked(2))).toBeNull();
    }
    await journal.append(idOf(11), 0, [event(11, "submitted")]);
    await journal.append(idOf(1), 2, [event(1, "cancelled"), event(1, "archived")]);
    for (const now of [journal, await reopened()]) expect(await now.findAsked(...asked(1))).toBe(idOf(11));
    await journal.append(idOf(11), 1, [event(11, "cancelled"), event(11, "archived")]);
    for (const now of [journal, await reopened()]) expect(await now.findAsked(...asked(1))).toBeNull();
  });

  test("is found by what was asked for, whatever a person made of it since", async () => {
    journal = await openJournal({ directory: "", files: await emptied(), segmentBytes: 2_000 });
    await journal.append(idOf(1), 0, [event(1, "submitted")]);
    await journal.append(idOf(1), 1, [event(1, "amended")]);
    for (let n = 100; n < 120; n += 1) await live(journal, n);
    for (const now of [journal, await reopened()]) {
      expect(await now.findAsked(...asked(1))).toBe(idOf(1));
      expect(await now.read(idOf(1))).toMatchObject({
        submission: { fields: { params: { amount_cents: 90_000 } } },
        amendment: { asked: { params: { n: 1 } } },
      });
    }
    await journal.append(idOf(1), 2, [event(1, "cancelled"), event(1, "archived")]);
    for (const now of [journal, await reopened()]) expect(await now.findAsked(...asked(1))).toBeNull();
  });
});

describe("many appends at once", () => {
  test("share a few writes and syncs", async () => {
    const { sync = 0 } = files.count;
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => live(journal, n, ["submitted"])));
    expect((files.count.sync ?? 0) - sync).toBeLessThanOrEqual(10);
    expect(await journal.open()).toHaveLength(1_000);
  });

  test("to one request let exactly one win", async () => {
    await live(journal, 1, ["submitted", "approved"]);
    const [started] = eventsOf(1, ["started"]);
    const claims = Array.from({ length: 50 }, () => journal.append(idOf(1), 2, started ? [started] : []));
    const outcomes = await Promise.allSettled(claims);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("a lazy append", () => {
  const archive = () => journal.append(idOf(1), 4, eventsOf(1).slice(4), { lazy: true });

  beforeEach(async () => {
    await live(journal, 1, ["submitted", "approved", "started", "executed"]);
  });

  test("is written and told without a sync, and rides with the next durable append", async () => {
    const { sync = 0 } = files.count;
    const told: LedgerRecord[] = [];
    journal.follow((record) => told.push(record));
    await archive();
    expect(files.count.sync).toBe(sync);
    expect(told).toHaveLength(1);
    await live(journal, 2, ["submitted"]);
    expect(files.count.sync).toBe(sync + 1);
    disk.cutPower(() => 1);
    journal = await openJournal({ directory: "", files: disk });
    expect(await journal.read(idOf(1))).toMatchObject({ archived: true });
  });

  test("is synced by itself after about a second", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { sync = 0 } = files.count;
    await archive();
    await vi.advanceTimersByTimeAsync(900);
    expect(files.count.sync).toBe(sync);
    await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    expect(files.count.sync).toBe(sync + 1);
  });

  test("is synced by closing", async () => {
    await archive();
    await journal.close();
    disk.cutPower(() => 1);
    journal = await openJournal({ directory: "", files: disk });
    expect(await journal.read(idOf(1))).toMatchObject({ archived: true });
  });

  test("may be lost by a power cut, and nothing else with it", async () => {
    await archive();
    disk.cutPower(() => 1);
    journal = await openJournal({ directory: "", files: disk });
    expect(await journal.read(idOf(1))).toMatchObject({ status: "executed", archived: false });
  });
});

describe("records", () => {
  test("are chained, numbered without gaps and carry the request's revision", async () => {
    await live(journal, 1);
    await live(journal, 2);
    const records = await recordsOf(journal);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(records.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    expect(records.slice(1).map(({ prev }) => prev)).toEqual(records.slice(0, -1).map(({ hash }) => hash));
    expect(journal.head()).toEqual({ seq: 10, hash: records.at(-1)?.hash });
    expect((await recordsOf(journal, 7)).map(({ seq }) => seq)).toEqual([8, 9, 10]);
  });

  test("are told to a follower in order, until it ends", async () => {
    const told: LedgerRecord[] = [];
    const end = journal.follow((record) => told.push(record));
    await Promise.all([1, 2, 3].map((n) => live(journal, n)));
    end();
    await live(journal, 4);
    expect(told).toEqual((await recordsOf(journal)).slice(0, 15));
  });

  test("of an empty journal are none, and its head is the beginning", async () => {
    expect(await recordsOf(journal)).toEqual([]);
    expect(journal.head()).toEqual({ seq: 0, hash: GENESIS });
  });
});

describe("what a request can be found by besides its id", () => {
  const previous = {
    id: idOf(1),
    outcome: "rejected",
    at: "",
    by: "ada",
    reason: null,
    changes: [],
  } as const;
  const submission = (n: number) =>
    sampleSubmission({ id: idOf(n), params: { n: n % 10 } }, n === 2 ? { previous } : {});
  const said = (n: number, type: Event["type"]) => sampleEvent(type, submission(n));
  const small = { segmentBytes: 2_000 };
  const asked = (n: number) => {
    const { fields, action_digest } = submission(n);
    return [fields.requester, fields.on_behalf_of, action_digest] as const;
  };

  test("is a person's no to it and the request that it tries again, wherever in the journal they are", async () => {
    journal = await openJournal({ directory: "", files: await emptied(), segmentBytes: 2_000 });
    await journal.append(idOf(1), 0, [said(1, "submitted")]);
    expect(await journal.findRefused(...asked(1))).toBeNull();
    expect(await journal.findRetry(idOf(1))).toBeNull();
    await journal.append(idOf(1), 1, [said(1, "amended"), said(1, "rejected")]);
    await journal.append(idOf(2), 0, [said(2, "submitted")]);
    const expectFound = async () => {
      for (const now of [journal, await reopened(small)]) {
        expect(await now.findRefused(...asked(1))).toBe(idOf(1));
        expect(await now.findRefused("another-agent", null, asked(1)[2])).toBeNull();
        expect(await now.findRefused(...asked(2))).toBeNull();
        expect(await now.findRetry(idOf(1))).toBe(idOf(2));
        expect(await now.findRetry(idOf(2))).toBeNull();
      }
    };
    await expectFound();
    for (let n = 100; n < 120; n += 1) await live(journal, n);
    await expectFound();
    await journal.append(idOf(1), 3, [said(1, "archived")]);
    await journal.append(idOf(2), 1, [said(2, "expired"), said(2, "archived")]);
    await expectFound();
    for (let n = 120; n < 200; n += 1) await live(journal, n);
    await expectFound();
    await journal.append(idOf(11), 0, [said(11, "submitted")]);
    await journal.append(idOf(11), 1, [said(11, "rejected"), said(11, "archived")]);
    for (const now of [journal, await reopened(small)])
      expect(await now.findRefused(...asked(1))).toBe(idOf(11));
  });

  test("is no no any more once the same was executed, wherever in the journal that is", async () => {
    journal = await openJournal({ directory: "", files: await emptied(), segmentBytes: 2_000 });
    await journal.append(idOf(1), 0, [said(1, "submitted")]);
    await journal.append(idOf(1), 1, [said(1, "rejected"), said(1, "archived")]);
    expect(await journal.findRefused(...asked(1))).toBe(idOf(1));
    await journal.append(idOf(11), 0, [said(11, "submitted")]);
    await journal.append(idOf(11), 1, [said(11, "approved"), said(11, "started"), said(11, "executed")]);
    const expectNone = async () => {
      for (const now of [journal, await reopened(small)])
        expect(await now.findRefused(...asked(1))).toBeNull();
    };
    await expectNone();
    await journal.append(idOf(11), 4, [said(11, "archived")]);
    await expectNone();
    for (let n = 100; n < 200; n += 1) await live(journal, n);
    await expectNone();
  });
});

describe("finished requests", () => {
  test("leave the list of open ones, and are still known by id and key", async () => {
    await live(journal, 1);
    await live(journal, 2, ["submitted"]);
    for (const start of [async () => journal, reopened]) {
      const each = await start();
      expect((await each.open()).map(({ submission }) => submission.fields.id)).toEqual([idOf(2)]);
      expect(await each.read(idOf(1))).toMatchObject({ status: "executed", archived: true, revision: 5 });
      expect(await each.findKey("billing-agent", "key-1")).toBe(idOf(1));
      expect(await each.findKey("billing-agent", "key-2")).toBe(idOf(2));
      expect(await each.findKey("another-agent", "key-1")).toBeNull();
      expect(await each.read(idOf(3))).toBeNull();
    }
  });

  test("are not submitted again, but take note of what is still said to them", async () => {
    await live(journal, 1);
    for (const start of [async () => journal, reopened]) {
      const each = await start();
      await expect(each.append(idOf(1), 0, eventsOf(1, ["submitted"]))).rejects.toMatchObject({
        name: "RevisionConflict",
      });
      const { revision = 0 } = (await each.read(idOf(1))) ?? {};
      const noted = await each.append(idOf(1), revision, [sampleEvent("refused")]);
      expect(noted.revision).toBe(revision + 1);
      expect(await each.read(idOf(1))).toEqual(noted);
    }
  });

  test("are the same before and after a new start", async () => {
    for (let n = 0; n < 5; n += 1)
      await live(journal, n, n % 2 === 0 ? undefined : ["submitted", "approved"]);
    const before = await tellAll(journal, 6);
    expect(await tellAll(await reopened(), 6)).toEqual(before);
  });
});

test("a closed journal takes nothing more, and lets the next writer in", async () => {
  const append = live(journal, 1, ["submitted"]);
  await append;
  await expect(openJournal({ directory: "", files: disk })).rejects.toMatchObject({
    code: "already_running",
  });
  await journal.close();
  await expect(live(journal, 2, ["submitted"])).rejects.toThrow("closed");
  journal = await openJournal({ directory: "", files: disk });
  expect(await journal.open()).toHaveLength(1);
});
