import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import type { Event } from "../../../src/core/event.ts";
import type { Switch, SwitchRecord } from "../../../src/core/switch.ts";
import type { AuditRecord } from "../../../src/surfaces/cli/context.ts";
import { ID, view } from "../fake-application.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

describe("what is printed", () => {
  const hostile = "evil\u001b[2J\u009b31m\u202egnp\nforged line";

  test("list is aligned, and show is a block", async () => {
    await stage.serve({
      list: async () => ({ requests: [view(), view({ status: "approved", requester: "x" })], next: null }),
    });
    const { out } = await stage.run(["list"]);
    const [head = "", first = "", second = ""] = out.split("\n");
    expect(head).toMatch(/^ID +STATUS +REQUESTER +TIME +TITLE$/);
    expect(first.indexOf("Pay ACME")).toBe(head.indexOf("TITLE"));
    expect(second.indexOf("Pay ACME")).toBe(head.indexOf("TITLE"));
    const shown = (await stage.run(["show", ID])).out;
    expect(shown).toContain(`  digest    ${view().digest}`);
    expect(shown).toContain('"amount_cents": 150000');
    expect(shown).toContain("submitted by billing-agent");
  });

  test("nothing of an untrusted text reaches the terminal as it is", async () => {
    const evil = view({
      title: hostile,
      requester: hostile,
      params: { [hostile]: hostile },
      error: hostile,
      status: "failed",
    });
    await stage.serve({
      list: async () => ({ requests: [evil], next: null }),
      show: async () => evil,
      decide: async () => {
        throw new Fault("already_final", hostile, hostile);
      },
    });
    for (const argv of [
      ["list"],
      ["show", ID],
      ["approve", ID],
      ["list", "--json"],
      ["show", ID, "--json"],
    ]) {
      const { out, err } = await stage.run(argv);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there.
      expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    expect((await stage.run(["list"])).out.split("\n")).toHaveLength(3);
    expect(JSON.parse((await stage.run(["show", ID, "--json"])).out)).toEqual(evil);
  });

  test("an empty list is a remark, or an empty list as JSON", async () => {
    await stage.serve({ list: async () => ({ requests: [], next: null }) });
    expect(await stage.run(["list"])).toEqual({ exit: 0, out: "", err: "Nothing waits.\n" });
    expect((await stage.run(["list", "--json"])).out).toBe('{"requests":[],"next":null}\n');
  });
});

describe("audit", () => {
  const decision = {
    verb: "approve",
    reviewer: "anna",
    reason: "ok",
    digest: "d",
    assurance: "edit",
    seen_at: "",
    via: "box",
    note_sha256: null,
  } as const;
  const events: Event[] = [
    { type: "approved", at: "2026-11-21T09:00:00.000Z", decision, lapses: null },
    { type: "executed", at: "2026-11-21T09:00:01.000Z", result: 1 },
    { type: "cancelled", at: "2026-11-22T09:00:00.000Z", by: "bob", reason: "late" },
  ];
  const records: AuditRecord[] = events.map((event, at) => ({
    seq: at + 1,
    id: at === 2 ? "other" : ID,
    revision: at + 1,
    event,
    prev: "p",
    hash: "h",
  }));
  async function* readAudit() {
    yield* records;
  }
  const seqs = async (...argv: string[]) => {
    const { out } = await stage.run(["audit", "log", "--json", ...argv], { deps: { readAudit } });
    return out
      .split("\n")
      .filter(Boolean)
      .map((text) => (JSON.parse(text) as AuditRecord).seq);
  };

  test("log filters by id, event, reviewer and time", async () => {
    expect(await seqs()).toEqual([1, 2, 3]);
    expect(await seqs(ID)).toEqual([1, 2]);
    expect(await seqs("--event", "executed")).toEqual([2]);
    expect(await seqs("--reviewer", "anna")).toEqual([1]);
    expect(await seqs("--reviewer", "bob")).toEqual([3]);
    expect(await seqs("--since", "2026-11-22")).toEqual([3]);
    expect(await seqs("--until", "2026-11-21T09:00:00Z")).toEqual([1]);
    expect(await seqs("--since", "36500d")).toEqual([1, 2, 3]);
  });

  test("log is one line a record for people", async () => {
    const { out } = await stage.run(["audit", "log", ID], { deps: { readAudit } });
    expect(out).toBe(
      `     1  2026-11-21 09:00:00Z  ${ID}  approved  by anna  (ok)\n     2  2026-11-21 09:00:01Z  ${ID}  executed\n`,
    );
  });

  test("log has who halted, resumed and accepted the clock, where it happened", async () => {
    const told = (n: number, what: Switch, seq: number, by: string): SwitchRecord => {
      const at = `2026-11-21T1${n}:30:00.000Z`;
      return { n, switch: what, by, at, journal: { seq, hash: "h" }, prev: "p", hash: "h" };
    };
    const switches = [
      told(1, "halted", 0, "ada"),
      told(2, "resumed", 2, "bob"),
      told(3, "clock_accepted", 3, "ada"),
    ];
    const deps = { readAudit, readSwitches: async () => switches };
    const what = async (...argv: string[]) => {
      const { out } = await stage.run(["audit", "log", "--json", ...argv], { deps });
      const lines = out.split("\n").filter(Boolean);
      return lines
        .map((text) => JSON.parse(text) as Partial<AuditRecord & SwitchRecord>)
        .map((one) => one.switch ?? one.seq);
    };
    expect(await what()).toEqual(["halted", 1, 2, "resumed", 3, "clock_accepted"]);
    expect(await what(ID)).toEqual([1, 2]);
    expect(await what("--event", "resumed")).toEqual(["resumed"]);
    expect(await what("--reviewer", "ada")).toEqual(["halted", "clock_accepted"]);
    expect(await what("--since", "2026-11-21T12:00Z")).toEqual(["resumed", 3, "clock_accepted"]);
    expect(await what("--until", "2026-11-21T12:00Z")).toEqual(["halted", 1, 2]);
    const { out } = await stage.run(["audit", "log", "--event", "halted"], { deps });
    expect(out).toBe("     -  2026-11-21 11:30:00Z  the daemon  halted  by ada\n");
  });

  test("verify says what does not agree, and the exit code too", async () => {
    const good = await stage.run(["audit", "verify"]);
    expect(good).toMatchObject({ exit: 0, out: "The journal is whole: 0 records.\n" });
    const verifyAudit = async () => ({ ok: false, records: 2, head: "h", findings: ["record 2 is gone"] });
    const bad = await stage.run(["audit", "verify"], { deps: { verifyAudit } });
    expect(bad).toMatchObject({ exit: 1, out: expect.stringContaining("- record 2 is gone") });
  });
});

test("start says where everything is, then ready, and lasts as long as the daemon", async () => {
  const ended = Promise.withResolvers<void>();
  const started = {
    vault: "/v",
    configuration: "/c",
    state: "/s",
    sockets: { agent: "/a", reviewer: "/r" },
    shadow: ["mcp_tool"],
    warnings: ["odd"],
  };
  const deps = { start: async () => ({ ...started, finished: ended.promise }) };
  const running = stage.run(["start"], { deps });
  ended.resolve();
  const { exit, out, err } = await running;
  expect(exit).toBe(0);
  expect(out).toMatch(/^vault +\/v\nconfiguration +\/c\nstate +\/s\nagent +\/a\nreviewer +\/r\nready\n$/);
  expect(err).toMatch(/^Warning: Nobody is asked for: mcp_tool \(mode: shadow\)\..*\nWarning: odd\n$/);
  expect(JSON.parse((await stage.run(["start", "--json"], { deps })).out)).toEqual({
    event: "ready",
    ...started,
  });
});
