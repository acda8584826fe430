import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPolicyReader, createPolicyShelf } from "../../src/adapters/policy-files.ts";
import { openInForce } from "../../src/application/in-force.ts";
import { judgeBy } from "../../src/application/judging.ts";
import { NOBODY } from "../../src/core/people.ts";
import { type FakeClock, fakeClock } from "../fake-clock.ts";
import { T0 } from "../sample.ts";

let place: string;
let clock: FakeClock;
let told: string[];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "policy-"));
  mkdirSync(join(place, "state"));
  mkdirSync(join(place, "vault"));
  clock = fakeClock(T0);
  told = [];
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(place, name), text);
const openFiles = (names: readonly ("policy" | "people")[]) => {
  const fileOf = (name: "policy" | "people") => {
    const file = join(place, `${name}.yaml`);
    return names.includes(name) ? { file, read: createPolicyReader(place, join(place, "vault")) } : null;
  };
  const inForce = openInForce({
    policy: fileOf("policy"),
    people: fileOf("people"),
    services: new Set(),
    kinds: new Map([["payment", { params: null, tags: ["money"], expires_ms: 3_600_000 }]]),
    clock,
    keep: createPolicyShelf(join(place, "state")),
    onTrouble: (about, text) => told.push(text === null ? `${about} in order` : text),
    onChange: (about) => told.push(`${about} changed`),
  });
  return { ...inForce, ...judgeBy(inForce.policy, clock) };
};
const open = () => openFiles(["policy"]);

const QUESTION = {
  id: "20261121-091403-payment-7f3k9q",
  kind: "payment",
  params: { amount: 5 },
  action_tags: ["money"],
  editable: ["amount"],
  requester: "bot",
  on_behalf_of: null,
  key: null,
  created: T0,
};
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const ALLOW = "default: allow\n";
const saysOf = (policy: ReturnType<typeof open>, shown = digest("a")) =>
  policy.judge(QUESTION, () => shown)?.says;

test("every policy that was in force can be found by the snapshot that requests name", async () => {
  write("base.yaml", ALLOW);
  write("policy.yaml", "extends: base.yaml\n");
  const policy = open();
  const first = policy.judge(QUESTION, () => digest("a"))?.policy;
  write("base.yaml", "default: deny\n");
  await clock.advance(1_000);
  const second = policy.judge(QUESTION, () => digest("a"))?.policy;
  expect(second).not.toBe(first);
  const kept = readdirSync(join(place, "state/policies"));
  expect(kept.map((name) => `sha256:${name.replace(".json", "")}`).sort()).toEqual([first, second].sort());
  for (const name of kept) {
    const bytes = readFileSync(join(place, "state/policies", name));
    expect(`${createHash("sha256").update(bytes).digest("hex")}.json`).toBe(name);
  }
  policy.stop();
});

describe("a policy", () => {
  test("that is changed in a file it extends is in force within two seconds", async () => {
    write("base.yaml", ALLOW);
    write("policy.yaml", "extends: base.yaml\n");
    const policy = open();
    expect(saysOf(policy)).toBe("allow");
    write("base.yaml", "default: require_approval\n");
    await clock.advance(2_000);
    expect(saysOf(policy)).toBe("require_approval");
    expect(told).toEqual(["policy changed"]);
    policy.stop();
  });

  test("that is broken, or gone, is told once, and the last good one stays until there is another", async () => {
    write("policy.yaml", ALLOW);
    const policy = open();
    for (const wrong of [
      "default: alow\n",
      null,
      "rules: [{ id: a, decision: require_approval, editable: [payees[0]] }]",
    ]) {
      if (wrong === null) rmSync(join(place, "policy.yaml"));
      else write("policy.yaml", wrong);
      await clock.advance(5_000);
      expect(saysOf(policy)).toBe("allow");
    }
    expect(told).toEqual([
      expect.stringContaining("policy.yaml:1"),
      expect.stringContaining("cannot be read"),
      expect.stringContaining("policy.yaml:1"),
    ]);
    write("policy.yaml", "default: deny\n");
    await clock.advance(1_000);
    expect(saysOf(policy)).toBe("deny");
    expect(told.slice(3)).toEqual(["policy changed", "policy in order"]);
    policy.stop();
    write("policy.yaml", ALLOW);
    await clock.advance(5_000);
    expect(saysOf(policy)).toBe("deny");
  });

  test.each([
    ["is not there", null, "policy_missing"],
    ["is broken", "default: alow\n", "policy_invalid"],
    ["extends one in the vault", "extends: vault/base.yaml\n", "policy_invalid"],
  ])("that %s stops the start", (_, text, code) => {
    write("vault/base.yaml", ALLOW);
    if (text !== null) write("policy.yaml", text);
    expect(open).toThrow(expect.objectContaining({ code }));
  });

  test("in the vault is not taken, whatever it is called by", () => {
    write("vault/real.yaml", ALLOW);
    symlinkSync(join(place, "vault/real.yaml"), join(place, "policy.yaml"));
    expect(open).toThrow(expect.objectContaining({ code: "policy_missing" }));
  });

  test("draws a share of what it allows by the digest, which holds its rule and its time", () => {
    write(
      "policy.yaml",
      "rules: [{ id: some, decision: allow, sample: 50%, expires: 5m, editable: [note] }]\n",
    );
    const policy = open();
    const asked: unknown[] = [];
    const all = [..."0123456789abcdef"].map((letter) =>
      policy.judge(QUESTION, (found) => {
        asked.push(found);
        return digest(letter);
      }),
    );
    expect(new Set(all.map((verdict) => verdict?.says))).toEqual(new Set(["allow", "require_approval"]));
    expect(asked[0]).toEqual({ policy: all[0]?.policy, rule: "some", expires_ms: 300_000 });
    expect(all.find((verdict) => verdict?.says === "require_approval")?.editable).toEqual(["note"]);
    policy.stop();
  });

  test("leaves what may be changed to the configuration where its rule does not say", () => {
    write("policy.yaml", "default: require_approval\n");
    const policy = open();
    expect(policy.judge(QUESTION, () => digest("a"))?.editable).toEqual(["amount"]);
    policy.stop();
  });
});

const PERSONS = "persons: { ada: {}, bob: {} }\n";
const TREASURY = `${PERSONS}groups: { treasury: [ada, bob] }\n`;
const asks = (who: string, quorum = 1) =>
  `rules: [{ id: a, decision: require_approval, approvers: ${who}, quorum: ${quorum}, reason: "${who} ${quorum}" }]\n`;
const names = (inForce: ReturnType<typeof openFiles>) => inForce.people().persons.map(({ name }) => name);

describe("the people", () => {
  test("that nobody has written down are nobody, and nothing is looked for", () => {
    const inForce = openFiles([]);
    expect(inForce.people()).toBe(NOBODY);
    expect(inForce.policy()).toBeNull();
    expect(clock.next()).toBeNull();
  });

  test("that are changed are known within two seconds, without a policy too", async () => {
    write("people.yaml", PERSONS);
    const inForce = openFiles(["people"]);
    expect(inForce.people().find("Ada")).toBe("ada");
    write("people.yaml", "persons: { cy: {} }\n");
    await clock.advance(2_000);
    expect(names(inForce)).toEqual(["cy"]);
    expect(told).toEqual(["people changed"]);
    expect(saysOf(inForce)).toBeUndefined();
    inForce.stop();
    write("people.yaml", PERSONS);
    await clock.advance(5_000);
    expect(names(inForce)).toEqual(["cy"]);
  });

  test("that are broken, or gone, are told once, and the last good ones stay", async () => {
    write("people.yaml", PERSONS);
    const inForce = openFiles(["people"]);
    for (const wrong of ["persons: { ada: { nmae: x } }\n", null, "groups: { a: [dee] }\n"]) {
      if (wrong === null) rmSync(join(place, "people.yaml"));
      else write("people.yaml", wrong);
      await clock.advance(5_000);
      expect(names(inForce)).toEqual(["ada", "bob"]);
    }
    write("people.yaml", PERSONS);
    await clock.advance(1_000);
    expect(told).toEqual([
      expect.stringContaining("The changed people are not taken"),
      expect.stringContaining("cannot be read"),
      expect.stringContaining("people.yaml:1: the group a names dee"),
      "people in order",
    ]);
    inForce.stop();
  });

  test.each([
    ["are not there", null, "people_missing"],
    ["are broken", "persons: { ada: { nmae: x } }\n", "people_invalid"],
  ])("that %s stop the start", (_, text, code) => {
    if (text !== null) write("people.yaml", text);
    expect(() => openFiles(["people"])).toThrow(expect.objectContaining({ code }));
  });

  test("in the vault are not taken, whatever they are called by", () => {
    write("vault/real.yaml", PERSONS);
    symlinkSync(join(place, "vault/real.yaml"), join(place, "people.yaml"));
    expect(() => openFiles(["people"])).toThrow(expect.objectContaining({ code: "people_missing" }));
  });
});

describe("policy and people together", () => {
  const openBoth = () => openFiles(["policy", "people"]);
  const ruleOf = (inForce: ReturnType<typeof openFiles>) => inForce.policy()?.rules[0]?.reason;
  const NOT_TAKEN = expect.stringContaining("is not taken");
  const NONE_TAKEN = expect.stringContaining("are not taken");

  test.each([
    ["names nobody that is known", asks("cy"), "policy_invalid"],
    ["asks for more than there are", asks("treasury", 3), "policy_invalid"],
  ])("a policy that %s stops the start", (_, text, code) => {
    write("people.yaml", TREASURY);
    write("policy.yaml", text);
    expect(openBoth).toThrow(expect.objectContaining({ code }));
  });

  test("a policy that names somebody stops the start where nobody is known", () => {
    write("policy.yaml", asks("ada"));
    expect(() => openFiles(["policy"])).toThrow(expect.objectContaining({ code: "policy_invalid" }));
  });

  /** What both files say next, and who and which rule is in force then, with what is told. */
  test.each<[string, string | null, string | null, string[], string, unknown[]]>([
    [
      "both changed",
      "persons: { cy: {} }\n",
      asks("cy"),
      ["cy"],
      "cy 1",
      ["people changed", "policy changed"],
    ],
    [
      "a person gone whom the policy names",
      "persons: { bob: {} }\n",
      null,
      ["ada", "bob"],
      "treasury 2",
      [NONE_TAKEN],
    ],
    ["a policy that names a stranger", null, asks("cy"), ["ada", "bob"], "treasury 2", [NOT_TAKEN]],
    [
      "a broken policy beside more people",
      `${TREASURY}zone: UTC\n`,
      "rulez: []",
      ["ada", "bob"],
      "treasury 2",
      ["people changed", NOT_TAKEN],
    ],
    [
      "broken people beside another policy",
      "persons: []\n",
      asks("ada"),
      ["ada", "bob"],
      "ada 1",
      [NONE_TAKEN, "policy changed"],
    ],
    ["both broken", "persons: []\n", "rulez: []", ["ada", "bob"], "treasury 2", [NONE_TAKEN, NOT_TAKEN]],
    [
      "a policy that the other people do not fit, each fitting what is in force",
      `persons: { ada: {} }\ngroups: { treasury: [ada, all] , all: [eve] }\n`.replace(
        "ada: {}",
        "ada: {}, eve: {}",
      ),
      asks("bob"),
      ["ada", "eve"],
      "treasury 2",
      ["people changed", NOT_TAKEN],
    ],
  ])("%s", async (_, people, policy, persons, rule, tells) => {
    write("people.yaml", TREASURY);
    write("policy.yaml", asks("treasury", 2));
    const inForce = openBoth();
    if (people !== null) write("people.yaml", people);
    if (policy !== null) write("policy.yaml", policy);
    await clock.advance(5_000);
    expect([names(inForce), ruleOf(inForce), told]).toEqual([persons, rule, tells]);
    told = [];
    write("people.yaml", TREASURY);
    write("policy.yaml", asks("ada", 1));
    await clock.advance(1_000);
    expect([names(inForce), ruleOf(inForce)]).toEqual([["ada", "bob"], "ada 1"]);
    inForce.stop();
  });

  test("people who did not fit are taken once the policy does without them", async () => {
    write("people.yaml", TREASURY);
    write("policy.yaml", asks("treasury", 2));
    const inForce = openBoth();
    write("people.yaml", "persons: { ada: {} }\n");
    await clock.advance(1_000);
    expect(names(inForce)).toEqual(["ada", "bob"]);
    write("policy.yaml", asks("ada"));
    await clock.advance(1_000);
    expect(names(inForce)).toEqual(["ada"]);
    expect(told).toEqual([NONE_TAKEN, "people changed", "people in order", "policy changed"]);
    inForce.stop();
  });
});
