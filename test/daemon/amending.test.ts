import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { Ledger, Vault } from "../../src/daemon/ports.ts";
import type { Stage } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

const stages = createStages();
const { open, restart } = stages;

afterEach(() => stages.end());

async function submit(stage: Stage): Promise<string> {
  const params = { amount_cents: 150000, payee: "ACME" };
  return (await stage.application.submit({ kind: "invoice", params, requester: "bot" })).request.id;
}

async function events(stage: Stage): Promise<string[]> {
  const types: string[] = [];
  for await (const { event } of stage.ledger.records(0)) types.push(event.type);
  return types;
}

/** A port with some of its methods replaced. */
function instead<T extends object>(port: T, others: Partial<T>): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(name in others ? others : target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const amount = (cents: number | string) => (text: string) =>
  text.replace(/"amount_cents": [^,\n]*/, `"amount_cents": ${cents}`);
const tick = (text: string) => text.replace("- [ ] Approve", "- [x] Approve");
const both = (cents: number) => (text: string) => tick(amount(cents)(text));
const ticked = /- \[x\] Approve/;

describe("a change of the action", () => {
  test("is not taken up while the note is being saved, nor with a tick, however often it is seen", async () => {
    const stage = await open();
    const id = await submit(stage);
    for (let i = 1; i <= 4; i += 1) {
      await stage.edit(id, both(i));
      await stage.pass(9_000);
    }
    expect(await events(stage)).toEqual(["submitted"]);
    await stage.pass(1_000);
    expect(await events(stage)).toEqual(["submitted", "amended"]);
    await stage.pass(60_000);
    expect(stage.note(id)).not.toMatch(ticked);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.executions).toEqual([]);
  });

  test("counts neither for what it was nor for what it became by a word that was typed before", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, (text) =>
      amount(5)(text)
        .replace("decision:", "decision: approved")
        .replace("status: pending", "status: approved"),
    );
    await stage.pass(60_000);
    expect(await events(stage)).toEqual(["submitted", "amended"]);
    expect(stage.note(id)).toMatch(/^decision: ?$/m);
    expect(stage.note(id)).toMatch(/^status: pending$/m);
  });

  test("is not in the way of a no, which counts at once", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, (text) => amount(5)(text).replace("[ ] Reject", "[x] Reject"));
    expect(await stage.status(id)).toBe("rejected");
    await stage.pass(5_000);
    expect(await stage.application.show(id)).toMatchObject({ amended: [], params: { amount_cents: 150000 } });
  });

  test("is not taken up in the middle of a merge", async () => {
    let merging = true;
    const stage = await open({ merging: () => merging });
    const id = await submit(stage);
    await stage.edit(id, amount(5));
    await stage.pass(60_000);
    expect(await events(stage)).toEqual(["submitted"]);
    merging = false;
    await stage.pass(1_000);
    expect(await events(stage)).toEqual(["submitted", "amended"]);
  });

  test("is not taken up after the deadline", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.pass(3_594_000);
    await stage.edit(id, amount(6));
    await stage.pass(60_000);
    expect(await stage.application.show(id)).toMatchObject({ status: "expired", amended: [] });
  });

  test("that was undone before it was taken up never was; what was ticked meanwhile is ticked anew", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, both(5));
    await stage.pass(5_000);
    await stage.edit(id, amount(150000));
    await stage.pass(30_000);
    expect(await events(stage)).toEqual(["submitted"]);
    await stage.edit(id, (text) => text.replace("- [x] Approve", "- [ ] Approve"));
    await stage.edit(id, tick);
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions).toMatchObject([{ params: { amount_cents: 150000 } }]);
  });

  test("back to what was asked for has the digest that was asked for, and needs its own decision", async () => {
    const stage = await open();
    const id = await submit(stage);
    const { digest } = await stage.application.show(id);
    await stage.edit(id, amount(5));
    await stage.pass(10_000);
    await stage.edit(id, both(150000));
    await stage.pass(10_000);
    expect(await stage.application.show(id)).toMatchObject({ status: "pending", digest, amended: [] });
    expect(stage.note(id)).toContain("It is again what was asked for");
    await stage.edit(id, tick);
    expect(stage.executions).toMatchObject([{ digest, params: { amount_cents: 150000 } }]);
  });

  test("is not taken up from a note that has a copy", async () => {
    const stage = await open();
    const id = await submit(stage);
    const copy = stage.pathOf("pending", id).replace(".md", " 1.md");
    copyFileSync(stage.pathOf("pending", id), copy);
    await stage.edit(id, both(5));
    await stage.daemon.rescan();
    await stage.pass(120_000);
    expect(await events(stage)).toEqual(["submitted"]);
    expect(stage.executions).toEqual([]);
    expect(stage.note(id)).toMatch(/proposes a change of the action, and “.* 1\.md” is there as well/);
  });

  test("keeps a copy that shows what it was from being approved", async () => {
    const stage = await open();
    const id = await submit(stage);
    const former = stage.note(id) ?? "";
    await stage.edit(id, amount(5));
    await stage.pass(10_000);
    writeFileSync(stage.pathOf("pending", id).replace(".md", " 1.md"), tick(former));
    await stage.daemon.rescan();
    await stage.edit(id, tick);
    await stage.pass(120_000);
    expect(await events(stage)).toEqual(["submitted", "amended"]);
  });
});

describe("a daemon that ends between the record of a change and the note", () => {
  async function endBehindRecord(): Promise<{ stage: Stage; id: string }> {
    let dead = false;
    const ledger = (journal: Ledger): Ledger =>
      instead(journal, {
        async append(...args) {
          const recorded = await journal.append(...args);
          if (args[2].some(({ type }) => type === "amended")) {
            dead = true;
            await new Promise(() => {});
          }
          return recorded;
        },
      });
    const stage = await open({ through: { ledger } });
    const id = await submit(stage);
    await stage.edit(id, both(5));
    void stage.pass(10_000);
    await expect.poll(() => dead).toBe(true);
    return { stage, id };
  }

  test("brings it up to date at the next start, and takes the tick of before for none", async () => {
    const { stage, id } = await endBehindRecord();
    expect(stage.note(id)).toMatch(ticked);
    const next = await restart(stage);
    expect(await events(next)).toEqual(["submitted", "amended"]);
    expect(next.note(id)).not.toMatch(ticked);
    expect(next.note(id)).toContain("pays 5 cents to ACME");
    await next.edit(id, tick);
    expect(next.executions).toMatchObject([{ params: { amount_cents: 5 } }]);
  });

  test("does not write into a newer save of the person's, and keeps what that says", async () => {
    const { stage, id } = await endBehindRecord();
    const path = stage.pathOf("pending", id);
    writeFileSync(path, `${amount(7)(readFileSync(path, "utf8"))}\nasked Eve\n`);
    const next = await restart(stage);
    expect(next.note(id)).toMatch(ticked);
    await next.pass(10_000);
    expect(next.note(id)).toContain("asked Eve");
    expect(next.note(id)).not.toMatch(ticked);
    await next.pass(10_000);
    expect(await next.application.show(id)).toMatchObject({ params: { amount_cents: 7 }, status: "pending" });
    expect(next.executions).toEqual([]);
  });

  test("leaves a note alone that was dragged to the folder for approved ones, and says so", async () => {
    const { stage, id } = await endBehindRecord();
    renameSync(stage.pathOf("pending", id), stage.pathOf("approved", id));
    const next = await restart(stage);
    await next.pass(60_000);
    expect(await events(next)).toEqual(["submitted", "amended"]);
    expect(next.note(id, "approved")).toContain("The note shows the action as it was");
    await next.move(id, "approved", "pending");
    await next.pass(30_000);
    expect(next.note(id)).toContain("pays 5 cents to ACME");
    expect(next.executions).toEqual([]);
    await next.move(id, "pending", "approved");
    expect(next.executions).toMatchObject([{ params: { amount_cents: 5 } }]);
  });
});

describe("a note that is put back as it was before a change", () => {
  test("is told of and not written into again and again, by whatever puts it back", async () => {
    let writes = 0;
    const vault = (real: Vault): Vault =>
      instead(real, {
        replace(...args) {
          writes += 1;
          return real.replace(...args);
        },
      });
    const stage = await open({ through: { vault } });
    const id = await submit(stage);
    const former = tick(stage.note(id) ?? "");
    await stage.edit(id, amount(5));
    await stage.pass(10_000);
    expect(writes).toBe(1);
    for (let i = 0; i < 5; i += 1) {
      await stage.edit(id, () => former);
      await stage.pass(1_000);
      expect(stage.note(id)).toBe(former);
    }
    await stage.pass(120_000);
    expect(writes).toBe(2);
    expect(stage.note(id)).toContain("The note shows the action as it was");
    expect(stage.executions).toEqual([]);
    const dashboard = readFileSync(join(stage.root, "Dashboard.md"), "utf8");
    expect(dashboard).toContain("The note shows the action as it was");
  });
});

test("a note does not ask for a decision that was given together with the change", async () => {
  const stage = await open();
  const { request } = await stage.application.submit({ kind: "release", params: { version: "1" } });
  const decision = { verb: "approve", reviewer: "ada", reason: null, via: "cli" } as const;
  await stage.application.decide(request.id, { ...decision, set: { version: "2" } });
  await stage.pass(11_000);
  expect(stage.note(request.id)).toContain('**version** was "1" and is "2" now.');
  expect(stage.note(request.id)).not.toContain("needs a decision of its own");
});

describe("an approval that has not started", () => {
  test("is taken back by a change of the action, which is then proposed", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, tick);
    expect(await stage.status(id)).toBe("approved");
    await stage.edit(id, amount(5));
    expect(await stage.status(id)).toBe("pending");
    await stage.application.resume("ada");
    await stage.pass(60_000);
    expect(await events(stage)).toEqual(["submitted", "approved", "taken_back", "amended"]);
    expect(stage.executions).toEqual([]);
  });

  test("of a caller's action is taken back by it before the caller can claim", async () => {
    const stage = await open();
    const { request, token } = await stage.application.submit({
      kind: "release",
      params: { version: "1.0" },
    });
    await stage.edit(request.id, tick);
    const { grant } = await stage.application.grant(request.id, token ?? "");
    const path = stage.pathOf("pending", request.id);
    writeFileSync(path, readFileSync(path, "utf8").replace('"1.0"', '"2.0"'));
    const claim = stage.application.claim(request.id, { token: token ?? "", grant });
    await expect(claim).rejects.toMatchObject({ code: "not_approved" });
    await stage.pass(10_000);
    await stage.edit(request.id, tick);
    const again = await stage.application.grant(request.id, token ?? "");
    const stale = stage.application.claim(request.id, { token: token ?? "", grant });
    await expect(stale).rejects.toMatchObject({ code: "grant_invalid" });
    const claimed = await stage.application.claim(request.id, { token: token ?? "", grant: again.grant });
    expect(claimed).toMatchObject({
      status: "executing",
      params: { version: "2.0" },
      amended: [{ param: "version", from: "1.0", to: "2.0" }],
    });
  });
});

describe("a change and its approval in one step", () => {
  const said = { verb: "approve", reviewer: "ada", reason: null, via: "cli" } as const;

  test("of a caller's action show in the note while the caller has not begun", async () => {
    const stage = await open();
    const { request } = await stage.application.submit({ kind: "release", params: { version: "1.0" } });
    await stage.application.decide(request.id, { ...said, set: { version: "2.0" } });
    await stage.pass(10_000);
    expect(await stage.status(request.id)).toBe("approved");
    expect(stage.note(request.id)).toContain('"version": "2.0"');
    expect(stage.note(request.id)).toContain('**version** was "1.0" and is "2.0" now');
  });

  test("reach the part of a param that may be changed, and no other", async () => {
    const stage = await open();
    const params = { version: "1.0", notes: { text: "first", signed_by: "bot" } };
    const { request } = await stage.application.submit({ kind: "release", params });
    const set = (changes: Record<string, JsonObject | string>) =>
      stage.application.decide(request.id, { ...said, set: changes });
    for (const wrong of [{ "notes.signed_by": "ada" }, { notes: { text: "x" } }, { "notes.other": "x" }])
      await expect(set(wrong)).rejects.toMatchObject({ code: "not_editable" });
    await set({ "notes.text": "second" });
    await stage.pass(10_000);
    expect(await stage.application.show(request.id)).toMatchObject({
      status: "approved",
      params: { version: "1.0", notes: { text: "second", signed_by: "bot" } },
      amended: [{ param: "notes" }],
    });
    expect(stage.note(request.id)).toContain('**notes.text** was "first" and is "second" now');
  });

  test("are recorded together or not at all", async () => {
    const stage = await open();
    const id = await submit(stage);
    const { digest } = await stage.application.show(id);
    const ask = (set: Record<string, number>, other = {}) =>
      stage.application.decide(id, { ...said, ...other, set });
    await expect(ask({ payee: 1 })).rejects.toMatchObject({ code: "not_editable" });
    await expect(ask({ amount_cents: 1.5 })).rejects.toMatchObject({ code: "invalid_params" });
    await expect(ask({ amount_cents: 1 }, { digest: "sha256:00" })).rejects.toMatchObject({
      code: "digest_mismatch",
    });
    await expect(ask({ amount_cents: 1 }, { verb: "reject" })).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(await events(stage)).toEqual(["submitted"]);
    await ask({ amount_cents: 1 }, { digest });
    await stage.pass(0);
    expect(stage.executions).toMatchObject([{ params: { amount_cents: 1, payee: "ACME" } }]);
    await expect(ask({ amount_cents: 2 })).rejects.toMatchObject({ code: "already_final" });
    expect(existsSync(stage.pathOf("done", id))).toBe(true);
  });

  test("with the values that are there already are just an approval", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.decide(id, { ...said, set: { amount_cents: 150000 } });
    await stage.pass(0);
    expect(await events(stage)).toEqual(["submitted", "approved", "started", "executed", "archived"]);
  });
});
