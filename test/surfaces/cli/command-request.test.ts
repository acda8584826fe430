import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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

describe("request", () => {
  test("is by whom the environment says, before the current user", async () => {
    const application = await stage.serve();
    const env = { USER: "ada", COUNTERSIGN_REQUESTER: "coder" };
    await stage.run(["request", "--kind", "payment"], { env });
    await stage.run(["request", "--kind", "payment", "--requester", "other"], { env });
    expect(application.calls.map(([, input]) => (input as { requester: string }).requester)).toEqual([
      "coder",
      "other",
    ]);
  });

  test("sends what was asked for and prints the id alone", async () => {
    const application = await stage.serve();
    writeFileSync(join(stage.root, "p.json"), '{"iban": "DE02", "lines": [1, 2]}');
    const found = await stage.run([
      ..."request --kind payment --title T --key k1 --expires 30m --not-before 2026-11-21T18:00+01:00 --on-behalf-of cfo".split(
        " ",
      ),
      ...["--param", "payee=A=B", "--param", "amount_cents:=150000", "--params", join(stage.root, "p.json")],
    ]);
    expect(found).toEqual({ exit: 0, out: `${ID}\n`, err: "" });
    expect(application.calls).toEqual([
      [
        "submit",
        {
          kind: "payment",
          params: { iban: "DE02", lines: [1, 2], payee: "A=B", amount_cents: 150_000 },
          requester: "billing-agent",
          title: "T",
          on_behalf_of: "cfo",
          key: "k1",
          expires_in_ms: 1_800_000,
          not_before: Date.parse("2026-11-21T17:00Z"),
          token_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ],
    ]);
  });

  test("reads params from standard input, and prints the request with --json", async () => {
    const application = await stage.serve();
    const argv = ["request", "--kind", "a", "--params", "-", "--requester", "me", "--json"];
    const found = await stage.run(argv, { input: '{"x": 1}' });
    expect(JSON.parse(found.out)).toEqual({ ...view(), joined: false });
    expect(application.calls[0]?.[1]).toMatchObject({ kind: "a", params: { x: 1 }, requester: "me" });
  });

  test("says that a key was known", async () => {
    await stage.serve({
      submit: async () => ({ request: view(), created: false, joined: false, own: false, token: null }),
    });
    expect(await stage.run(["request", "--kind", "a", "--key", "k"])).toMatchObject({
      exit: 0,
      out: `${ID}\n`,
      err: expect.stringContaining("used for the same action before"),
    });
  });

  test("says that the request joined one that waits, and waits for its outcome, not for a grant", async () => {
    const joined = view({ asked: 2, executor: "caller" });
    const application = await stage.serve({
      submit: async () => ({ request: joined, created: false, joined: true, own: false, token: null }),
      wait: async () => view({ status: "executed", executor: "caller" }),
    });
    const told = await stage.run(["request", "--kind", "a", "--json"]);
    expect(JSON.parse(told.out)).toMatchObject({ id: ID, asked: 2, joined: true });
    expect(told.err).toContain("Only who asked first can claim it");
    expect(await stage.run(["request", "--kind", "a", "--wait"])).toMatchObject({ exit: 0 });
    expect(application.calls.at(-1)).toEqual(["wait", ID, expect.any(Number), "outcome"]);
  });

  test("--wait prints the outcome", async () => {
    const decision = {
      verb: "approve",
      reviewer: "anna",
      claimed: null,
      reason: "ok",
      assurance: "edit",
      via: "box",
      decided_at: "2026-11-21T09:15:00.000Z",
    } as const;
    await stage.serve({ wait: async () => view({ status: "executed", decision, result: { receipt: 7 } }) });
    const { out } = await stage.run(["request", "--kind", "a", "--wait"]);
    expect(out).toBe(
      `${ID} executed\n  decision  approve by anna at 2026-11-21 09:15:00Z (box, edit)\n  reason    ok\n  result    {\n              "receipt": 7\n            }\n`,
    );
  });
});

describe("a wait", () => {
  test("goes on over long polls that end without news", async () => {
    let polls = 0;
    await stage.serve({
      wait: async () => {
        polls += 1;
        return view({ status: polls < 3 ? "pending" : "executed" });
      },
    });
    expect((await stage.run(["wait", ID])).exit).toBe(0);
    expect(polls).toBe(3);
  });

  test("gives 75 when --timeout runs out", async () => {
    await stage.serve({ wait: async () => view() });
    const found = await stage.run(["wait", ID, "--timeout", "120ms"]);
    expect(found).toMatchObject({ exit: 75, out: "" });
    expect(found.err).toContain(`${ID} is still pending.`);
    expect(found.err).toContain(`countersign wait ${ID}`);
    expect((await stage.run(["wait", ID, "--timeout", "120ms", "--json"])).out).toContain('"no_answer"');
  });

  test("gives 75 when no daemon came in time", async () => {
    const found = await stage.run(["wait", ID, "--timeout", "120ms"]);
    expect(found.exit).toBe(75);
    expect(found.err.match(/waiting for it/g)).toHaveLength(1);
  });

  test("survives a daemon's restart, and says once that it waits", async () => {
    const begun = Promise.withResolvers<void>();
    const wait = (_: string, __: number, signal: AbortSignal) =>
      new Promise<ReturnType<typeof view>>((resolve) => {
        signal.addEventListener("abort", () => resolve(view()));
        begun.resolve();
      });
    await stage.serve({ wait });
    const missed = Promise.withResolvers<void>();
    const running = stage.run(["wait", ID], { onErr: () => missed.resolve() });
    await begun.promise;
    await stage.stopServing();
    await missed.promise;
    await stage.serve({ wait: async () => view({ status: "executed" }) });
    const found = await running;
    expect(found.exit).toBe(0);
    expect(found.err).toBe("The daemon is not running; waiting for it.\n");
  });

  test("lets the reason of a rejection come in", async () => {
    const decision = {
      verb: "reject",
      reviewer: "anna",
      claimed: null,
      assurance: "edit",
      via: "decision",
      decided_at: "2026-11-21T09:15:00.000Z",
    } as const;
    const reasons = [null, "too much"];
    await stage.serve({
      wait: async () =>
        view({ status: "rejected", decision: { ...decision, reason: reasons.shift() ?? null } }),
    });
    expect((await stage.run(["wait", ID])).out).toContain("too much");
  });

  test("for an unknown id gives 2 at once", async () => {
    await stage.serve();
    expect((await stage.run(["wait", "20261121-000000-none-aaaaaa"])).exit).toBe(2);
  });
});
