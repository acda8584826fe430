import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Vault } from "../../src/daemon/ports.ts";
import type { Stage } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

/** An approval, and a file of the same request that says otherwise when it would count. */
const stages = createStages();
const { open } = stages;

afterEach(() => stages.end());

const ASKED = { kind: "payment", params: { amount_cents: 5, payee: "ACME" } };

async function submit(stage: Stage, kind = "payment"): Promise<{ id: string; text: string }> {
  const { id } = (await stage.application.submit({ ...ASKED, kind })).request;
  return { id, text: stage.note(id) ?? "" };
}

const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}`, `- [x] ${box}`);
const untick = (box: string) => (text: string) => text.replace(`- [x] ${box}`, `- [ ] ${box}`);
const set = (name: string, value: string) => (text: string) =>
  text.replace(new RegExp(`^${name}:.*$`, "m"), `${name}: ${value}`);
const rejected = set("decision", "rejected");

/** A file beside the note, which no event tells of. */
function writeBeside(stage: Stage, name: string, text: string): string {
  const path = join(stage.root, "Pending_Approval", name);
  writeFileSync(path, text);
  return path;
}

async function look(stage: Stage, id: string): Promise<void> {
  await stage.daemon.look(id);
  await stage.daemon.settled();
}

describe("a contrary copy that no event has told of counts", () => {
  test("when the same action is asked for again just behind the tick", async () => {
    const stage = await open();
    const { id, text } = await submit(stage);
    writeBeside(stage, `${id} 1.md`, rejected(text));
    writeFileSync(stage.pathOf("pending", id), tick("Approve")(text));
    await stage.application.submit(ASKED);
    await stage.daemon.settled();
    expect(stage.executions).toEqual([]);
  });

  test("against what was approved before a halt", async () => {
    const stage = await open();
    const { id, text } = await submit(stage);
    // The more there is to look through, the longer what was seen once could seem to hold.
    for (let n = 0; n < 2_000; n += 1) writeBeside(stage, `other ${n}.txt`, "");
    await stage.application.halt("ada");
    await stage.edit(id, tick("Approve"));
    writeBeside(stage, `${id} 1.md`, rejected(text));
    await stage.application.resume("ada");
    await stage.daemon.settled();
    expect(stage.executions).toEqual([]);
  });

  test("against an approval by another way than the note", async () => {
    const stage = await open();
    const { id, text } = await submit(stage);
    writeBeside(stage, `${id} 1.md`, rejected(text));
    await stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.pass(5_000);
    expect(await stage.status(id)).toBe("rejected");
    expect(stage.executions).toEqual([]);
  });

  test("where its name could be another request's own", async () => {
    const stage = await open();
    const { id, text } = await submit(stage);
    const name = `${id}-studia.md`;
    writeBeside(stage, name, rejected(text));
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toEqual([]);
    expect((await stage.application.show(id)).status).toBe("pending");
  });

  test("where nothing but its name tells whose it is, and a word in that could be the end of an id", async () => {
    const stage = await open();
    const payment = stage.kinds.get("payment");
    if (payment !== undefined) stage.kinds.set("bank_refund", payment);
    const { id } = await submit(stage, "bank_refund");
    writeBeside(stage, `${id} 1.md`, "\0\0");
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toEqual([]);
  });
});

describe("what a person says while the folders are looked through for copies counts", () => {
  /** Does something once, in the middle of the look for new copies. */
  const meanwhile = (act: () => void) => (vault: Vault) => {
    let left = 1;
    const findNewCopies = async () => {
      await Promise.resolve();
      if (left > 0) act();
      left -= 1;
      return vault.findNewCopies();
    };
    return { ...vault, findNewCopies };
  };

  test("against the tick that is read", async () => {
    let act = () => {};
    const stage = await open({ through: { vault: meanwhile(() => act()) } });
    const { id, text } = await submit(stage);
    act = () => writeFileSync(stage.pathOf("pending", id), text);
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toEqual([]);
    expect(await stage.status(id)).toBe("pending");
  });

  test("against an approval by another way than the note", async () => {
    let act = () => {};
    const stage = await open({ through: { vault: meanwhile(() => act()) } });
    const { id, text } = await submit(stage);
    act = () => writeFileSync(stage.pathOf("pending", id), rejected(text));
    await stage.application.decide(id, { verb: "approve", reviewer: "ada", reason: null, via: "cli" });
    await stage.pass(5_000);
    expect(stage.executions).toEqual([]);
    expect(await stage.status(id)).toBe("rejected");
  });
});

test("a copy does not decide while the note is away for a moment", async () => {
  const stage = await open();
  const { id, text } = await submit(stage);
  writeBeside(stage, `${id} 1.md`, tick("Approve")(text));
  stage.hint(`Pending_Approval/${id} 1.md`);
  await stage.daemon.settled();
  rmSync(stage.pathOf("pending", id));
  await look(stage, id);
  expect(stage.executions).toEqual([]);
  writeFileSync(stage.pathOf("pending", id), text);
  await stage.pass(10_000);
  expect(stage.executions).toEqual([]);
});

test("a copy that decides alone does so when the note has stayed away", async () => {
  const stage = await open();
  const { id, text } = await submit(stage);
  writeBeside(stage, "mine.md", tick("Approve")(text));
  rmSync(stage.pathOf("pending", id));
  stage.hint("Pending_Approval/mine.md");
  await stage.pass(1_999);
  expect(stage.executions).toEqual([]);
  await stage.pass(1);
  expect(stage.executions).toHaveLength(1);
});

test("a request goes on when the copy that disagrees is taken away and no event tells of it", async () => {
  const stage = await open();
  const { id, text } = await submit(stage);
  const copy = writeBeside(stage, `${id} 1.md`, rejected(text));
  await stage.edit(id, tick("Approve"));
  await stage.pass(400_000);
  expect(stage.note(id)).toContain("Not decided yet");
  rmSync(copy);
  await stage.pass(30_000);
  expect(await stage.status(id)).toBe("executed");
});

test("any number of copies is put away behind the end of their request", async () => {
  const stage = await open();
  const { id, text } = await submit(stage);
  for (let n = 1; n <= 25; n += 1) writeBeside(stage, `${id} ${n}.md`, `${text}remark ${n}\n`);
  await stage.daemon.rescan();
  await stage.edit(id, tick("Reject"));
  await stage.pass(60_000);
  expect(stage.errors).toEqual([]);
  expect(stage.names("pending")).toEqual([]);
  expect(stage.names("done")).toHaveLength(26);
});

describe("an approval over another text does not count when the note is put right", () => {
  test.each<[string, (text: string) => string]>([
    ["by a save that empties it first", () => ""],
    ["behind a word that is not clear", set("decision", "appr")],
  ])("%s", async (_, meanwhile) => {
    const stage = await open();
    const { id, text } = await submit(stage);
    await stage.edit(id, (note) => tick("Approve")(note).replace("ACME", "Mallory"));
    await stage.edit(id, meanwhile);
    await stage.edit(id, () => tick("Approve")(text));
    await stage.pass(5_000);
    expect(stage.executions).toEqual([]);
    await stage.edit(id, untick("Approve"));
    await stage.edit(id, tick("Approve"));
    expect(stage.executions).toHaveLength(1);
  });
});

describe("what was approved in a note is not started", () => {
  test("from a halt when the note was moved out of the folders meanwhile, until it is back", async () => {
    const stage = await open();
    const { id } = await submit(stage);
    await stage.application.halt("ada");
    await stage.move(id, "pending", "approved");
    const elsewhere = join(stage.root, "Later", `${id}.md`);
    mkdirSync(join(stage.root, "Later"));
    renameSync(stage.pathOf("approved", id), elsewhere);
    await look(stage, id);
    await stage.application.resume("ada");
    await stage.pass(60_000);
    expect(stage.executions).toEqual([]);
    renameSync(elsewhere, stage.pathOf("approved", id));
    await look(stage, id);
    expect(stage.executions).toHaveLength(1);
  });

  test("from a halt when the note was deleted meanwhile: it asks again", async () => {
    const stage = await open();
    const { id } = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, tick("Approve"));
    rmSync(stage.pathOf("pending", id));
    await look(stage, id);
    await stage.application.resume("ada");
    await stage.pass(5_000);
    expect(stage.executions).toEqual([]);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.note(id)).toContain("- [ ] Approve");
  });

  test("by its caller while the wish for changes in it is settling", async () => {
    const stage = await open();
    const { request, token } = await stage.application.submit({ kind: "refactor", params: {} });
    const { id } = request;
    await stage.edit(id, tick("Approve"));
    const { grant } = await stage.application.grant(id, token ?? "");
    await stage.edit(id, (text) => set("decision", "changes_requested")(untick("Approve")(text)));
    const claim = stage.application.claim(id, { token: token ?? "", grant });
    await expect(claim).rejects.toMatchObject({ code: "not_approved" });
    await stage.pass(2_000);
    expect(await stage.status(id)).toBe("changes_requested");
  });
});

test("a copy that is saved half-way makes no approval in the note one of something else", async () => {
  const stage = await open();
  const { id } = await submit(stage);
  const text = tick("Approve")(stage.note(id) ?? "");
  const copy = join(stage.root, "Pending_Approval", `${id} (conflicted copy).md`);
  writeFileSync(copy, text.slice(0, text.indexOf("## Action")));
  stage.hint(`Pending_Approval/${id} (conflicted copy).md`);
  await stage.edit(id, tick("Approve"));
  expect(stage.executions).toEqual([]);
  writeFileSync(copy, text);
  await look(stage, id);
  expect(stage.executions).toHaveLength(1);
});

describe("a note that is written to again and again", () => {
  test("decides nothing, by whatever way, and does so once it stands still", async () => {
    let path = "";
    let writes = 0;
    const writing = (vault: Vault): Vault => ({
      ...vault,
      findNewCopies() {
        if (path === "") return vault.findNewCopies();
        writes += 1;
        appendFileSync(path, `${writes}\n`);
        return true;
      },
    });
    const stage = await open({ through: { vault: writing } });
    const { id } = await submit(stage);
    path = stage.pathOf("pending", id);
    await stage.edit(id, tick("Approve"));
    const said = { verb: "approve", reviewer: "ada", reason: null, via: "cli" } as const;
    await expect(stage.application.decide(id, said)).rejects.toMatchObject({ code: "busy" });
    expect(writes).toBeGreaterThan(0);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.errors).toEqual([]);
    path = "";
    await stage.pass(200);
    expect(await stage.status(id)).toBe("executed");
    expect(stage.executions).toHaveLength(1);
  });
});

describe("a typed word whose note was away", () => {
  test.each([
    ["for a moment, as editors do, counts when it was due", 900, 100, 1],
    ["for longer has to stand anew", 1_900, 1_999, 0],
  ])("%s", async (_, away_ms, then_ms, executions) => {
    const stage = await open();
    const { id } = await submit(stage);
    await stage.edit(id, set("decision", "approved"));
    await stage.pass(1_000);
    const path = stage.pathOf("pending", id);
    const kept = join(stage.state, "kept.md");
    renameSync(path, kept);
    await look(stage, id);
    await stage.pass(away_ms);
    renameSync(kept, path);
    await look(stage, id);
    expect(stage.executions).toEqual([]);
    await stage.pass(then_ms);
    expect(stage.executions).toHaveLength(executions);
    await stage.pass(1);
    expect(stage.executions).toHaveLength(1);
  });
});
