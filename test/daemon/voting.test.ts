import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { Scenery, Stage } from "../scenarios/stage.ts";
import { createStages } from "./stages.ts";

const stages = createStages();

afterEach(() => stages.end(({ errors }) => expect(errors).toEqual([])));

const PEOPLE = `
persons:
  ada: { names: [Ada Lovelace], email: ada@example.org }
  bob: { names: [Bob B.] }
  cleo: {}
  dan: {}
groups:
  treasury: [ada, bob, cleo]
`;

const TWO = `
default: require_approval
rules:
  - id: two
    match: { kind: "*" }
    decision: require_approval
    approvers: treasury
    quorum: 2
`;

interface Rules {
  readonly people?: string;
  readonly policy?: string | null;
}

function writeRules(scenery: Scenery, { people, policy }: Rules): void {
  const write = (name: string, text: string | null | undefined) => {
    if (text != null) writeFileSync(join(scenery.root, "..", name), text);
  };
  write("people.yaml", people);
  write("policy.yaml", policy);
}

async function open(rules: Rules = {}): Promise<Stage> {
  const scenery = stages.scenery();
  writeRules(scenery, { people: PEOPLE, policy: TWO, ...rules });
  return stages.open({}, scenery);
}

/** Other rules come into force by themselves. */
async function change(stage: Stage, rules: Rules): Promise<void> {
  writeRules(stage, rules);
  await stage.pass(1_000);
}

async function submit(stage: Stage, more: { kind?: string; requester?: string; on_behalf_of?: string } = {}) {
  const { request } = await stage.application.submit({
    kind: "payment",
    params: { amount_cents: 150000, payee: "ACME" },
    requester: "billing-agent",
    ...more,
  });
  return request.id;
}

const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}\n`, `- [x] ${box}\n`);
const untick = (box: string) => (text: string) => text.replace(`- [x] ${box}\n`, `- [ ] ${box}\n`);
const set = (name: string, value: string) => (text: string) =>
  text.replace(new RegExp(`^${name}:.*$`, "m"), `${name}: ${value}`);
const all =
  (...changes: ((text: string) => string)[]) =>
  (text: string) =>
    changes.reduce((now, one) => one(now), text);
const addBox = (line: string) => (text: string) => text.replace("- [ ] Reject\n", `${line}\n- [ ] Reject\n`);

function approve(stage: Stage, id: string, reviewer: string, more: { set?: JsonObject } = {}) {
  return stage.application.decide(id, { verb: "approve", reviewer, reason: null, via: "cli", ...more });
}

async function approved(stage: Stage, id: string): Promise<readonly string[]> {
  return (await stage.application.show(id)).approvals?.approved_by ?? [];
}

async function events(stage: Stage, id: string): Promise<readonly string[]> {
  return (await stage.application.show(id)).history.map(({ event, by }) =>
    by === null ? event : `${event} ${by}`,
  );
}

describe("one person", () => {
  test("counts once, by the command line and then by another name in the note", async () => {
    const stage = await open();
    const id = await submit(stage);
    await approve(stage, id, "ada");
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "Ada Lovelace")));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, tick("Approve as bob"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("counts once by an own line with another name, and the vote stands as long as the line", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, addBox("- [x] Approve as Ada Lovelace"));
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual(["ada"]);
    expect((await events(stage, id)).filter((event) => event === "voted ada")).toHaveLength(1);
    await stage.edit(id, (text) => text.replace("- [x] Approve as Ada Lovelace\n", ""));
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual([]);
  });

  test("is not found under the word that stands for nobody", async () => {
    const policy = TWO.replace("    approvers: treasury\n", "");
    const stage = await open({ policy });
    const id = await submit(stage);
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "Unnamed")));
    await stage.pass(15_000);
    expect(await events(stage, id)).toEqual(["submitted billing-agent"]);
    expect(stage.note(id)).toContain("needs the reviewer's name");
  });

  test.each(["bоb", "bob\u200b", "[[bob]]", "bob (ok)"])(
    "is not taken for somebody known: %j",
    async (name) => {
      const stage = await open();
      const id = await submit(stage);
      await stage.edit(
        id,
        all(set("decision", "approved"), set("reviewer", JSON.stringify(name)), tick("Approve as ada")),
      );
      await stage.pass(15_000);
      expect(await approved(stage, id)).toEqual(["ada"]);
    },
  );

  test("cannot ask under the word that stands for nobody", async () => {
    const stage = await open({ policy: "default: require_approval\n" });
    await expect(submit(stage, { requester: "Unnamed" })).rejects.toMatchObject({ code: "invalid_request" });
    await expect(submit(stage, { on_behalf_of: "unnamed" })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  test("is not taken for the requester whose name looks the same, where both are known", async () => {
    const people = "persons:\n  robert: { names: [Bób] }\n";
    const stage = await open({ policy: "default: require_approval\n", people });
    const id = await submit(stage, { requester: "bob" });
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "Bób")));
    await stage.pass(3_000);
    expect((await stage.application.show(id)).decision?.reviewer).toBe("robert");
  });

  test("where anybody may approve and two must, is not two by a name that looks the same", async () => {
    const policy = TWO.replace("    approvers: treasury\n", "");
    const stage = await open({ policy, people: "persons: {}\n" });
    const id = await submit(stage);
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "eve")));
    await stage.pass(3_000);
    for (const name of [
      "Eve",
      "EVE ",
      "еve",
      "eve\u200b",
      "e\u0301ve",
      "billing-agent",
      "Billing-Agent",
      "billing‐agent",
    ]) {
      await stage.edit(id, set("reviewer", JSON.stringify(name)));
      await stage.pass(15_000);
      expect([name, await stage.status(id)]).toEqual([name, "pending"]);
    }
    await expect(approve(stage, id, "еve")).rejects.toMatchObject({ code: "already_voted" });
    await stage.edit(id, set("reviewer", "fred"));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test.each([
    "ada",
    "Ada",
    "Ada Lovelace",
    "ADA@example.org",
    "аda",
    "Ada Lovelace <ada@example.org>",
    "[[Ada Lovelace]]",
    "unnamed",
  ])("does not approve what is done in that person's name, called %s", async (name) => {
    const stage = await open({ policy: "default: require_approval\n" });
    const id = await submit(stage, { on_behalf_of: "Ada" });
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", JSON.stringify(name))));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, set("reviewer", "bob"));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test.each([
    ["with a policy", "default: require_approval\n"],
    ["without one", null],
  ])("who turns out to be the requester before the start has not approved it, %s", async (_, policy) => {
    const stage = await open({ policy, people: "persons:\n  ada: {}\n" });
    const id = await submit(stage, { requester: "ada" });
    await stage.application.halt("ada");
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "countess")));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("approved");
    await change(stage, { people: "persons:\n  ada: { names: [countess] }\n" });
    await stage.application.resume("ada");
    await stage.pass(15_000);
    expect(stage.executions).toEqual([]);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.note(id)).not.toContain("Still needed");
    await approve(stage, id, "bob");
    await stage.pass(0);
    expect(await stage.status(id)).toBe("executed");
  });
});

describe("a vote", () => {
  test("is of the action as it was: a change with an approval on the command line takes none along", async () => {
    const stage = await open();
    const id = await submit(stage, { kind: "invoice" });
    await stage.edit(id, tick("Approve as ada"));
    expect(await approved(stage, id)).toEqual(["ada"]);
    // A new copy, of whatever note, has them read once more before anything is recorded.
    const other = await submit(stage, { kind: "refactor" });
    copyFileSync(stage.pathOf("pending", other), join(stage.root, "Pending_Approval", "copy.md"));
    await approve(stage, id, "bob", { set: { amount_cents: 90000 } });
    await stage.pass(60_000);
    expect(stage.executions).toEqual([]);
    expect(await approved(stage, id)).toEqual(["bob"]);
    await stage.edit(id, tick("Approve as ada"));
    expect(stage.executions).toMatchObject([{ params: { amount_cents: 90000 } }]);
  });

  test("is withdrawn by its box, although a copy that is older still has the tick", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    copyFileSync(stage.pathOf("pending", id), join(stage.root, "Pending_Approval", `${id}.sync-conflict.md`));
    await stage.daemon.rescan();
    await stage.edit(id, untick("Approve as ada"));
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual([]);
    await approve(stage, id, "bob");
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
  });

  test("in a copy alone does not count, and is told", async () => {
    const stage = await open();
    const id = await submit(stage);
    const copy = join(stage.root, "Pending_Approval", `${id}.sync-conflict.md`);
    copyFileSync(stage.pathOf("pending", id), copy);
    writeFileSync(copy, tick("Approve as bob")(readFileSync(copy, "utf8")));
    await stage.daemon.rescan();
    await stage.edit(id, tick("Approve as ada"));
    await stage.pass(130_000);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.note(id)).toContain("holds bob's approval");
    rmSync(copy);
    await stage.daemon.rescan();
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual(["ada"]);
  });

  test("must stand in the note wherever it is there twice", async () => {
    const stage = await open();
    const id = await submit(stage);
    copyFileSync(stage.pathOf("pending", id), stage.pathOf("approved", id));
    const path = stage.pathOf("approved", id);
    writeFileSync(path, all(tick("Approve as bob"), set("reviewer", "cleo"))(readFileSync(path, "utf8")));
    await stage.edit(id, tick("Approve as ada"));
    await stage.daemon.rescan();
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual([]);
  });

  test("is withdrawn by a second note in which it does not stand", async () => {
    const stage = await open();
    const id = await submit(stage);
    const untouched = stage.note(id) ?? "";
    await stage.edit(id, tick("Approve as bob"));
    expect(await approved(stage, id)).toEqual(["bob"]);
    writeFileSync(stage.pathOf("approved", id), untouched);
    await stage.daemon.rescan();
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual([]);
  });

  test("is withdrawn by a second note in which only another one's stands", async () => {
    const stage = await open();
    const id = await submit(stage);
    const dragged = set("reviewer", "ada")(stage.note(id) ?? "");
    await stage.application.halt("ada");
    await stage.edit(id, all(tick("Approve as bob"), set("reviewer", "ada"), set("decision", "approved")));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("approved");
    writeFileSync(stage.pathOf("approved", id), dragged);
    await stage.daemon.rescan();
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual(["ada"]);
  });

  test("is withdrawn with its line", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.edit(id, (text) => text.replace("- [x] Approve as ada\n", ""));
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual([]);
    expect(stage.note(id)).toContain("- [ ] Approve as ada");
  });

  test("by the folder is withdrawn by dragging the note back, also below another one's word", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, set("reviewer", "ada"));
    await stage.move(id, "pending", "approved");
    const path = stage.pathOf("approved", id);
    writeFileSync(path, all(set("reviewer", "bob"), set("decision", "approved"))(readFileSync(path, "utf8")));
    await stage.daemon.look(id);
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("approved");
    await stage.move(id, "approved", "pending");
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual(["bob"]);
  });

  test.each<[string, (text: string) => string]>([
    [
      "its list of approvers as Obsidian writes lists",
      (text) => text.replace("approvers: [treasury]", "approvers:\n  - treasury"),
    ],
    [
      "a done date behind the box",
      (text) => text.replace("[x] Approve as ada", "[x] Approve as ada ✅ 2026-11-21"),
    ],
    ["another bullet, and a capital", (text) => text.replace("- [x] Approve as ada", "* [X] approve as Ada")],
  ])("counts in a note with %s", async (_, change) => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, all(tick("Approve as ada"), change));
    expect(await approved(stage, id)).toEqual(["ada"]);
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual(["ada"]);
  });

  test.each<[string, (text: string) => string]>([
    ["in a block of code", addBox("```\n- [x] Approve as ada\n```")],
    ["in a comment", addBox("%%\n- [x] Approve as ada\n%%")],
    ["in a comment of HTML", addBox("<!--\n- [x] Approve as ada\n-->")],
    ["in a quotation", addBox("> - [x] Approve as ada")],
    ["below the first heading", (text) => `${text}\n- [x] Approve as ada\n`],
    [
      "with a condition behind it",
      (text) => text.replace("- [ ] Approve as ada", "- [x] Approve as ada, up to 500"),
    ],
    ["struck through", addBox("- [x] ~~Approve as ada~~")],
    ["with something invisible in the name", addBox("- [x] Approve as a\u200bda")],
    ["with a sign that is no tick", (text) => text.replace("- [ ] Approve as ada", "- [/] Approve as ada")],
  ])("is none %s", async (_, change) => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, change);
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual([]);
  });

  test("is void with the action it was about, also when an editor that was still open puts it back", async () => {
    const stage = await open();
    const id = await submit(stage, { kind: "invoice" });
    await stage.edit(id, tick("Approve as ada"));
    const buffer = stage.note(id) ?? "";
    await approve(stage, id, "bob", { set: { amount_cents: 90000 } });
    await stage.pass(15_000);
    expect(stage.note(id)).toContain("- [ ] Approve as ada");
    await stage.edit(id, () => buffer);
    await stage.pass(60_000);
    expect(await approved(stage, id)).toEqual(["bob"]);
    const again = await stages.restart(stage);
    await again.pass(60_000);
    expect(await approved(again, id)).toEqual(["bob"]);
    expect(again.executions).toEqual([]);
  });

  test("counts once the points of the checklist are ticked, whatever Markdown is in them", async () => {
    const point = "Compare `IBAN` & **payee** with [[Contract]] <ACME> at 50%";
    const policy = `${TWO}    checklist: ["${point}"]\n`;
    const stage = await open({ policy });
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual([]);
    await stage.edit(id, (text) => text.replace("- [ ] Compare", "- [x] Compare"));
    expect(await approved(stage, id)).toEqual(["ada"]);
    await stage.edit(id, (text) => text.replace("- [x] Compare", "- [ ] Compare"));
    await stage.edit(id, tick("Approve as bob"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, (text) => text.replace("- [ ] Compare", "- [x] Compare the letters of"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
  });

  test("is counted by word where there are too many for boxes, and stands when the next one signs", async () => {
    const names = Array.from({ length: 14 }, (_, i) => `p${i}`);
    const people = `persons:\n${names.map((name) => `  ${name}: {}\n`).join("")}groups:\n  treasury: [${names}]\n`;
    const stage = await open({ people });
    const id = await submit(stage);
    expect(stage.note(id)).toContain("- [ ] Approve\n");
    await stage.edit(id, all(tick("Approve"), set("reviewer", "p3")));
    expect(await approved(stage, id)).toEqual(["p3"]);
    await stage.pass(15_000);
    await stage.edit(id, set("reviewer", "p7"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("by the folder is withdrawn by dragging the note back", async () => {
    const stage = await open();
    const id = await submit(stage);
    await approve(stage, id, "bob");
    await stage.application.halt("ada");
    await stage.edit(id, set("reviewer", "ada"));
    await stage.move(id, "pending", "approved");
    expect(await stage.status(id)).toBe("approved");
    await stage.move(id, "approved", "pending");
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual(["bob"]);
    await stage.application.resume("ada");
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    await stage.edit(id, tick("Approve as cleo"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("of one who is not the last is withdrawn in the same way", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, set("reviewer", "ada"));
    await stage.move(id, "pending", "approved");
    expect(await approved(stage, id)).toEqual(["ada"]);
    await stage.move(id, "approved", "pending");
    await stage.pass(3_000);
    expect(await approved(stage, id)).toEqual([]);
  });

  test("stands when the next person's word, which took its place, is taken out again", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "ada")));
    await stage.pass(3_000);
    await stage.application.halt("ada");
    await stage.edit(id, set("reviewer", "bob"));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("approved");
    await stage.edit(id, all(set("decision", ""), set("reviewer", "")));
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual(["ada"]);
    expect(await stage.status(id)).toBe("pending");
  });

  test("of somebody else stands when one takes an approval back before the start", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, tick("Approve as ada"));
    await approve(stage, id, "bob");
    await stage.edit(id, untick("Approve as ada"));
    expect(await stage.status(id)).toBe("pending");
    expect(await approved(stage, id)).toEqual(["bob"]);
  });

  test("of the command line is taken back there, whatever the others have said in the note", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, tick("Approve as ada"));
    await approve(stage, id, "bob");
    const takeBack = (by: string) => stage.application.takeBack(id, { by, reason: null });
    await expect(takeBack("ada")).rejects.toMatchObject({ code: "said_in_note" });
    await expect(takeBack("mallory")).rejects.toMatchObject({ code: "not_entitled" });
    await takeBack("Bob B.");
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    expect(await approved(stage, id)).toEqual(["ada"]);
    await approve(stage, id, "cleo");
    await stage.edit(id, untick("Approve as ada"));
    await takeBack("cleo");
    expect(await approved(stage, id)).toEqual([]);
    await expect(takeBack("cleo")).rejects.toMatchObject({ code: "not_approved" });
  });

  test("and the other one are both void when one who gave none takes the approval back", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await approve(stage, id, "ada");
    await approve(stage, id, "bob");
    await stage.application.takeBack(id, { by: "cleo", reason: null });
    await stage.application.resume("ada");
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    expect(await approved(stage, id)).toEqual([]);
  });

  test("stands in a note that was deleted and written again, and is withdrawn by its box there", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, all(set("decision", "approved"), set("reviewer", "ada")));
    await stage.pass(3_000);
    rmSync(stage.pathOf("pending", id));
    await stage.daemon.rescan();
    await stage.pass(60_000);
    expect(stage.note(id)).toContain("- [x] Approve as ada");
    const again = await stages.restart(stage);
    await again.pass(60_000);
    expect(await approved(again, id)).toEqual(["ada"]);
    await again.edit(id, untick("Approve as ada"));
    await again.pass(3_000);
    expect(await approved(again, id)).toEqual([]);
  });

  test("given on the command line has no tick in a note that is written again, so that none can be taken out in vain", async () => {
    const stage = await open();
    const id = await submit(stage);
    await approve(stage, id, "ada");
    rmSync(stage.pathOf("pending", id));
    await stage.daemon.rescan();
    await stage.pass(60_000);
    expect(stage.note(id)).toContain("- [ ] Approve as ada");
    expect(stage.note(id)).toContain("Approved so far by ada");
    await stage.edit(id, tick("Approve as bob"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("counts again when the one who gave it may decide again, nobody needing to repeat anything", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, tick("Approve as ada"));
    await approve(stage, id, "bob");
    await change(stage, { people: PEOPLE.replace("treasury: [ada, bob, cleo]", "treasury: [ada, cleo]") });
    expect(await stage.status(id)).toBe("pending");
    await stage.application.resume("ada");
    await stage.pass(15_000);
    expect(stage.executions).toEqual([]);
    await change(stage, { people: PEOPLE });
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("does not count while the note, in which the other one stands, is unclear", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.edit(id, (text) => text.replace("status: pending", "status: pending\nstatus: x"));
    await approve(stage, id, "bob");
    await stage.pass(15_000);
    expect(stage.executions).toEqual([]);
    await stage.edit(id, (text) => text.replace("status: pending\nstatus: x", "status: pending"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test.each([
    ["first", "- [x] Approve as ada\n- [ ] Approve as ada\n"],
    ["last", "- [ ] Approve as ada\n- [x] Approve as ada\n"],
  ])("on two lines, the %s of them with a tick, is none", async (_, lines) => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, (text) => text.replace("- [ ] Approve as ada\n", lines));
    await stage.pass(60_000);
    expect(await approved(stage, id)).toEqual([]);
    expect(stage.note(id)).toContain("Not decided yet");
    expect(stage.note(id)).toContain("- [ ] Approve as ada\n");
  });

  test("is not misled by a slip of the next person's that is undone", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.edit(id, (text) => text.replace("150000,", "15000,"));
    await stage.pass(15_000);
    await stage.edit(id, (text) => text.replace("15000,", "150000,"));
    await stage.pass(15_000);
    expect(stage.note(id)).not.toContain("showed something else");
    await stage.edit(id, tick("Approve as bob"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("over a text that was changed does not count when it is put back", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.edit(id, (text) => text.replace("150000,", "15000,"));
    await stage.edit(id, tick("Approve as bob"));
    await stage.edit(id, (text) => text.replace("15000,", "150000,"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
    expect(stage.note(id)).toContain("showed something else");
  });

  test("that was there in time is not told as late when the daemon finds it after the deadline", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stages.kill(stage);
    stage.clock.set(stage.clock.now() + 3_600_001);
    const again = await stages.open({}, stage);
    await again.pass(15_000);
    expect(await again.status(id)).toBe("expired");
    expect(await events(again, id)).not.toContainEqual(expect.stringContaining("refused"));
  });

  test("that the second gives after the deadline does not count, also when the daemon was away meanwhile", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stages.kill(stage);
    const path = stage.pathOf("pending", id);
    writeFileSync(path, tick("Approve as bob")(readFileSync(path, "utf8")));
    stage.clock.set(stage.clock.now() + 3_600_001);
    const again = await stages.open({}, stage);
    await again.pass(15_000);
    expect(await again.status(id)).toBe("expired");
    expect(await events(again, id)).toContainEqual(expect.stringContaining("refused"));
  });
});

describe("a no", () => {
  test("of somebody who may not decide holds the start up as long as it stands, and ends nothing", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, all(tick("Approve as ada"), tick("Approve as bob")));
    for (const word of ["rejected", "changes_requested"]) {
      await stage.edit(id, all(set("decision", word), set("reviewer", "mallory")));
      await stage.pass(3_000);
      await stage.application.resume("ada");
      await stage.pass(15_000);
      expect([word, await stage.status(id)]).toEqual([word, "approved"]);
      await stage.application.halt("ada");
    }
    expect(existsSync(join(stage.root, "Dashboard.md"))).toBe(true);
    expect(readFileSync(join(stage.root, "Dashboard.md"), "utf8")).toContain("mallory may not decide this");
    await stage.application.resume("ada");
    await stage.edit(id, all(set("decision", ""), set("reviewer", "")));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("beside a yes in the note keeps what the command line makes enough from starting", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(
      id,
      all(set("decision", "rejected"), set("reviewer", "mallory"), tick("Approve as ada")),
    );
    await approve(stage, id, "bob");
    await approve(stage, id, "cleo");
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("approved");
    expect(stage.executions).toEqual([]);
    await stage.edit(id, set("decision", ""));
    await stage.pass(3_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("of somebody who may not decide ends nothing on the command line either", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, all(tick("Approve as ada"), tick("Approve as bob")));
    for (const verb of ["reject", "request_changes"] as const) {
      const said = { verb, reviewer: "mallory", reason: null, via: "cli" };
      await expect(stage.application.decide(id, said)).rejects.toMatchObject({ code: "not_entitled" });
    }
    expect(await stage.status(id)).toBe("approved");
    await stage.application.decide(id, { verb: "reject", reviewer: "cleo", reason: null, via: "cli" });
    expect(await stage.status(id)).toBe("rejected");
  });

  test("without a name ends it", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, tick("Approve as ada"));
    await stage.edit(id, tick("Reject"));
    expect(await stage.status(id)).toBe("rejected");
  });
});

describe("a decision that was passed on", () => {
  test("leaves the name behind, which then passes nothing on for the next one who signs", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.edit(id, all(set("reviewer", "ada"), set("delegate_to", "dan")));
    await stage.pass(15_000);
    await stage.edit(id, set("reviewer", "bob"));
    await stage.pass(15_000);
    expect((await stage.application.show(id)).approvals?.delegations).toEqual([{ from: "ada", to: "dan" }]);
    await stage.edit(id, set("decision", "approved"));
    await stage.pass(15_000);
    expect(await approved(stage, id)).toEqual(["bob"]);
    await stage.edit(id, set("reviewer", "dan"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("executed");
  });

  test("is no approval of whoever passes it on, also where anyone may decide", async () => {
    const stage = await open({ policy: "default: require_approval\n" });
    const id = await submit(stage);
    await stage.edit(id, (text) => text.replace("reviewer:", "reviewer: bob\ndelegate_to: dan"));
    await stage.edit(id, tick("Approve"));
    await stage.pass(15_000);
    expect(await stage.status(id)).toBe("pending");
  });

  test("counts once with the own vote, after a crash in between", async () => {
    const stage = await open();
    const id = await submit(stage);
    await stage.application.delegate(id, { from: "ada", to: "bob", reason: null, via: "cli" });
    const again = await stages.restart(stage);
    await again.edit(id, tick("Approve as bob"));
    await again.pass(15_000);
    expect(await approved(again, id)).toEqual(["bob"]);
    await expect(approve(again, id, "ada")).rejects.toMatchObject({ code: "not_entitled" });
    await again.edit(id, tick("Approve as cleo"));
    expect(await again.status(id)).toBe("executed");
  });
});

describe("what changes before the start", () => {
  const HANDOVER = `
persons:
  ada: { absent: [{ from: 2026-11-21T09:20:00, until: 2026-11-22 }] }
  bob: {}
  cleo: {}
groups:
  duty: { rota: { shift: 12h, starts: 2026-11-20T22:00, zone: UTC, order: [ada, bob] } }
  treasury: [duty, cleo]
`;

  test("by itself, as a rota does, is noticed when the halt is over", async () => {
    const stage = await open({ people: HANDOVER });
    const id = await submit(stage);
    await stage.application.halt("ada");
    await stage.edit(id, all(tick("Approve as ada"), tick("Approve as cleo")));
    expect(await stage.status(id)).toBe("approved");
    stage.clock.set(Date.parse("2026-11-21T10:05:00Z"));
    await stage.application.resume("ada");
    await stage.pass(0);
    expect(stage.executions).toEqual([]);
    expect(await approved(stage, id)).toEqual(["cleo"]);
    await stage.pass(15_000);
    await stage.edit(id, tick("Approve as bob"));
    expect(await stage.status(id)).toBe("executed");
  });

  test("is noticed before a caller can claim it", async () => {
    const stage = await open({ people: HANDOVER });
    const { request, token } = await stage.application.submit({
      kind: "refactor",
      params: {},
      requester: "coder",
    });
    const { id } = request;
    await stage.clock.advance(40 * 60_000);
    await stage.edit(id, all(tick("Approve as ada"), tick("Approve as cleo")));
    const { grant } = await stage.application.grant(id, token ?? "");
    stage.clock.set(Date.parse("2026-11-21T10:02:00Z"));
    await expect(stage.application.claim(id, { token: token ?? "", grant })).rejects.toMatchObject({
      code: "not_approved",
    });
  });
});
