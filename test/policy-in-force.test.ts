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
import { createPolicyReader, createPolicyShelf } from "../src/adapters/policy-files.ts";
import { openPolicy } from "../src/policy-in-force.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { T0 } from "./sample.ts";

let place: string;
let clock: FakeClock;
let told: (string | null)[];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "policy-"));
  mkdirSync(join(place, "state"));
  mkdirSync(join(place, "vault"));
  clock = fakeClock(T0);
  told = [];
});

afterEach(() => rmSync(place, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(place, name), text);
const open = () =>
  openPolicy({
    file: join(place, "policy.yaml"),
    read: createPolicyReader(place, join(place, "vault")),
    kinds: new Map([["payment", { params: null, tags: ["money"], expires_ms: 3_600_000 }]]),
    clock,
    keep: createPolicyShelf(join(place, "state")),
    onTrouble: (text) => told.push(text),
    onChange: () => told.push("changed"),
  });

const QUESTION = {
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
    expect(told).toEqual(["changed"]);
    policy.stop();
  });

  test("that is broken, or gone, is told once, and the last good one stays until there is another", async () => {
    write("policy.yaml", ALLOW);
    const policy = open();
    for (const wrong of [
      "default: alow\n",
      null,
      "rules: [{ id: a, decision: require_approval, max_attempts: 2 }]",
    ]) {
      if (wrong === null) rmSync(join(place, "policy.yaml"));
      else write("policy.yaml", wrong);
      await clock.advance(5_000);
      expect(saysOf(policy)).toBe("allow");
    }
    expect(told).toEqual([
      expect.stringContaining("policy.yaml:1"),
      expect.stringContaining("cannot be read"),
      expect.stringContaining("not supported yet"),
    ]);
    write("policy.yaml", "default: deny\n");
    await clock.advance(1_000);
    expect(saysOf(policy)).toBe("deny");
    expect(told.slice(3)).toEqual(["changed", null]);
    policy.stop();
    write("policy.yaml", ALLOW);
    await clock.advance(5_000);
    expect(saysOf(policy)).toBe("deny");
  });

  test.each([
    ["is not there", null, "policy_missing"],
    ["is broken", "default: alow\n", "policy_invalid"],
    [
      "asks for what the daemon cannot see to",
      "rules: [{ id: a, decision: require_approval, cool_off: 1m }]",
      "policy_invalid",
    ],
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
