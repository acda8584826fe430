import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SubmitInput } from "../../src/application/application.ts";
import {
  FOLDERS,
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
} from "../scenarios/stage.ts";

let scenery: Scenery;
let stage: Stage;

beforeEach(async () => {
  scenery = makeScenery();
  stage = await openStage(scenery);
});

afterEach(async () => {
  await stage.close();
  expect(stage.errors).toEqual([]);
  removeScenery(scenery);
});

const PAYMENT = { kind: "payment", params: { amount_cents: 5, payee: "ACME" }, requester: "bot" };
const ask = async (changes: Partial<SubmitInput> = {}) =>
  (await stage.application.submit({ ...PAYMENT, ...changes })).request;
const refused = (asked: Promise<unknown>) =>
  asked.then(
    () => "taken",
    (error) => error.code,
  );
const reject = (id: string, reason: string | null = "too much") =>
  stage.application.decide(id, { verb: "reject", reviewer: "ada", reason, via: "cli" });
const show = (id: string) => stage.application.show(id);
const read = (id: string) => readFileSync(stage.pathOf("pending", id), "utf8");
/** Every attempt asks for another amount. */
let amount = 10;
const changed = () => {
  amount += 1;
  return { params: { ...PAYMENT.params, amount_cents: amount } };
};

describe("what the requester is told", () => {
  test("of a rejection: whose it was, why, and that it may try again", async () => {
    const { id } = await ask();
    expect((await show(id)).feedback).toBeNull();
    expect((await reject(id)).feedback).toEqual({
      outcome: "rejected",
      reason: "too much",
      reviewer: "ada",
      retryable: true,
    });
  });

  test("of wanted changes, expiry and failure", async () => {
    const [first, second] = [await ask(changed()), await ask({ ...changed(), expires_in_ms: 1_000 })];
    const input = { verb: "request_changes", reviewer: "ada", reason: "split it", via: "cli" } as const;
    const outcome = { outcome: "changes_requested", reason: "split it", reviewer: "ada", retryable: true };
    expect((await stage.application.decide(first.id, input)).feedback).toEqual(outcome);
    await stage.pass(2_000);
    expect((await show(second.id)).feedback).toMatchObject({
      outcome: "expired",
      reviewer: null,
      retryable: true,
    });
    await stage.close();
    stage = await openStage(scenery, { handler: async () => ({ status: "failed", error: "no money" }) });
    const third = await ask(changed());
    await stage.application.decide(third.id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.daemon.settled();
    expect((await show(third.id)).feedback).toEqual({
      outcome: "failed",
      reason: "no money",
      reviewer: null,
      retryable: true,
    });
  });

  test("nothing where it was done or withdrawn", async () => {
    const [first, second] = [await ask(changed()), await ask(changed())];
    await stage.application.decide(first.id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.application.cancel(second.id, { by: "bot", reason: null });
    await stage.daemon.settled();
    expect((await show(first.id)).feedback).toBeNull();
    expect((await show(second.id)).feedback).toBeNull();
  });
});

describe("a retry", () => {
  test("is of an own request that is finished and was not done", async () => {
    const open = await ask();
    expect(await refused(ask({ ...changed(), previous: open.id }))).toBe("not_retryable");
    expect(await refused(ask({ ...changed(), previous: open.id, requester: "other" }))).toBe("not_found");
    expect(await refused(ask({ ...changed(), previous: open.id, on_behalf_of: "cfo" }))).toBe("not_found");
    expect(await refused(ask({ ...changed(), previous: "no-such-id" }))).toBe("not_found");
    await stage.application.decide(open.id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.daemon.settled();
    expect(await refused(ask({ ...changed(), previous: open.id }))).toBe("not_retryable");
  });

  test("is not taken while it is not known what came of the one before", async () => {
    await stage.close();
    stage = await openStage(scenery, { handler: async () => ({ status: "unknown", cause: "gone" }) });
    const { id } = await ask();
    await stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.daemon.settled();
    expect((await show(id)).status).toBe("outcome_unknown");
    expect(await refused(ask({ ...changed(), previous: id }))).toBe("not_retryable");
    await stage.application.resolve(id, { happened: false, by: "ada", reason: null });
    expect(await refused(ask({ ...changed(), previous: id }))).toBe("taken");
  });

  test("is of the same kind of action", async () => {
    const { id } = await ask();
    await reject(id);
    expect(await refused(ask({ kind: "refactor", params: {}, previous: id }))).toBe("not_retryable");
  });

  test("is made once of each attempt, also at the same moment and over restarts", async () => {
    const { id } = await ask();
    await reject(id);
    const both = await Promise.all([
      refused(ask({ ...changed(), previous: id })),
      refused(ask({ ...changed(), previous: id })),
    ]);
    expect(both.sort()).toEqual(["not_retryable", "taken"]);
    await stage.close();
    stage = await openStage(scenery);
    expect(await refused(ask({ ...changed(), previous: id }))).toBe("not_retryable");
  });

  test("counts attempts up to the most that there may be, whoever leaves out the link", async () => {
    const chain = [await ask()];
    for (let at = 1; at < 5; at += 1) {
      const before = chain.at(-1)?.id ?? "";
      expect((await reject(before)).feedback?.retryable).toBe(true);
      chain.push(await ask({ ...changed(), previous: before }));
    }
    expect(chain.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    const last = chain.at(-1);
    expect((await reject(last?.id ?? "")).feedback?.retryable).toBe(false);
    expect(await refused(ask({ ...changed(), previous: last?.id ?? "" }))).toBe("too_many_attempts");
    await stage.pass(600_000);
    expect(await refused(ask({ params: last?.params ?? {} }))).toBe("too_many_attempts");
    expect(await refused(ask(changed()))).toBe("taken");
  });

  test("with a key that was used is the request of that key, as it always was", async () => {
    const { id } = await ask({ key: "k" });
    await reject(id);
    expect(await stage.application.submit({ ...PAYMENT, key: "k", previous: id })).toMatchObject({
      created: false,
      request: { id, status: "rejected" },
    });
  });
});

describe("the same action behind a no", () => {
  test("is refused for the cool-down, and then says so in its first line", async () => {
    const { id } = await ask();
    await reject(id);
    expect(await refused(ask())).toBe("asked_too_soon");
    expect(await refused(ask({ key: "another" }))).toBe("asked_too_soon");
    expect(await refused(ask({ requester: "other" }))).toBe("taken");
    expect(await refused(ask(changed()))).toBe("taken");
    await stage.pass(599_999);
    expect(await refused(ask())).toBe("asked_too_soon");
    await stage.pass(1);
    const again = await ask();
    expect(again).toMatchObject({ attempt: 2, previous: null });
    const note = read(again.id);
    const [, body = ""] = note.split("\n---\n");
    expect(body.trim().split("\n")[0]).toMatch(
      new RegExp(
        `^> \\[!warning\\] The same action was rejected at .* by ada: too much\\. See \\[\\[${id}\\]\\]\\.$`,
      ),
    );
  });

  test("is nothing special any more once it was executed, with a person's yes", async () => {
    const { id } = await ask();
    await reject(id);
    await stage.pass(600_000);
    const again = await ask();
    await stage.application.decide(again.id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.daemon.settled();
    expect((await show(again.id)).status).toBe("executed");
    expect(await ask()).toMatchObject({ attempt: 1, previous: null });
  });

  test("is remembered over restarts, in every place where the journal has it", async () => {
    const early = await ask(changed());
    await reject(early.id);
    await stage.close();
    stage = await openStage(scenery);
    expect(await refused(ask({ params: early.params }))).toBe("asked_too_soon");
  });

  test("does not make the requester wait where nobody said no", async () => {
    const { id } = await ask({ expires_in_ms: 1_000 });
    await stage.pass(1_000);
    expect((await show(id)).status).toBe("expired");
    expect(await refused(ask())).toBe("taken");
  });

  test("cannot be approved once its first line is gone", async () => {
    const { id } = await ask();
    await reject(id);
    await stage.pass(600_000);
    const again = await ask();
    const edit = (text: string) =>
      text.replace(/^> \[!warning\] The same.*\n/m, "").replace("- [ ] A", "- [x] A");
    await stage.edit(again.id, edit);
    await stage.pass(2_000);
    expect((await show(again.id)).status).toBe("pending");
    const whole = (text: string) => text.replace("\n---\n", `\n---\n\n${lineOf(id)}\n`);
    await stage.edit(again.id, (text) => whole(text).replace("- [x] A", "- [ ] A"));
    await stage.edit(again.id, (text) => text.replace("- [ ] A", "- [x] A"));
    await stage.pass(2_000);
    expect((await show(again.id)).status).toBe("executed");
  });

  const lineOf = (id: string) =>
    `> [!warning] The same action was rejected at 2026-11-21T09:14:03Z by ada: too much. See [[${id}]].`;
});

test("whatever reason and params are quoted, they are harmless in the new note and can be approved", async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "binary", minLength: 1, maxLength: 80 }),
      fc.string({ unit: "grapheme", maxLength: 30 }),
      async (reason, text) => {
        number += 1;
        const first = await ask({ params: { number, text } });
        await reject(first.id, reason.toWellFormed());
        const second = await ask({ params: { number, other: reason.toWellFormed() }, previous: first.id });
        const note = read(second.id);
        expect(note.split("\n").filter((line) => line.startsWith("- ["))).toHaveLength(2);
        expect(note.match(/^## /gm)).toHaveLength(5);
        await stage.edit(second.id, (shown) => shown.replace("- [ ] A", "- [x] A"));
        await stage.pass(1);
        expect((await show(second.id)).status).toBe("executed");
      },
    ),
    { numRuns: 15 },
  );
  expect(readdirSync(join(scenery.root, FOLDERS.pending))).toEqual([]);
});
