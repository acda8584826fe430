import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Kind } from "../../src/application/submission.ts";
import type { Outcome } from "../../src/daemon/ports.ts";
import { openStage, type Stage } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

const stages = createStages();
const { open, restart } = stages;

afterEach(() => stages.end(({ errors }) => expect(errors).toEqual([])));

let invoices = 0;

/** A number of its own for each request: one for the same action would join the one that waits. */
function newInvoice(): number {
  invoices += 1;
  return invoices;
}

async function submit(stage: Stage, kind = "payment"): Promise<string> {
  const { request } = await stage.application.submit({
    kind,
    params: { amount_cents: 150000, payee: "ACME", invoice: newInvoice() },
    requester: "billing-agent",
  });
  return request.id;
}

const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}`, `- [x] ${box}`);
const type = (line: string) => (text: string) => text.replace(/^(decision|reviewer|reason):.*$/m, line);
const property = (name: string, value: string) => (text: string) =>
  text.replace(new RegExp(`^${name}:.*$`, "m"), `${name}: ${value}`);

describe("a decision", () => {
  test("by a tick acts at once, runs the stored action once, and finishes the note", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions).toMatchObject([{ id, params: { amount_cents: 150000, payee: "ACME" } }]);
    expect(stage.names("pending")).toEqual([]);
    expect(stage.note(id, "done")).toContain('"receipt": "R-1"');
    expect(stage.note(id, "done")).toContain("- [x] Approve");
  });

  test("typed acts only after it has stood still", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: approved"));
    expect(await stage.status(id)).toBe("pending");
    await stage.pass(1_500);
    await stage.edit(id, property("reviewer", "ada"));
    await stage.pass(1_999);
    expect(await stage.status(id)).toBe("pending");
    await stage.pass(1);
    expect(await stage.status(id)).toBe("executed");
    expect(await stage.application.show(id)).toMatchObject({
      decision: { reviewer: "ada", via: "decision" },
    });
  });

  test("that becomes unclear while it settles is none", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: approved"));
    await stage.pass(1_500);
    await stage.edit(id, property("decision", "approved only item 2"));
    await stage.pass(5_000);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.executions).toEqual([]);
  });

  test("to reject blocks at once, and takes the reason that is typed behind it", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: rejected"));
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.names("done")).toEqual([]);
    await expect(
      stage.application.decide(id, { verb: "approve", reviewer: null, reason: null, via: "cli" }),
    ).rejects.toMatchObject({
      code: "already_final",
    });
    await stage.pass(1_500);
    await stage.edit(id, property("reason", "too expensive"));
    await stage.pass(2_000);
    expect(await stage.application.show(id)).toMatchObject({
      status: "rejected",
      decision: { reason: "too expensive" },
    });
    expect(stage.names("done")).toEqual([`${id}.md`]);
    expect(stage.executions).toEqual([]);
  });

  test("to have it changed settles like an approval", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: changes_requested"));
    await stage.edit(id, property("reason", "split it"));
    await stage.pass(2_000);
    expect(await stage.application.show(id)).toMatchObject({
      status: "changes_requested",
      decision: { reason: "split it" },
    });
  });

  test("by dragging the note decides like the word", async () => {
    const stage = await open();
    const [yes, no] = [await submit(stage), await submit(stage)];
    await stage.move(yes, "pending", "approved");
    await stage.move(no, "pending", "rejected");
    await stage.pass(2_000);
    expect([await stage.status(yes), await stage.status(no)]).toEqual(["executed", "rejected"]);
    expect(stage.names("approved").concat(stage.names("rejected"))).toEqual([]);
  });

  test("from the command line acts at once and is finished like any other", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: "fine", via: "cli" });
    await stage.daemon.settled();
    await stage.daemon.look(id);
    await stage.daemon.settled();
    expect(await stage.status(id)).toBe("executed");
    expect(stage.note(id, "done")).toMatch(/decision: approved\nreviewer: ada\nreason: "?fine/);
  });

  test("about another digest than the request's is refused", async () => {
    const stage = await open();
    const id = await submit(stage);
    const input = {
      verb: "approve",
      reviewer: "ada",
      reason: null,
      digest: "sha256:00",
      via: "cli",
    } as const;
    await expect(stage.application.decide(id, input)).rejects.toMatchObject({ code: "digest_mismatch" });
  });

  test("to approve does not act while the repository is merging; to reject does", async () => {
    let merging = true;
    const stage = await open({ merging: () => merging });
    const [yes, no] = [await submit(stage), await submit(stage)];
    await stage.edit(yes, tick("Approve"));
    await stage.edit(no, tick("Reject"));
    await stage.pass(3_000);
    expect([await stage.status(yes), await stage.status(no)]).toEqual(["pending", "rejected"]);
    merging = false;
    await stage.pass(1_000);
    expect(await stage.status(yes)).toBe("executed");
  });
});

describe("what is not understood", () => {
  test("is told on the dashboard at once, in the note when it is quiet, and taken away when it is mended", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: aproved"));
    await stage.pass(1_000);
    expect(readFileSync(join(stage.root, "Dashboard.md"), "utf8")).toContain("aproved");
    expect(stage.note(id)).not.toContain("Not decided yet");
    await stage.pass(10_000);
    expect(stage.note(id)).toContain("Not decided yet");
    expect(stage.note(id)).toContain("aproved");
    await stage.edit(id, property("decision", ""));
    await stage.pass(10_000);
    expect(stage.note(id)).not.toContain("Not decided yet");
    expect(await stage.status(id)).toBe("pending");
  });

  test("waits longer with an answer while the word is the beginning of a valid one", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, type("decision: app"));
    await stage.pass(29_999);
    expect(stage.note(id)).not.toContain("Not decided yet");
    await stage.pass(1);
    expect(stage.note(id)).toContain("Not decided yet");
  });

  test("a changed action keeps an approval from counting until it is undone, and approved again", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, (text) => tick("Approve")(text).replace(": 150000", ": 15"));
    await stage.pass(20_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, (text) => text.replace(/: 15(?=,\n)/, ": 150000"));
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, (text) => text.replace("- [x] Approve", "- [ ] Approve"));
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions).toMatchObject([{ params: { amount_cents: 150000 } }]);
  });

  test("an emptied note decides nothing and is told", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, () => "");
    await stage.pass(12_000);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.note(id)).toContain("- [ ] Approve");
  });
});

describe("a note that goes away", () => {
  test("is written again with a word on how to say no", async () => {
    const stage = await open();
    const id = await submit(stage);
    rmSync(stage.pathOf("pending", id));
    await stage.daemon.look(id);
    expect(stage.note(id)).toBeNull();
    await stage.pass(2_000);
    await stage.daemon.rescan();
    await stage.daemon.settled();
    expect(stage.note(id)).toContain("This note was missing");
    await stage.edit(id, tick("Reject"));
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.note(id, "done")).not.toContain("This note was missing");
  });

  test("while its request ends gets its finished note all the same, also after a restart", async () => {
    const stage = await open();
    const [first, second] = [await submit(stage), await submit(stage)];
    rmSync(stage.pathOf("pending", first));
    rmSync(stage.pathOf("pending", second));
    await stage.application.cancel(first, { by: "billing-agent", reason: null });
    await stage.daemon.look(first);
    await stage.daemon.settled();
    expect(stage.note(first, "done")).toContain("status: cancelled");
    await stages.kill(stage);
    stage.clock.set(stage.clock.now() + 3_600_000);
    const next = await open({}, stage);
    expect(next.note(second, "done")).toContain("status: expired");
    expect(next.names("pending")).toEqual([]);
  });

  test("elsewhere in the vault is not made again, and counts once it is back", async () => {
    const stage = await open();
    const id = await submit(stage);
    const away = join(stage.root, "Projects", `${id}.md`);
    mkdirSync(join(stage.root, "Projects"));
    await stage.edit(id, (text) => text);
    renameSync(stage.pathOf("pending", id), away);
    await stage.daemon.rescan();
    await stage.daemon.settled();
    expect(stage.names("pending")).toEqual([]);
    renameSync(away, stage.pathOf("pending", id));
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("executed");
  });
});

test("notes that the daemon knows nothing of are left alone and listed", async () => {
  const stage = await open();
  const other = "20261121-080000-payment-aaaaaa";
  writeFileSync(stage.pathOf("pending", other), "---\nstatus: approved\n---\n");
  writeFileSync(join(stage.root, "Pending_Approval", "my own.md"), "text");
  await stage.daemon.rescan();
  await stage.pass(1_000);
  expect(stage.names("pending")).toEqual([`${other}.md`, "my own.md"]);
  const dashboard = readFileSync(join(stage.root, "Dashboard.md"), "utf8");
  expect(dashboard).toContain(other);
  expect(dashboard).toContain("my own.md");
  expect(stage.executions).toEqual([]);
});

describe("a finished request", () => {
  test("whose note an editor brings back decides nothing, and the note is kept and answered", async () => {
    const stage = await open();
    const id = await submit(stage);
    const before = stage.note(id) ?? "";
    await stage.edit(id, tick("Reject"));
    await stage.pass(2_000);
    writeFileSync(stage.pathOf("pending", id), tick("Approve")(before));
    await stage.daemon.look(id);
    await stage.pass(1_000);
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.executions).toEqual([]);
    expect(stage.names("pending")).toEqual([]);
    expect(stage.names("done")).toEqual([`${id}-late-1.md`, `${id}.md`]);
    expect((await stage.application.show(id)).history.at(-1)).toMatchObject({ event: "refused" });
  });

  test("whose note comes back in pieces is kept whole", async () => {
    const stage = await open();
    const id = await submit(stage);
    const text = `${tick("Approve")(stage.note(id) ?? "")}Mine, and more of it.\n`;
    await stage.application.cancel(id, { by: "billing-agent", reason: null });
    await stage.daemon.settled();
    for (const length of [200, text.length - 10, text.length]) {
      writeFileSync(stage.pathOf("pending", id), text.slice(0, length));
      await stage.daemon.look(id);
      await stage.pass(500);
    }
    await stage.pass(1_000);
    expect(stage.names("done")).toEqual([`${id}-late-1.md`, `${id}.md`]);
    expect(readFileSync(stage.pathOf("done", `${id}-late-1`), "utf8")).toContain("Mine, and more of it.\n");
  });

  test("whose very note comes back leaves no second copy", async () => {
    const stage = await open();
    const id = await submit(stage);
    const ticked = tick("Approve")(stage.note(id) ?? "");
    await stage.edit(id, () => ticked);
    writeFileSync(stage.pathOf("pending", id), ticked);
    await stage.daemon.look(id);
    await stage.pass(1_000);
    expect(stage.names("pending")).toEqual([]);
    expect(stage.names("done")).toEqual([`${id}.md`]);
    expect(stage.executions.length).toBe(1);
  });

  test("with an unreadable note gets a fresh one, and the person's is kept beside it", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, () => "all gone, but my words\n");
    await stage.application.decide(id, { verb: "reject", reviewer: "ada", reason: null, via: "cli" });
    await stage.daemon.look(id);
    await stage.daemon.settled();
    expect(stage.note(id, "done")).toContain("status: rejected");
    expect(stage.names("done")).toEqual([`${id}-late-1.md`, `${id}.md`]);
  });
});

describe("time", () => {
  test("runs out without a decision", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.pass(3_600_000);
    expect(await stage.status(id)).toBe("expired");
    expect(stage.note(id, "done")).toContain("status: expired");
  });

  test("an approval first seen after the deadline is late, the daemon's downtime included", async () => {
    const stage = await open();
    const id = await submit(stage);
    const path = stage.pathOf("pending", id);
    const note = stage.note(id) ?? "";
    const stopped = stage;
    await stages.kill(stopped);
    stage.clock.set(stage.clock.now() + 3_600_000);
    writeFileSync(path, tick("Approve")(note));
    const next = await open({}, stopped);
    expect(await next.status(id)).toBe("expired");
    expect(next.executions).toEqual([]);
    expect((await next.application.show(id)).history.map(({ event }) => event)).toContain("refused");
  });

  test("a statement seen in time may settle past the deadline", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.pass(3_599_000);
    await stage.edit(id, type("decision: approved"));
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("executed");
  });
});

describe("an execution", () => {
  const answers: [Outcome, string][] = [
    [{ status: "executed", result: "plain text" }, "executed"],
    [{ status: "failed", error: "exit code 3" }, "failed"],
    [{ status: "unknown", cause: "it was killed" }, "outcome_unknown"],
  ];
  test.each(answers)("that ends as %j leads to %s", async (outcome, status) => {
    const stage = await open({ handler: async () => outcome });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe(status);
  });

  test("whose handler throws is unknown, never repeated", async () => {
    const stage = await openStage(stages.scenery(), {
      handler: async () => {
        throw new Error("broken handler");
      },
    });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("outcome_unknown");
    expect(stage.executions.length).toBe(1);
    await stage.close();
  });

  test("cut short by a crash becomes unknown, and a person resolves it in the note", async () => {
    const stage = await open({ handler: () => new Promise(() => {}) });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("executing");
    const next = await restart(stage);
    expect(await next.status(id)).toBe("outcome_unknown");
    expect(next.executions.length).toBe(1);
    expect(next.note(id)).toContain("- [ ] It happened");
    await next.edit(id, tick("It happened"));
    expect(await next.status(id)).toBe("executed");
    expect(next.names("done")).toEqual([`${id}.md`]);
    expect(next.executions.length).toBe(1);
  });

  test("waits while all executions are halted, also over a restart, and can be taken back meanwhile", async () => {
    const stage = await open();
    const [first, second] = [await submit(stage), await submit(stage)];
    await stage.application.halt("ada");
    await stage.edit(first, tick("Approve"));
    await stage.edit(second, tick("Approve"));
    expect(await stage.status(first)).toBe("approved");
    const next = await restart(stage);
    expect(await next.status(first)).toBe("approved");
    await next.edit(second, (text) => text.replace("- [x] Approve", "- [ ] Approve"));
    expect(await next.status(second)).toBe("pending");
    await next.application.resume("ada");
    await next.daemon.settled();
    await next.daemon.look(first);
    await next.daemon.settled();
    expect(await next.status(first)).toBe("executed");
    expect(await next.status(second)).toBe("pending");
  });
});

describe("a caller's action", () => {
  async function approved(stage: Stage) {
    const { request, token } = await stage.application.submit({
      kind: "refactor",
      params: { invoice: newInvoice() },
    });
    const { id } = request;
    await stage.edit(id, tick("Approve"));
    expect(await stage.status(id)).toBe("approved");
    return { id, token: token ?? "" };
  }

  test("is claimed once with the grant and completed", async () => {
    const stage = await open();
    const { id, token } = await approved(stage);
    const { grant } = await stage.application.grant(id, token);
    await expect(stage.application.grant(id, "another")).rejects.toMatchObject({ code: "token_invalid" });
    expect(await stage.application.claim(id, { token, grant })).toMatchObject({ status: "executing" });
    await expect(stage.application.claim(id, { token, grant })).rejects.toMatchObject({
      code: "already_started",
    });
    await stage.application.complete(id, { token, outcome: { result: { files: 3 } } });
    await stage.daemon.look(id);
    await stage.daemon.settled();
    expect(await stage.application.show(id)).toMatchObject({ status: "executed", result: { files: 3 } });
    expect(stage.names("done")).toEqual([`${id}.md`]);
  });

  test("claimed and not reported before the grant runs out is unknown", async () => {
    const stage = await open();
    const { id, token } = await approved(stage);
    const { grant } = await stage.application.grant(id, token);
    await stage.application.claim(id, { token, grant });
    const next = await restart(stage);
    await next.pass(900_000);
    expect(await next.status(id)).toBe("outcome_unknown");
    await expect(next.application.complete(id, { token, outcome: { result: null } })).rejects.toMatchObject({
      code: "not_executing",
    });
  });

  test("not claimed before the grant runs out expires", async () => {
    const stage = await open();
    const { id, token } = await approved(stage);
    const { grant } = await stage.application.grant(id, token);
    await stage.pass(900_000);
    expect(await stage.status(id)).toBe("expired");
    await expect(stage.application.claim(id, { token, grant })).rejects.toMatchObject({
      code: "grant_expired",
    });
  });

  test("is not approved by another request's grant", async () => {
    const stage = await open();
    const [one, two] = [await approved(stage), await approved(stage)];
    const { grant } = await stage.application.grant(one.id, one.token);
    await expect(stage.application.claim(two.id, { token: two.token, grant })).rejects.toMatchObject({
      code: "grant_invalid",
    });
  });
});

describe("submissions", () => {
  test("with the same key and action are one request, also at the same moment and after a restart", async () => {
    const stage = await open();
    const input = { kind: "payment", params: { a: 1 }, requester: "r", key: "k" };
    const answers = await Promise.all([stage.application.submit(input), stage.application.submit(input)]);
    expect(new Set(answers.map(({ request }) => request.id)).size).toBe(1);
    expect(answers.map(({ created }) => created).sort()).toEqual([false, true]);
    const next = await restart(stage);
    expect(await next.application.submit(input)).toMatchObject({ created: false });
    await expect(next.application.submit({ ...input, params: { a: 2 } })).rejects.toMatchObject({
      code: "key_reused",
    });
    expect(next.names("pending").length).toBe(1);
  });

  test("of the same action without a key are one request, also at the same moment", async () => {
    const stage = await open();
    const input = { kind: "payment", params: { a: 1, b: 2 }, requester: "r" };
    const others = [
      { ...input, requester: "s" },
      { ...input, on_behalf_of: "ada" },
      { ...input, params: { a: 1 } },
      { ...input, key: "k" },
    ];
    const same = Array.from({ length: 5 }, () => ({ ...input, params: { b: 2, a: 1 } }));
    const answers = await Promise.all([...same, ...others].map((one) => stage.application.submit(one)));
    const joined = answers.slice(0, 5);
    expect(new Set(joined.map(({ request }) => request.id)).size).toBe(1);
    expect(joined.map((one) => one.joined)).toEqual([false, true, true, true, true]);
    expect(joined.map(({ request }) => request.asked)).toEqual([1, 2, 3, 4, 5]);
    expect(answers.slice(5).every(({ created }) => created)).toBe(true);
    const { id } = joined[0]?.request ?? { id: "" };
    await stage.edit(id, tick("Approve"));
    expect(stage.executions.length).toBe(1);
    expect(await stage.application.submit(input)).toMatchObject({ created: true, joined: false });
  });

  test("join neither what has started nor what somebody else would execute now", async () => {
    const stage = await open({ handler: () => new Promise(() => {}) });
    const input = { kind: "payment", params: { a: 1 } };
    const { request } = await stage.application.submit(input);
    await stage.edit(request.id, tick("Approve"));
    expect(await stage.application.submit(input)).toMatchObject({ created: true });
    const before = await stage.application.submit({ kind: "refactor", params: {} });
    expect(await stage.application.submit({ kind: "refactor", params: {} })).toMatchObject({
      joined: true,
      token: null,
      request: { id: before.request.id },
    });
    stage.kinds.set("refactor", { ...stage.kinds.get("payment") } as Kind);
    expect(await stage.application.submit({ kind: "refactor", params: {} })).toMatchObject({ created: true });
  });

  test("are waited for, before and after a restart", async () => {
    const stage = await open();
    const id = await submit(stage);
    const never = new AbortController().signal;
    const waiting = stage.application.wait(id, 60_000, never);
    await stage.edit(id, tick("Approve"));
    expect(await waiting).toMatchObject({ status: "executed" });
    expect(await stage.application.wait(id, 60_000, never)).toMatchObject({ status: "executed" });
    const next = await restart(stage);
    expect(await next.application.wait(id, 60_000, never)).toMatchObject({
      status: "executed",
      result: { receipt: "R-1" },
    });
  });

  test("that are cancelled are never executed", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.cancel(id, { by: "billing-agent", reason: null });
    await stage.daemon.look(id);
    await stage.daemon.settled();
    expect(stage.note(id, "done")).toContain("status: cancelled");
    await expect(
      stage.application.decide(id, { verb: "approve", reviewer: null, reason: null, via: "cli" }),
    ).rejects.toMatchObject({
      code: "already_final",
    });
  });
});
