import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildProgram,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
  type Ran,
} from "./crash/daemon-process.ts";
import { until } from "./crash/kill-world.ts";

/** The program as it is shipped, from its command line: what agents and operators see. */
let program: Program;
let place: string;
let vault: string;
let config: string;
let env: NodeJS.ProcessEnv;
let daemon: DaemonProcess;

const CONFIGURATION = `
actions:
  pay:
    run: [sh, -c, "cat >/dev/null; echo '{\\"paid\\": true}'"]
    params: { type: object, required: [cents], properties: { cents: { type: integer } }, additionalProperties: false }
  fail:
    run: [sh, -c, "cat >/dev/null; echo no funds >&2; exit 3"]
  vanish:
    run: [sh, -c, "cat >/dev/null; kill -9 $$"]
  bill:
    run: [cat]
    params: { type: object, properties: { cents: { type: integer }, payee: { type: string } } }
    editable: [cents]
  refactor:
    caller: true
  wire:
    run: [sh, -c, "cat >/dev/null; echo '{\\"wired\\": true}'"]
    params: { type: object, properties: { cents: { type: integer } } }
settle: 0s
policy: ./policy.yaml
people: ./people.yaml
adopt:
  presets: []
  mappings:
    - when: { type: approval_request, action: payment }
      kind: pay
      params: { cents: { from: amount, as: cents } }
      title: { from: reason }
`;

const POLICY = `
default: require_approval
risk:
  - { level: critical, factor: A great deal of money, match: { kind: wire }, when: params.cents > 1000 }
rules:
  - { id: no-fortunes, match: { kind: wire, risk: critical }, decision: deny, reason: Nobody wires a fortune. }
  - { id: wires, match: { kind: wire }, decision: allow }
`;

const PEOPLE = "persons: { ada: { names: Ada Lovelace } }\n";

beforeAll(async () => {
  program = buildProgram();
  place = mkdtempSync(join(tmpdir(), "end-to-end-"));
  vault = join(place, "vault");
  config = join(place, "countersign.yaml");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  writeFileSync(config, CONFIGURATION);
  writeFileSync(join(place, "policy.yaml"), POLICY);
  writeFileSync(join(place, "people.yaml"), PEOPLE);
  env = {
    PATH: process.env.PATH,
    HOME: place,
    USER: "billing-agent",
    COUNTERSIGN_VAULT: vault,
    COUNTERSIGN_CONFIG: config,
  };
  daemon = await startDaemon();
});

afterAll(async () => {
  daemon.signal("SIGTERM");
  await daemon.ended;
  program.remove();
  rmSync(place, { recursive: true, force: true });
});

const cs = (...words: string[]) => countersign(program, words, env);

async function startDaemon(): Promise<DaemonProcess> {
  const started = launch(program, vault, env);
  expect(await started.ready, started.log()).toBe(true);
  return started;
}

const ask = async (kind: string, ...words: string[]) =>
  (await cs("request", "--kind", kind, ...words)).out.trim();
let cents = 100;
/** Each time another action: what was said no to may not be asked for again soon. */
const pay = () => {
  cents += 1;
  return ask("pay", "--param", `cents:=${cents}`);
};

/** A person's edit, saved in place as Obsidian does. */
function edit(id: string, change: (note: string) => string): void {
  const path = join(vault, "Pending_Approval", `${id}.md`);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}
const tick = (id: string, box = "Approve") =>
  edit(id, (note) => note.replace(`- [ ] ${box}`, `- [x] ${box}`));

describe("a param that may be changed", () => {
  test("is changed with the approval, and the program, the agent and the record get what it became", async () => {
    const id = await ask("bill", "--param", "cents:=5", "--param", "payee=ACME", "--key", "b-1");
    const refused = await cs("approve", id, "--set", "payee=Mallory", "--json");
    expect(refused.exit).toBe(2);
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "not_editable" } });
    const wrong = await cs("approve", id, "--set", "cents=7", "--json");
    expect(wrong.exit).toBe(2);
    expect(JSON.parse(wrong.out)).toMatchObject({ error: { code: "invalid_params" } });
    expect((await cs("approve", id, "--as", "eve", "--set", "cents:=3")).exit).toBe(0);
    const told = await cs("wait", id, "--json");
    const params = { cents: 3, payee: "ACME" };
    expect(JSON.parse(told.out)).toMatchObject({
      status: "executed",
      params,
      amended: [{ param: "cents", from: 5, to: 3 }],
      amended_by: "eve",
      result: { id, kind: "bill", params, approved_by: ["eve"] },
    });
    expect((await cs("wait", id)).out).toContain("cents: 5 is now 3");
    expect(await ask("bill", "--param", "cents:=5", "--param", "payee=ACME", "--key", "b-1")).toBe(id);
    expect((await cs("audit", "verify", "--json")).exit).toBe(0);
  });
});

describe("the policy", () => {
  test("denies at once: exit code 8, and the reason", async () => {
    const waited = await cs("request", "--kind", "wire", "--param", "cents:=2000", "--wait", "--json");
    expect(waited.exit).toBe(8);
    expect(JSON.parse(waited.out)).toMatchObject({
      status: "denied",
      verdict: { says: "deny", rule: "no-fortunes", risk: "critical", reason: "Nobody wires a fortune." },
    });
    const asked = await cs("request", "--kind", "wire", "--param", "cents:=2001");
    expect(asked.exit).toBe(8);
    expect(asked.out).toContain("Nobody wires a fortune.");
  });

  test("allows at once, and what it said can be audited", async () => {
    const told = await cs("request", "--kind", "wire", "--param", "cents:=20", "--wait", "--json");
    expect(told.exit).toBe(0);
    const { id, verdict } = JSON.parse(told.out);
    expect(JSON.parse(told.out)).toMatchObject({
      status: "executed",
      decision: null,
      result: { wired: true },
    });
    const state = JSON.parse((await cs("audit", "verify", "--json")).out);
    expect(state).toMatchObject({ ok: true });
    expect(existsSync(join(vault, "Pending_Approval", `${id}.md`))).toBe(false);
    expect(verdict).toMatchObject({
      says: "allow",
      rule: "wires",
      policy: expect.stringMatching(/^sha256:/),
    });
  });
});

describe("the exit code and the document of a wait say what came of a request", () => {
  test.each<[string, string, string[], (id: string) => unknown, number, object]>([
    [
      "a tick",
      "pay",
      ["--param", "cents:=5"],
      (id) => tick(id),
      0,
      { status: "executed", result: { paid: true } },
    ],
    [
      "a rejection with its reason",
      "pay",
      ["--param", "cents:=6"],
      (id) =>
        edit(id, (note) => note.replace("decision:", "decision: rejected").replace("reason:", "reason: no")),
      3,
      { status: "rejected", decision: { reason: "no" } },
    ],
    ["nobody in time", "pay", ["--param", "cents:=5", "--expires", "1s"], () => {}, 4, { status: "expired" }],
    [
      "a wish for changes",
      "pay",
      ["--param", "cents:=7"],
      (id) => edit(id, (note) => note.replace("status: pending", "status: changes_requested")),
      5,
      { status: "changes_requested" },
    ],
    [
      "a program that fails",
      "fail",
      [],
      (id) => tick(id),
      6,
      { status: "failed", error: expect.stringContaining("no funds") },
    ],
    ["a program that is killed", "vanish", [], (id) => tick(id), 7, { status: "outcome_unknown" }],
    ["a cancelled one", "pay", ["--param", "cents:=5"], (id) => cs("cancel", id), 9, { status: "cancelled" }],
    [
      "an approval from the command line",
      "pay",
      ["--param", "cents:=5"],
      (id) => cs("approve", id, "--as", "ada"),
      0,
      { status: "executed", decision: { reviewer: "ada", via: "cli" } },
    ],
  ])("after %s", async (_, kind, words, act, exit, document) => {
    const id = await ask(kind, ...words);
    await act(id);
    const told = await cs("wait", id, "--json");
    expect(JSON.parse(told.out)).toMatchObject({ id, ...document });
    expect(told.exit).toBe(exit);
  });

  test("when it is still pending after the time-out", async () => {
    const id = await pay();
    expect((await cs("wait", id, "--timeout", "50ms")).exit).toBe(75);
    await cs("reject", id);
  });
});

describe("an agent", () => {
  test("that waits is told over a kill of the daemon and its restart", { timeout: 60_000 }, async () => {
    const id = await pay();
    const waiting = cs("wait", id, "--json");
    // Answered only once the daemon is up, as the wait before it was by then.
    await cs("list");
    daemon.signal("SIGKILL");
    await daemon.ended;
    tick(id);
    daemon = await startDaemon();
    const told = await waiting;
    expect(JSON.parse(told.out)).toMatchObject({ id, status: "executed" });
    expect(told.exit).toBe(0);
  });

  test("that uses a key again for another action is refused with both digests", async () => {
    const first = await cs("request", "--kind", "pay", "--param", "cents:=1", "--key", "k1");
    const same = await cs("request", "--kind", "pay", "--param", "cents:=1", "--key", "k1");
    expect(same).toMatchObject({ exit: 0, out: first.out });
    const other = await cs("request", "--kind", "pay", "--param", "cents:=2", "--key", "k1", "--json");
    expect(other.exit).toBe(2);
    const { error } = JSON.parse(other.out);
    expect(error.code).toBe("key_reused");
    expect(new Set(String(error.message).match(/sha256:[0-9a-f]{64}/g)).size).toBe(2);
    await cs("cancel", first.out.trim());
  });

  test.each<[string, string[], string]>([
    ["an unknown kind", ["--kind", "transfer"], "unknown_kind"],
    ["params that do not fit", ["--kind", "pay", "--param", "cents=many"], "invalid_params"],
    [
      "a number that has no one canonical form",
      ["--kind", "pay", "--param", "cents:=9007199254740993"],
      "invalid_json",
    ],
    ["a key twice in an object", ["--kind", "pay", "--param", 'cents:={"a":1,"a":2}'], "invalid_json"],
  ])("that asks with %s is told in one sentence", async (_, words, code) => {
    const told = await cs("request", ...words, "--json");
    expect(told.exit).toBe(2);
    expect(JSON.parse(told.out).error.code).toBe(code);
    const plain = await cs("request", ...words);
    expect(plain.out).toBe("");
    expect(plain.err.trim().split("\n").length).toBe(2);
    expect(plain.err).not.toMatch(/\bat .*:\d+:\d+/);
    expect(plain.err.includes("name:=JSON")).toBe(code === "invalid_params");
  });

  test("that acts itself claims once, with a grant that a tool can check, and reports", async () => {
    const asked = cs("request", "--kind", "refactor", "--key", "r1", "--wait", "--json");
    const id = (await cs("request", "--kind", "refactor", "--key", "r1")).out.trim();
    tick(id);
    const told = await asked;
    expect(told.exit).toBe(0);
    const document = JSON.parse(told.out.trim().split("\n").at(-1) ?? "");
    const early = String(document.grant ?? "");
    const verify = (one: string) => cs("grant", "verify", one, "--digest", document.digest);
    // Nothing is on the record yet.
    expect(await verify(early)).toMatchObject({ exit: 10 });
    const claimed = await cs("claim", id, "--json");
    expect(claimed).toMatchObject({ exit: 0 });
    const { grant } = JSON.parse(claimed.out) as { grant: string };
    expect(await verify(grant)).toMatchObject({ exit: 0 });
    const other = grant.at(-9) === "A" ? "B" : "A";
    expect(await cs("grant", "verify", `${grant.slice(0, -9)}${other}${grant.slice(-8)}`)).toMatchObject({
      exit: 10,
    });
    expect(await cs("claim", id)).toMatchObject({ exit: 10 });
    expect(await cs("complete", id, "--result", '{"files": 2}')).toMatchObject({ exit: 0 });
    expect(JSON.parse((await cs("show", id, "--json")).out)).toMatchObject({
      status: "executed",
      result: { files: 2 },
    });
  });

  test("that acts itself and cannot tell what came of it leaves that to a person", async () => {
    const id = (await cs("request", "--kind", "refactor", "--key", "r2")).out.trim();
    tick(id);
    expect(await cs("wait", id)).toMatchObject({ exit: 0 });
    expect(await cs("claim", id)).toMatchObject({ exit: 0 });
    expect(await cs("complete", id, "--unknown", "the line went dead")).toMatchObject({ exit: 0 });
    expect(JSON.parse((await cs("show", id, "--json")).out)).toMatchObject({
      status: "outcome_unknown",
      error: "its caller cannot tell: the line went dead",
    });
    expect(await cs("resolve", id, "--did-not")).toMatchObject({ exit: 0 });
    expect((await cs("wait", id)).exit).toBe(6);
  });
});

test("another program's note becomes a request, which runs once a person ticks it", async () => {
  const text =
    "---\ntype: approval_request\naction: payment\namount: $1,500.00\nreason: January rent\nstatus: approved\n---\n\n- [x] Approve\n";
  const path = join(vault, "Pending_Approval", "PAYMENT_rent.md");
  const kept = watch(join(vault, "Done"));
  writeFileSync(path, text);
  let id = "";
  for await (const { filename } of kept) {
    if (!filename?.endsWith("-original.md")) continue;
    id = filename.replace("-original.md", "");
    break;
  }
  expect(JSON.parse((await cs("show", id, "--json")).out)).toMatchObject({
    status: "pending",
    title: "January rent",
    params: { cents: 150_000 },
    requester: "vault",
  });
  expect(readFileSync(join(vault, "Done", `${id}-original.md`), "utf8")).toBe(text);
  tick(id);
  expect((await cs("wait", id)).exit).toBe(0);
  expect(existsSync(path)).toBe(false);
});

describe("an operator", () => {
  test("settles an unknown outcome, halts and resumes", async () => {
    const id = await ask("vanish");
    tick(id);
    expect((await cs("wait", id)).exit).toBe(7);
    expect((await cs("resolve", id, "--did-not", "--as", "ada")).exit).toBe(0);
    expect((await cs("wait", id)).exit).toBe(6);
    await cs("halt");
    const held = await pay();
    tick(held);
    expect((await cs("wait", held, "--timeout", "300ms")).exit).toBe(75);
    await cs("resume");
    expect((await cs("wait", held)).exit).toBe(0);
  });

  test("is refused a second daemon, by name and process id", async () => {
    const second: Ran = await cs("start", "--json");
    expect(second.exit).toBe(10);
    const { error } = JSON.parse(second.out);
    expect(error.code).toBe("already_running");
    expect(error.message).toContain(String(daemon.pid));
  });

  test("is told what is wrong in a configuration, with file and line", async () => {
    const wrong = join(place, "wrong.yaml");
    writeFileSync(wrong, "actions:\n  pay:\n    rum: [true]\n");
    const told = await cs("start", "--config", wrong, "--state", join(place, "other-state"), "--json");
    expect(told.exit).toBe(2);
    expect(JSON.parse(told.out).error).toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("wrong.yaml:3"),
    });
  });

  test.each([
    ["people.yaml", "persons:\n  ada: { nmae: Ada }\n", "people_invalid", "people.yaml:2: there is no key"],
    ["policy.yaml", "rules:\n  - { id: a, decision: maybe }\n", "policy_invalid", "policy.yaml:2: "],
    ["vault/people.yaml", PEOPLE, "people_missing", "it lies in the vault"],
  ])("is told what is wrong in %s, and nothing is started", async (name, text, code, message) => {
    const wrong = join(place, "wrong");
    mkdirSync(wrong, { recursive: true });
    const file = name.startsWith("vault/") ? join(vault, "people.yaml") : join(wrong, name);
    writeFileSync(file, text);
    const key = code.replace(/_.*/, "");
    writeFileSync(join(wrong, "config.yaml"), `actions: { pay: { run: [cat] } }\n${key}: ${file}\n`);
    const options = ["--config", join(wrong, "config.yaml"), "--state", join(place, "other-state")];
    const refused = await cs("start", ...options, "--json");
    rmSync(file);
    expect(refused.exit).toBe(2);
    expect(JSON.parse(refused.out).error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test("is told on the dashboard of people who are not taken, until they are in order", async () => {
    const dashboard = () => readFileSync(join(vault, "Dashboard.md"), "utf8");
    writeFileSync(join(place, "people.yaml"), "persons: { ada: {}, Ada: {} }\n");
    await until("people not taken", daemon, () => dashboard().includes("The changed people are not taken"));
    expect(dashboard()).toContain("people.yaml:1: Ada belongs to ada already");
    writeFileSync(join(place, "people.yaml"), PEOPLE);
    await until("people taken", daemon, () => !dashboard().includes("The changed people are not taken"));
  });

  test("finds a whole journal that the notes agree with, and no daemon after it was stopped", async () => {
    const log = await cs("audit", "log", "--event", "approved", "--reviewer", "ada", "--json");
    const records = log.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records).toMatchObject([{ event: { type: "approved", decision: { reviewer: "ada" } } }]);
    daemon.signal("SIGTERM");
    expect(await daemon.ended).toEqual({ exit: 0, signal: null });
    expect(await cs("audit", "verify")).toMatchObject({ exit: 0 });
    expect((await cs("list")).exit).toBe(69);
    expect((await cs("request", "--kind", "pay", "--param", "cents:=5")).exit).toBe(69);
    expect(existsSync(join(vault, "Dashboard.md"))).toBe(true);
    daemon = await startDaemon();
  });
});
