import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { compareNotes } from "../../src/application/audit.ts";
import { askedOf } from "../../src/core/request.ts";
import type { Vault } from "../../src/daemon/ports.ts";
import type { AdoptionSettings } from "../../src/document/foreign/mapping.ts";
import { PRESETS } from "../../src/document/foreign/presets.ts";
import {
  FOLDERS,
  makeScenery,
  openStage,
  removeScenery,
  type Scenery,
  type Stage,
  type StageOptions,
} from "../scenarios/stage.ts";

const sceneries: Scenery[] = [];
const stages: Stage[] = [];

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
  for (const scenery of sceneries.splice(0)) removeScenery(scenery);
});

const adopt: AdoptionSettings = { requester: "vault", mappings: Object.values(PRESETS).flat() };

async function open(options: StageOptions = {}, scenery = makeScenery()): Promise<Stage> {
  if (!sceneries.includes(scenery)) sceneries.push(scenery);
  const stage = await openStage(scenery, { adopt, ...options });
  stages.push(stage);
  await stage.daemon.start();
  await stage.pass(0);
  return stage;
}

const pathIn = (stage: Stage, name: string) => join(stage.root, FOLDERS.pending, name);
const note = (amount: string) => `---\ntype: payment_approval\namount: ${amount}\nrecipient: ACME\n---\n`;

async function drop(stage: Stage, name: string, text: string | Uint8Array): Promise<void> {
  writeFileSync(pathIn(stage, name), text);
  stage.hint(`${FOLDERS.pending}/${name}`);
  await stage.pass(3_000);
}

const adopted = async (stage: Stage) =>
  (await stage.ledger.open()).filter(({ submission }) => submission.adopted !== undefined);

async function dashboardOf(stage: Stage): Promise<string> {
  await stage.pass(2_000);
  return readFileSync(join(stage.root, "Dashboard.md"), "utf8");
}

describe("what is left alone", () => {
  test("everything, unless adoption is asked for", async () => {
    const scenery = makeScenery();
    sceneries.push(scenery);
    const stage = await openStage(scenery);
    stages.push(stage);
    await stage.daemon.start();
    await drop(stage, "pay.md", note("20"));
    await stage.pass(60_000);
    expect(await stage.ledger.open()).toEqual([]);
    expect(readFileSync(pathIn(stage, "pay.md"), "utf8")).toBe(note("20"));
    expect(await dashboardOf(stage)).toMatch(/left alone\n\n- pay\.md/);
  });

  test("what is no ordinary file, or too large", async () => {
    const stage = await open();
    writeFileSync(join(stage.root, "elsewhere.md"), note("20"));
    symlinkSync(join(stage.root, "elsewhere.md"), pathIn(stage, "link.md"));
    linkSync(join(stage.root, "elsewhere.md"), pathIn(stage, "twice.md"));
    mkdirSync(pathIn(stage, "folder.md"));
    writeFileSync(pathIn(stage, "large.md"), note("20"));
    truncateSync(pathIn(stage, "large.md"), 1_000_000);
    await stage.daemon.rescan();
    await stage.pass(3_000);
    expect(await adopted(stage)).toEqual([]);
    expect(stage.names("pending")).toEqual(["folder.md", "large.md", "link.md", "twice.md"]);
    const dashboard = await dashboardOf(stage);
    for (const name of stage.names("pending")) expect(dashboard).toContain(`- ${name}: `);
  });

  test("another host's note, whatever its name, as a note of that host's or a stranger", async () => {
    const stage = await open();
    const text = `---\nstatus: pending\ntype: payment_approval\namount: 20\nrecipient: ACME\nhost: desktop\nid: 20261121-091403-payment-zzzzzz\ndigest: sha256:00\n---\n`;
    await drop(stage, "theirs.md", text);
    await drop(stage, "20261121-091403-payment-yyyyyy.md", note("20"));
    expect(await adopted(stage)).toEqual([]);
    expect(readFileSync(pathIn(stage, "theirs.md"), "utf8")).toBe(text);
    expect(await dashboardOf(stage)).not.toContain("Not adopted");
  });

  test("a note whose params do not fit the action's schema, until it is mended", async () => {
    const stage = await open();
    const payment = stage.kinds.get("payment");
    if (payment === undefined) throw new Error("there is no such kind");
    stage.kinds.set("payment", {
      ...payment,
      checkParams: ({ amount_cents }) =>
        Number(amount_cents) > 5_000 ? ["params.amount_cents must be <= 5000"] : [],
    });
    await drop(stage, "pay.md", note("20000"));
    expect(await adopted(stage)).toEqual([]);
    expect(await dashboardOf(stage)).toMatch(/- pay\.md: .*params\.amount\\?_cents must be/);
    await drop(stage, "pay.md", note("20"));
    expect(await adopted(stage)).toHaveLength(1);
  });

  test("what is in another folder than the pending one", async () => {
    const stage = await open();
    writeFileSync(join(stage.root, FOLDERS.approved, "pay.md"), note("20"));
    await stage.daemon.rescan();
    await stage.pass(5_000);
    expect(await adopted(stage)).toEqual([]);
    expect(await dashboardOf(stage)).toMatch(/left alone\n\n- pay\.md/);
  });

  test("everything while the repository is in a merge", async () => {
    let merging = true;
    const stage = await open({ merging: () => merging });
    await drop(stage, "pay.md", note("20"));
    await stage.pass(60_000);
    expect(await adopted(stage)).toEqual([]);
    merging = false;
    await stage.pass(30_000);
    expect(await adopted(stage)).toHaveLength(1);
  });
});

describe("a note that is written again", () => {
  test("again and again is read only once it is let alone", async () => {
    const stage = await open();
    for (let n = 1; n <= 5; n += 1) {
      writeFileSync(pathIn(stage, "pay.md"), note(String(n)));
      stage.hint(`${FOLDERS.pending}/pay.md`);
      await stage.pass(1_500);
      expect(await adopted(stage)).toEqual([]);
    }
    await stage.pass(3_000);
    expect((await adopted(stage)).map(({ submission }) => submission.fields.params.amount_cents)).toEqual([
      500,
    ]);
  });

  test("in the moment in which it is adopted stays, and becomes a request of its own", async () => {
    let meanwhile: (() => void) | null = null;
    const vault = (real: Vault): Vault => ({
      ...real,
      adopt(...args) {
        meanwhile?.();
        meanwhile = null;
        return real.adopt(...args);
      },
    });
    const stage = await open({ through: { vault } });
    meanwhile = () => writeFileSync(pathIn(stage, "pay.md"), note("30"));
    await drop(stage, "pay.md", note("20"));
    expect(await adopted(stage)).toHaveLength(1);
    await stage.pass(40_000);
    const requests = await adopted(stage);
    expect(requests.map(({ submission }) => submission.fields.params.amount_cents)).toEqual([2_000, 3_000]);
    const kept = requests.map(({ submission }) => String(stage.vault.readOriginal(submission.fields.id)));
    expect(kept).toEqual([note("20"), note("30")]);
  });
});

test("a crash behind the record makes no second request, whatever the configuration says then", async () => {
  const scenery = makeScenery();
  const never = (real: Vault): Vault => ({ ...real, adopt: () => new Promise(() => {}) });
  sceneries.push(scenery);
  const first = await openStage(scenery, { adopt, through: { vault: never } });
  await first.daemon.start();
  writeFileSync(pathIn(first, "pay.md"), note("20"));
  first.hint(`${FOLDERS.pending}/pay.md`);
  const recorded = new Promise<void>((resolve) => void first.ledger.follow(() => resolve()));
  void first.pass(3_000);
  await recorded;
  await first.kill();

  const second = await open({ adopt: { requester: "somebody", mappings: [] } }, scenery);
  await second.pass(5_000);
  const [request, ...others] = await adopted(second);
  expect(others).toEqual([]);
  expect(second.names("pending")).toEqual([`${request?.submission.fields.id}.md`]);
  expect(second.names("done")).toEqual([`${request?.submission.fields.id}-original.md`]);
});

test("a note that the policy denies is final at once, and kept", async () => {
  const scenery = makeScenery();
  writeFileSync(join(scenery.root, "../policy.yaml"), "default: deny\n");
  const stage = await open({}, scenery);
  await drop(stage, "pay.md", note("20"));
  expect(await adopted(stage)).toEqual([]);
  expect(stage.names("pending")).toEqual([]);
  const [original = "", finished = ""] = stage.names("done");
  expect(readFileSync(join(stage.root, FOLDERS.done, finished), "utf8")).toContain("status: denied");
  expect(original).toBe(finished.replace(".md", "-original.md"));
  expect(readFileSync(join(stage.root, FOLDERS.done, original), "utf8")).toBe(note("20"));
  await drop(stage, "pay.md", note("20"));
  expect(stage.names("pending")).toEqual([]);
  expect(stage.executions).toEqual([]);
});

test("equal notes of different names are requests of their own: each may mean it", async () => {
  const stage = await open();
  await drop(stage, "a.md", note("20"));
  await drop(stage, "b.md", `${note("20")}again\n`);
  const requests = await adopted(stage);
  expect(requests).toHaveLength(2);
  expect(requests.map(askedOf)).toEqual([1, 1]);
});

test("the audit holds what is kept of a foreign note against the journal", async () => {
  const stage = await open();
  await drop(stage, "pay.md", note("20"));
  const [request] = await adopted(stage);
  const id = request?.submission.fields.id ?? "";
  await stage.application.cancel(id, { by: "vault", reason: null });
  await stage.pass(1_000);
  const audit = () => compareNotes(stage.ledger.records(0), stage.vault);
  expect(await audit()).toEqual([]);
  writeFileSync(stage.pathOf("done", `${id}-original`), note("21"));
  expect(await audit()).toEqual([expect.stringContaining("not the one that the journal knows")]);
  unlinkSync(stage.pathOf("done", `${id}-original`));
  expect(await audit()).toEqual([expect.stringContaining("is not in Done")]);
});

test("a long or invisible foreign text is shown in part, and its request can be approved all the same", async () => {
  const stage = await open();
  const long = `${note("20")}\n${"\u200b\n".repeat(15_000)}`;
  await drop(stage, "pay.md", long);
  const [request] = await adopted(stage);
  const id = request?.submission.fields.id ?? "";
  expect(stage.note(id)).toMatch(/Here are its first \d+ of \d+ characters/);
  await stage.edit(id, (text) => text.replace("- [ ] Approve", "- [x] Approve"));
  await stage.pass(3_000);
  expect(await stage.status(id)).toBe("executed");
  expect(String(stage.vault.readOriginal(id))).toBe(long);
});

describe("whatever programs write", () => {
  const word = fc.constantFrom(
    "approved",
    "pending",
    "yes",
    "true",
    "payment",
    "payment_approval",
    "approval_request",
    "20",
    "$1,500.00",
    "1.500,00",
    "ACME",
    "Re: x",
    "{{x}}",
    "[a]",
    "*a",
    "&a b",
    "@x",
    "- [x] Approve",
    "2020-01-01",
    "|",
    "sha256:00",
    "20261121-091403-payment-bbbbbb",
    "laptop",
  );
  const key = fc.constantFrom(
    "type",
    "action",
    "status",
    "decision",
    "reviewer",
    "amount",
    "recipient",
    "payee",
    "id",
    "digest",
    "host",
    "expires",
    "details",
    "approve",
    "approved",
    "Status",
    "title",
  );
  const line = fc.oneof(
    fc.tuple(key, word).map(([k, v]) => `${k}: ${v}`),
    fc.constantFrom(
      "---",
      "",
      "- [x] Approve",
      "- [x] It happened",
      "## Details",
      "```json",
      "```",
      '{"amount_cents": 1}',
      "**Action Type:** payment",
      "## Notes",
      "\t",
      "status:: approved",
    ),
  );
  const text = fc
    .tuple(fc.array(line, { maxLength: 12 }), fc.array(line, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"))
    .map(([front, body, eol]) =>
      ["---", "type: payment_approval", "amount: 20", "recipient: ACME", ...front, "---", ...body, ""].join(
        eol,
      ),
    );
  const name = fc.constantFrom(
    "pay.md",
    "Pay 1.md",
    "pay.sync-conflict-20261121-1.md",
    "APPROVED_pay.md",
    "é ☕.md",
  );

  test("nothing of it is a decision, and none of it is lost", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, text), { minLength: 1, maxLength: 4 }), async (notes) => {
        const scenery = makeScenery();
        const stage = await openStage(scenery, { adopt });
        try {
          await stage.daemon.start();
          const last = new Map<string, string>();
          for (const [file, content] of notes) {
            writeFileSync(pathIn(stage, file), content);
            stage.hint(`${FOLDERS.pending}/${file}`);
            last.set(file, content);
          }
          await stage.pass(6_000);
          await stage.daemon.rescan();
          await stage.pass(6_000);
          const made = new Set<string>();
          for await (const { event } of stage.ledger.records(0)) {
            expect(event.type).toBe("submitted");
            if (event.type === "submitted") made.add(event.submission.adopted?.name ?? "");
          }
          expect(stage.executions).toEqual([]);
          expect(stage.errors).toEqual([]);
          const originals = readdirSync(join(stage.root, FOLDERS.done)).map((one) =>
            readFileSync(join(stage.root, FOLDERS.done, one), "utf8"),
          );
          for (const [file, content] of last) {
            if (made.has(file)) expect(originals).toContain(content);
            else expect(readFileSync(pathIn(stage, file), "utf8")).toBe(content);
          }
        } finally {
          await stage.close();
          removeScenery(scenery);
        }
      }),
      { numRuns: 60 },
    );
  });
});
