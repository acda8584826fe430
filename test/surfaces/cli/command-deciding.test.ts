import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Fault } from "../../../src/core/codes.ts";
import { ID, view } from "../fake-application.ts";
import { createStage, type Stage } from "./stage.ts";

const ME = userInfo().username;

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

describe("people's commands", () => {
  test("say what was meant, by the name given or the operating system's", async () => {
    const application = await stage.serve();
    await stage.run(["approve", ID, "--as", "anna", "--reason", "fine"]);
    await stage.run(["reject", ID]);
    await stage.run(["request-changes", ID, "--reason", "other account"]);
    await stage.run(["take-back", ID, "--as", "anna", "--reason", "too soon"]);
    await stage.run(["resolve", ID, "--did-not", "--as", "anna"]);
    await stage.run(["resolve", ID, "--happened", "--reason", "seen"]);
    await stage.run(["halt", "--as", "anna"]);
    await stage.run(["resume"]);
    await stage.run(["clock", "accept", "--as", "olga"]);
    await stage.run(["cancel", ID, "--reason", "late"]);
    expect(application.calls).toEqual([
      ["decide", ID, { verb: "approve", reviewer: "anna", reason: "fine", via: "cli" }],
      ["decide", ID, { verb: "reject", reviewer: ME, reason: null, via: "cli" }],
      ["decide", ID, { verb: "request_changes", reviewer: ME, reason: "other account", via: "cli" }],
      ["takeBack", ID, { by: "anna", reason: "too soon" }],
      ["resolve", ID, { happened: false, by: "anna", reason: null }],
      ["resolve", ID, { happened: true, by: ME, reason: "seen" }],
      ["halt", "anna"],
      ["resume", ME],
      ["acceptClock", "olga"],
      ["checkToken", ID, null],
      ["cancel", ID, { by: ME, reason: "late" }],
    ]);
  });

  test("pass the decision on, and say that a checklist was looked at", async () => {
    const application = await stage.serve();
    await stage.run(["delegate", ID, "--to", "bob", "--as", "anna", "--reason", "on holiday"]);
    await stage.run(["approve", ID, "--as", "anna", "--checked"]);
    expect((await stage.run(["delegate", ID])).exit).toBe(2);
    expect(application.calls).toEqual([
      ["delegate", ID, { from: "anna", to: "bob", reason: "on holiday", via: "cli" }],
      ["decide", ID, { verb: "approve", reviewer: "anna", reason: null, via: "cli", checked: true }],
    ]);
  });

  test("change params before they approve, as text or JSON", async () => {
    const application = await stage.serve();
    await stage.run(["approve", ID, "--as", "anna", "--set", "note=half", "--set", "amount_cents:=90000"]);
    const set = { note: "half", amount_cents: 90_000 };
    const said = { verb: "approve", reviewer: "anna", reason: null, via: "cli", set };
    expect(application.calls).toEqual([["decide", ID, said]]);
    for (const wrong of [["half"], ["=x"], ["a:=01"], ["a:={b"], ["a=1", "--set", "a=2"]]) {
      const { exit, err } = await stage.run(["approve", ID, "--set", ...wrong]);
      expect([exit, err]).toEqual([2, expect.stringMatching(/--set|"a"/)]);
    }
    expect((await stage.run(["reject", ID, "--set", "note=half"])).exit).toBe(2);
    expect(application.calls.length).toBe(1);
  });

  test("are told when a param may not be changed", async () => {
    await stage.serve({
      decide: async () => {
        throw new Fault("not_editable", "payee may not be changed; what may be changed: none.");
      },
    });
    const { exit, err } = await stage.run(["approve", ID, "--set", "payee=Mallory"]);
    expect([exit, err]).toEqual([2, expect.stringContaining("payee may not be changed")]);
  });

  test("show what was changed, and by whom", async () => {
    const amended = [
      { param: "amount_cents", from: 150_000, to: 90_000 },
      { param: "n\u001b[31mote", to: "half" },
    ];
    await stage.serve({ show: async () => view({ amended, amended_by: "an\u202ena" }) });
    const { out } = await stage.run(["show", ID]);
    expect(out).toContain("amended   by an\\u{202E}na");
    expect(out).toContain("amount_cents: 150000 is now 90000");
    expect(out).toContain('ote: not there is now "half"');
    expect(out).not.toContain("\u001b");
    expect(out).not.toContain("\u202e");
  });

  test("a refusal gives 10", async () => {
    await stage.serve({
      decide: async () => {
        throw new Fault("already_final");
      },
    });
    expect((await stage.run(["approve", ID])).exit).toBe(10);
  });
});

describe("an action that the caller executes", () => {
  const approved = view({ status: "approved", executor: "caller" });
  const submit = async () => ({
    request: view({ executor: "caller" }),
    created: true,
    joined: false,
    own: true,
    token: null,
  });

  test("--wait ends with the grant; claim and complete find the token", async () => {
    const application = await stage.serve({ submit, wait: async () => approved });
    const found = await stage.run(["request", "--kind", "refactor", "--wait"]);
    expect(found).toMatchObject({ exit: 0, out: "the.signed.grant\n" });
    expect(statSync(stage.tokens).mode & 0o777).toBe(0o700);
    expect(statSync(join(stage.tokens, ID)).mode & 0o777).toBe(0o600);
    const token = readFileSync(join(stage.tokens, ID), "utf8").trim();
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(found.out + found.err).not.toContain(token);
    const sha256 = createHash("sha256").update(token).digest("hex");
    expect(application.calls[0]).toEqual(["submit", expect.objectContaining({ token_sha256: sha256 })]);
    // The grant alone, for whoever hands it on: GRANT=$(countersign claim ID)
    expect(await stage.run(["claim", ID])).toMatchObject({ exit: 0, out: "the.signed.grant\n" });
    expect((await stage.run(["complete", ID, "--result", '{"ok":true}'])).exit).toBe(0);
    expect(readdirSync(stage.tokens)).toEqual([]);
    expect(application.calls.slice(2)).toEqual([
      ["grant", ID, token],
      ["grant", ID, token],
      ["claim", ID, { token, grant: "the.signed.grant" }],
      ["grant", ID, token],
      ["complete", ID, { token, outcome: { result: { ok: true } } }],
    ]);
  });

  test("--json gives the request with its grant", async () => {
    await stage.serve({ submit, wait: async () => approved });
    const { out } = await stage.run(["request", "--kind", "refactor", "--wait", "--json"]);
    expect(JSON.parse(out)).toEqual({
      ...approved,
      grant: "the.signed.grant",
      grant_expires: "2026-11-21T10:00:00.000Z",
    });
  });

  test("--token and the environment come before the kept token", async () => {
    const application = await stage.serve();
    await stage.run(["claim", ID, "--grant", "g", "--token", "mine"], { env: { COUNTERSIGN_TOKEN: "env" } });
    await stage.run(["complete", ID, "--failed", "no"], { env: { COUNTERSIGN_TOKEN: "env" } });
    expect(application.calls).toEqual([
      ["claim", ID, { token: "mine", grant: "g" }],
      ["grant", ID, "mine"],
      ["complete", ID, { token: "env", outcome: { failed: "no" } }],
    ]);
  });

  test("a claim that has begun nothing says so, and prints no grant", async () => {
    await stage.serve({ claim: async () => view({ executor: "caller", status: "pending" }) });
    const claimed = await stage.run(["claim", ID, "--grant", "g", "--token", "mine"]);
    expect(claimed).toMatchObject({ exit: 10, out: "", err: expect.stringContaining("is pending now") });
  });

  test("what is finished is named as such, with or without a token", async () => {
    const finished_at = "2026-11-21T10:00:00.000Z";
    await stage.serve({ show: async () => view({ status: "executed", finished_at }) });
    const said = await stage.run(["complete", ID, "--result", "1", "--json"]);
    expect(said.exit).toBe(10);
    expect(JSON.parse(said.out)).toMatchObject({ error: { code: "already_final" } });
  });

  test("without a token it is refused here", async () => {
    await stage.serve();
    expect(await stage.run(["claim", ID])).toMatchObject({
      exit: 10,
      err: expect.stringContaining("no token"),
    });
    expect((await stage.run(["claim", "../../etc/passwd"])).exit).toBe(2);
  });

  test("grant verify asks for the daemon's key, or reads one", async () => {
    await stage.serve();
    const seen: unknown[] = [];
    const deps = {
      verifyGrant: async (...input: unknown[]) => {
        seen.push(input);
        return { sub: ID };
      },
    };
    const file = join(stage.root, "key.jwk");
    writeFileSync(file, '{"kty":"OKP"}');
    expect((await stage.run(["grant", "verify", "g", "--json"], { deps })).out).toBe(`{"sub":"${ID}"}\n`);
    await stage.run(["grant", "verify", "g", "--digest", "sha256:1", "--key", file, "--shadow"], { deps });
    expect(seen).toEqual([
      ["g", { kty: "OKP", crv: "Ed25519", x: "abc" }, { digest: null, shadow: false }],
      ["g", { kty: "OKP" }, { digest: "sha256:1", shadow: true }],
    ]);
  });
});
