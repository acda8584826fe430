import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfiguration } from "../../src/adapters/configuration/load.ts";
import { createPolicyReader } from "../../src/adapters/policy-files.ts";
import { type SetupPlan, setUp } from "../../src/adapters/setup.ts";
import { openInForce } from "../../src/application/in-force.ts";
import { renderStarterPeople } from "../../src/people/starter.ts";
import { loadPolicy } from "../../src/policy/load.ts";
import { renderStarter } from "../../src/policy/starter.ts";
import { fakeClock } from "../fake-clock.ts";
import { peopleFrom } from "../people.ts";

let root = "";
let plan: SetupPlan;
const people = () => join(root, "config/people.yaml");
const policy = () => join(root, "config/policy.yaml");

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cs-setup-"));
  writeFileSync(join(root, "Handbook.md"), "# Handbook\n");
  writeFileSync(join(root, ".gitconfig"), "[user]\n  name = Anna Example\n  email = anna@example.org\n");
  mkdirSync(join(root, "vault"));
  plan = {
    vault: join(root, "vault"),
    configuration: join(root, "config/countersign.yaml"),
    starters: { people: renderStarterPeople, policy: renderStarter },
    handbook: join(root, "Handbook.md"),
    obsidian: false,
    user: "anna",
    env: { PATH: process.env.PATH, HOME: root, GIT_DIR: join(root, "elsewhere") },
  };
});
afterEach(() => rmSync(root, { recursive: true }));

test("an empty folder becomes a vault", async () => {
  const { made, kept } = await setUp(plan);
  expect(readdirSync(plan.vault).sort()).toEqual([
    ".git",
    "Approvals.base",
    "Approved",
    "Done",
    "Handbook.md",
    "Pending_Approval",
    "Rejected",
  ]);
  expect(kept).toEqual([]);
  expect(made).toHaveLength(10);
  expect(existsSync(join(root, "elsewhere"))).toBe(false);
  expect(peopleFrom(readFileSync(people(), "utf8")).persons).toMatchObject([
    {
      name: "anna",
      names: ["Anna Example"],
      emails: ["anna@example.org"],
      git: ["Anna Example <anna@example.org>"],
    },
  ]);
  expect(statSync(plan.configuration).mode & 0o777).toBe(0o600);
});

test("the starter configuration loads without a warning and has an action that runs", async () => {
  await setUp(plan);
  const found = await loadConfiguration(plan.configuration, { PATH: process.env.PATH ?? "" });
  expect(found.warnings).toEqual([]);
  expect(found.checkParams("note", { text: "hello" })).toEqual([]);
  expect(found.actions.get("note")?.executor).toMatchObject({
    by: "daemon",
    argv: [expect.stringMatching(/^\/.*\/tee$/), "-a", join(root, "config/notes.jsonl")],
  });
});

test("the starter policy and people are taken by the daemon as they are", async () => {
  await setUp(plan);
  const found = await loadConfiguration(plan.configuration, { PATH: process.env.PATH ?? "" });
  expect([found.policy, found.people]).toEqual([policy(), people()]);
  const told: unknown[] = [];
  const open = (file: string | null) =>
    file === null ? null : { file, read: createPolicyReader(found.directory, plan.vault) };
  const inForce = openInForce({
    policy: open(found.policy),
    people: open(found.people),
    kinds: new Map([["note", { params: found.schemaOf("note"), tags: [], expires_ms: 1 }]]),
    clock: fakeClock(0),
    services: new Set(),
    keep: () => {},
    onTrouble: (...trouble) => told.push(trouble),
    onChange: (...change) => told.push(change),
  });
  expect(inForce.people().find("Anna Example")).toBe("anna");
  expect(inForce.policy()).toMatchObject({ default: "require_approval", rules: [] });
  const { findings } = loadPolicy(policy(), createPolicyReader("/"), {
    kinds: new Map([["note", { params: found.schemaOf("note"), tags: [], expires_ms: 1 }]]),
    people: inForce.people(),
  });
  expect([findings, told]).toEqual([[], []]);
});

test("a setting up that was interrupted before the configuration is taken up again", async () => {
  mkdirSync(join(root, "config"));
  writeFileSync(policy(), "default: deny\n");
  const { made, kept } = await setUp(plan);
  expect(made).toContain(plan.configuration);
  expect(kept).toEqual([policy()]);
  expect(readFileSync(policy(), "utf8")).toBe("default: deny\n");
});

test("a configuration in the vault gets neither policy nor people, which would be refused there", async () => {
  plan = { ...plan, configuration: join(plan.vault, "own/countersign.yaml") };
  await setUp(plan);
  expect(readdirSync(join(plan.vault, "own"))).toEqual(["countersign.yaml"]);
  const found = await loadConfiguration(plan.configuration, { PATH: process.env.PATH ?? "" });
  expect([found.policy, found.people]).toEqual([null, null]);
});

test("what is there is kept as it is", async () => {
  const mine: Record<string, string> = {
    [join(plan.vault, "Handbook.md")]: "my own",
    [join(plan.vault, "Approvals.base")]: "views: []\n",
    [plan.configuration]: "mine: 1\n",
    [people()]: "ours: 1\n",
    [join(plan.vault, "Done/x.md")]: "done",
  };
  mkdirSync(join(plan.vault, "Done"));
  mkdirSync(join(root, "config"));
  for (const [path, text] of Object.entries(mine)) writeFileSync(path, text);
  const { kept } = await setUp(plan);
  for (const [path, text] of Object.entries(mine)) expect(readFileSync(path, "utf8")).toBe(text);
  expect(kept).toEqual([
    `${join(plan.vault, "Done")}/`,
    join(plan.vault, "Handbook.md"),
    join(plan.vault, "Approvals.base"),
    plan.configuration,
    people(),
  ]);
  expect(existsSync(policy())).toBe(false);
  expect((await setUp(plan)).made).toEqual([]);
});

test("a vault inside a repository gets none of its own", async () => {
  mkdirSync(join(root, ".git"));
  await setUp(plan);
  expect(existsSync(join(plan.vault, ".git"))).toBe(false);
});

test("a machine without git gets everything else", async () => {
  const { made } = await setUp({ ...plan, env: { PATH: join(root, "none") } });
  expect(made).toHaveLength(9);
  expect(peopleFrom(readFileSync(people(), "utf8")).persons).toMatchObject([
    { name: "anna", names: [], emails: [], git: [] },
  ]);
});

describe("Obsidian's types of properties", () => {
  const path = () => join(plan.vault, ".obsidian/types.json");
  const write = (text: string) => {
    mkdirSync(join(plan.vault, ".obsidian"), { recursive: true });
    writeFileSync(path(), text);
  };

  test("are left alone unless asked for", async () => {
    await setUp(plan);
    expect(existsSync(path())).toBe(false);
  });

  test("are added where they are missing, and never changed", async () => {
    write('{"types": {"tags": "tags", "decision": "multitext"}, "other": 1}');
    const { made } = await setUp({ ...plan, obsidian: true });
    expect(made).toContain(path());
    expect(JSON.parse(readFileSync(path(), "utf8"))).toMatchObject({
      types: { tags: "tags", decision: "multitext", reviewer: "text", expires: "datetime" },
      other: 1,
    });
    expect((await setUp({ ...plan, obsidian: true })).kept).toContain(path());
    expect(readdirSync(join(plan.vault, ".obsidian"))).toEqual(["types.json"]);
  });

  test("are made where Obsidian has none yet", async () => {
    await setUp({ ...plan, obsidian: true });
    expect(JSON.parse(readFileSync(path(), "utf8"))).toMatchObject({ types: { decision: "text" } });
  });

  test.each(["{", "[]", '{"types": []}', "null"])(
    "that cannot be understood stay as they are: %s",
    async (text) => {
      write(text);
      expect((await setUp({ ...plan, obsidian: true })).kept).toContain(path());
      expect(readFileSync(path(), "utf8")).toBe(text);
    },
  );
});
