import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openHaltSwitch } from "../../src/adapters/halt-switch.ts";
import { Fault } from "../../src/core/codes.ts";
import type { Ledger, Outcome } from "../../src/daemon/ports.ts";
import type { Stage } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

/** Ways around the gate, and ways to get stuck in it, that were found by looking for them. */
const stages = createStages();
const { open } = stages;

afterEach(() => stages.end());

let cents = 0;

/** Each for another amount: a request for the same action would join the one that waits. */
async function submit(stage: Stage, kind = "payment"): Promise<string> {
  cents += 1;
  return (await stage.application.submit({ kind, params: { amount_cents: cents, payee: "ACME" } })).request
    .id;
}

async function callersApproval(stage: Stage) {
  const { request, token } = await stage.application.submit({ kind: "refactor", params: {} });
  await stage.edit(request.id, tick("Approve"));
  const { grant } = await stage.application.grant(request.id, token ?? "");
  return { id: request.id, claim: { token: token ?? "", grant } };
}

const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}`, `- [x] ${box}`);
const untick = (box: string) => (text: string) => text.replace(`- [x] ${box}`, `- [ ] ${box}`);
const set = (name: string, value: string) => (text: string) =>
  text.replace(new RegExp(`^${name}:.*$`, "m"), `${name}: ${value}`);

describe("an approval that has not started", () => {
  test("is replaced by a wish for changes", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, set("decision", "approved"));
    await stage.pass(3_000);
    await stage.edit(id, set("decision", "changes_requested"));
    await stage.application.resume("ada");
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("changes_requested");
    expect(stage.executions).toEqual([]);
  });

  test.each(["a box", "a word"])(
    "is taken back by dragging the note to the rejected ones (approved by %s)",
    async (how) => {
      const stage = await open();
      const id = await submit(stage);
      await stage.application.halt("ada");
      await stage.edit(id, how.endsWith("box") ? tick("Approve") : set("decision", "approved"));
      await stage.pass(3_000);
      expect(await stage.status(id)).toBe("approved");
      await stage.move(id, "pending", "rejected");
      await stage.application.resume("ada");
      await stage.pass(60_000);
      expect(stage.executions).toEqual([]);
      expect(await stage.status(id)).toBe("pending");
    },
  );

  test("is taken back by dragging the note back", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.move(id, "pending", "approved");
    expect(await stage.status(id)).toBe("approved");
    await stage.move(id, "approved", "pending");
    await stage.application.resume("ada");
    await stage.pass(10);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.executions).toEqual([]);
  });

  test("is not taken back by a save that empties the note for a moment", async () => {
    const stage = await open();
    const { id } = await callersApproval(stage);
    const text = stage.note(id) ?? "";
    await stage.edit(id, () => "");
    await stage.edit(id, () => `${text}a remark\n`);
    await stage.pass(5_000);
    expect((await stage.application.show(id)).history.map(({ event }) => event)).toEqual([
      "submitted",
      "approved",
    ]);
  });

  test("is for the next start when the daemon is told to stop", async () => {
    const { promise: held, resolve: end } = Promise.withResolvers<Outcome>();
    const stage = await open({ handler: () => held });
    const [first, second] = [await submit(stage), await submit(stage)];
    await stage.edit(first, tick("Approve"));
    await stage.application.halt("ada");
    await stage.edit(second, tick("Approve"));
    const stopped = stage.daemon.stop(60_000);
    await stage.application.resume("ada");
    end({ status: "executed", result: null });
    await stopped;
    expect(stage.executions.map(({ id }) => id)).toEqual([first]);
    expect(await stage.status(second)).toBe("approved");
  });
});

describe("a claim", () => {
  test("is refused while all executions are halted", async () => {
    const stage = await open();
    const { id, claim } = await callersApproval(stage);
    await stage.application.halt("ada");
    await expect(stage.application.claim(id, claim)).rejects.toMatchObject({ code: "halted" });
    await stage.application.resume("ada");
    expect(await stage.application.claim(id, claim)).toMatchObject({ status: "executing" });
  });

  test("looks at the note first: a rejection counts though its event was lost", async () => {
    const stage = await open();
    const { id, claim } = await callersApproval(stage);
    writeFileSync(stage.pathOf("pending", id), untick("Approve")(tick("Reject")(stage.note(id) ?? "")));
    await expect(stage.application.claim(id, claim)).rejects.toMatchObject({ code: "already_final" });
    expect(await stage.status(id)).toBe("rejected");
  });
});

describe("a halt", () => {
  test("that comes while a start is being recorded keeps the handler from running", async () => {
    const { promise: written, resolve: release } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let holds = false;
    const through = (ledger: Ledger): Ledger =>
      new Proxy(ledger, {
        get(target, name) {
          if (name === "append" && holds) {
            return async (...args: Parameters<Ledger["append"]>) => {
              begin();
              await written;
              return target.append(...args);
            };
          }
          const member: unknown = Reflect.get(target, name);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
    const stage = await open({ through: { ledger: through } });
    const id = await submit(stage);
    holds = true;
    const looked = stage.edit(id, tick("Approve"));
    await begun;
    await stage.application.halt("ada");
    release();
    await looked;
    expect(stage.executions).toEqual([]);
    expect(await stage.status(id)).toBe("failed");
  });

  test("is not lost to a resume that is under way, and is tried again when its file could not be written", async () => {
    const directory = mkdtempSync(join(tmpdir(), "halt-"));
    try {
      const halt = openHaltSwitch(directory, Date.now);
      await halt.set(true, "ada");
      await Promise.all([halt.set(false, "ada"), halt.set(true, "bob")]);
      expect(halt.isHalted()).toBe(true);
      rmSync(directory, { recursive: true });
      await expect(halt.set(true, "ada")).rejects.toThrow();
      mkdirSync(directory);
      await halt.set(true, "ada");
      expect(openHaltSwitch(directory, Date.now).isHalted()).toBe(true);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

test("a copy of the note in Rejected counts as a rejection where the note itself says nothing", async () => {
  const stage = await open();
  const id = await submit(stage);
  copyFileSync(stage.pathOf("pending", id), stage.pathOf("rejected", id));
  await stage.daemon.look(id);
  await stage.daemon.settled();
  expect(await stage.status(id)).toBe("rejected");
});

test("a copy of the note in Rejected keeps a tick from counting until one of the two is gone", async () => {
  const stage = await open();
  const id = await submit(stage);
  copyFileSync(stage.pathOf("pending", id), stage.pathOf("rejected", id));
  await stage.edit(id, tick("Approve"));
  expect(await stage.status(id)).toBe("pending");
  expect(stage.executions).toEqual([]);
  rmSync(stage.pathOf("rejected", id));
  await stage.daemon.look(id);
  await stage.daemon.settled();
  expect(stage.executions).toHaveLength(1);
});

test("an outcome is not resolved while the repository is merging", async () => {
  let merging = false;
  const stage = await open({
    merging: () => merging,
    handler: async () => ({ status: "unknown", cause: "x" }),
  });
  const id = await submit(stage);
  await stage.edit(id, tick("Approve"));
  merging = true;
  await stage.edit(id, tick("It happened"));
  expect(await stage.status(id)).toBe("outcome_unknown");
  merging = false;
  await stage.pass(1_000);
  expect(await stage.status(id)).toBe("executed");
});

describe("a deadline", () => {
  test.each<[string, (text: string) => string | Buffer]>([
    ["an unclear word", set("decision", "aproved")],
    ["unclosed properties", (text) => text.replace("\n---\n", "\n")],
    ["no properties", () => "gone\n"],
    ["bytes that are no text", () => Buffer.from([0xff, 0xfe, 0x41])],
  ])("comes also for a note with %s", async (_, change) => {
    const stage = await open();
    const id = await submit(stage);
    writeFileSync(stage.pathOf("pending", id), change(stage.note(id) ?? ""));
    await stage.daemon.look(id);
    await stage.pass(2 * 3_600_000);
    expect(await stage.status(id)).toBe("expired");
  });

  test("of settling does not move with a clock that is set back", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.pass(600_000);
    await stage.edit(id, set("decision", "approved"));
    stage.clock.set(stage.clock.now() - 600_000);
    await stage.daemon.look(id);
    await stage.pass(5_000);
    expect(await stage.status(id)).toBe("executed");
  });
});

describe("whatever a name, a reason or a cause holds", () => {
  test("the finished note is written, and nothing is smuggled into its properties", async () => {
    const stage = await open();
    const said: [string, string][] = [
      [
        "ada",
        "This is a long first line of a reason, more than forty.\nAnd a second one, just as long as the first one.",
      ],
      ["ada\nbob", "x"],
      ["\napprovers: [ceo]", "\u0001".repeat(4_000)],
    ];
    for (const [reviewer, reason] of said) {
      const id = await submit(stage);
      await stage.application.decide(id, { verb: "reject", reviewer, reason, via: "cli" });
      await stage.daemon.look(id);
      await stage.daemon.settled();
      expect(stage.errors).toEqual([]);
      expect(stage.note(id, "done")).toMatch(/^status: rejected$/m);
      expect(stage.note(id, "done")).not.toMatch(/^approvers:/m);
    }
  });

  test.each<[string, (text: string) => string]>([
    [
      "indented properties",
      (text) =>
        text.replace(
          /^---\n([\s\S]*?)\n---\n/,
          (_, inside: string) => `---\n${set("decision", "rejected")(inside).replace(/^/gm, "  ")}\n---\n`,
        ),
    ],
    [
      "properties as a flow map",
      (text) => text.replace(/^---\n[\s\S]*?\n---\n/, "---\n{decision: rejected}\n---\n"),
    ],
  ])("a note with %s is finished, and kept beside the finished one", async (_, change) => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, change);
    await stage.pass(5_000);
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.names("pending")).toEqual([]);
    expect(stage.note(id, "done")).toMatch(/^status: rejected$/m);
  });

  test("the question what happened is asked once, and can be answered", async () => {
    const cause = "ended at the time-out; its last words:\nparse error near <!-- body";
    const stage = await open({ handler: async () => ({ status: "unknown", cause }) });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    await stage.pass(60_000);
    expect(stage.note(id)?.match(/It happened/g)?.length).toBe(1);
    await stage.edit(id, tick("It happened"));
    expect(await stage.status(id)).toBe("executed");
    expect(stage.errors).toEqual([]);
  });

  test.each<[string, (text: string) => string]>([
    ["indented properties", (inside) => inside.replace(/^status:.*\n/m, "").replace(/^/gm, "  ")],
    ["properties as a flow map", () => "{decision: }"],
  ])("the question what happened can be asked and answered in a note with %s", async (_, change) => {
    const stage = await open({ handler: async () => ({ status: "unknown", cause: "the line was cut" }) });
    const id = await submit(stage);
    await stage.edit(id, (text) =>
      text.replace(/^---\n([\s\S]*?)\n---\n/, (_, inside: string) => `---\n${change(inside)}\n---\n`),
    );
    await stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.pass(30_000);
    expect(stage.errors).toEqual([]);
    await stage.edit(id, tick("It happened"));
    expect(await stage.status(id)).toBe("executed");
    expect(stage.errors).toEqual([]);
  });

  test("a result of any size leaves a note that can be read", async () => {
    const stage = await open({
      handler: async () => ({ status: "executed", result: { log: "x".repeat(900_000) } }),
    });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve"));
    const note = stage.note(id, "done") ?? "";
    expect(note.length).toBeLessThan(64_000);
    expect(note).toContain("SHA-256");
    expect(stage.vault.readDone(id)).not.toBeNull();
  });
});

test("records that can no longer be made end the daemon, whoever asked for them", async () => {
  let broken = false;
  const through = (ledger: Ledger): Ledger =>
    new Proxy(ledger, {
      get(target, name) {
        if (name === "append" && broken) return () => Promise.reject(new Fault("storage_failed"));
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  const stage = await open({ through: { ledger: through } });
  const id = await submit(stage);
  const ends: unknown[] = [];
  stage.daemon.onFatal((error) => ends.push(error));
  broken = true;
  await expect(submit(stage)).rejects.toMatchObject({ code: "storage_failed" });
  await expect(stage.application.cancel(id, { by: "r", reason: null })).rejects.toMatchObject({
    code: "storage_failed",
  });
  expect(ends.length).toBe(2);
});

test("a contrary conflict copy that no event has told of keeps a tick from counting", async () => {
  const stage = await open();
  const id = await submit(stage);
  const copy = stage.pathOf("pending", `${id}.sync-conflict-20261121-042342-QEFQQME`);
  writeFileSync(copy, tick("Reject")(stage.note(id) ?? ""));
  await stage.edit(id, tick("Approve"));
  expect(stage.executions).toEqual([]);
  expect(await stage.status(id)).toBe("pending");
});

describe("an approval over a note that shows something else", () => {
  const altered = (text: string) => text.replace('"payee": "ACME"', '"payee": "Mallory"');
  const restored = (text: string) => text.replace('"payee": "Mallory"', '"payee": "ACME"');

  test("does not count when the note is put right, until it is given once more", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, (text) => tick("Approve")(altered(text)));
    await stage.edit(id, restored);
    await stage.pass(12_000);
    expect(stage.executions).toEqual([]);
    expect(stage.note(id)).toContain("showed something else");
    await stage.edit(id, untick("Approve"));
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toHaveLength(1);
  });

  test("is no reason against one that is given afterwards", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, altered);
    await stage.edit(id, restored);
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toHaveLength(1);
  });
});

test("an answer to what became of an action counts only behind the question", async () => {
  const stage = await open({ handler: async () => ({ status: "unknown", cause: "the line was cut" }) });
  const id = await submit(stage);
  await stage.edit(id, (text) =>
    tick("Approve")(text).replace("- [ ] Reject", "- [ ] Reject\n- [x] It happened"),
  );
  await stage.pass(0);
  expect(await stage.status(id)).toBe("outcome_unknown");
  const note = stage.note(id) ?? "";
  const question = note.indexOf("Did it happen?");
  await stage.edit(
    id,
    (text) => text.slice(0, question) + text.slice(question).replace("- [ ] It did not", "- [x] It did not"),
  );
  expect(await stage.status(id)).toBe("failed");
});
