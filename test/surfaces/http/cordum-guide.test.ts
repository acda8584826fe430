import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tokenOf } from "./stage.ts";
import { openWhole, type Whole } from "./whole.ts";

/** What Cordum's guide to approval gates shows, and its gateway's reference says. */
let stage: Whole;
beforeEach(async () => {
  stage = await openWhole();
});
afterEach(async () => {
  await stage.close();
  expect(stage.bugs).toEqual([]);
});

const as = "anna";
const pending = (id: string, digest: string) => ({
  job: { id, state: "APPROVAL", topic: "payment" },
  decision: "REQUIRE_APPROVAL",
  policy_snapshot: "",
  policy_rule_id: "",
  policy_reason: "",
  job_hash: digest,
  approval_required: true,
  approval_ref: id,
  approval_status: "pending",
  approval_actionability: "actionable",
  decision_summary: {
    title: "transfers 150000 cents to ACME",
    why: "billing-agent asks for it, and there is no policy that allows it.",
    next_effect: "transfers 150000 cents to ACME",
  },
});

describe("the guide's four commands, with a token", () => {
  const run = promisify(execFile);

  /** The guide's command line, word by word, but for the port and the token. */
  async function curl(...words: string[]): Promise<unknown> {
    const { port } = stage.placeOf("tcp") as { port: number };
    const token = ["-H", `Authorization: Bearer ${tokenOf(as)}`];
    const { stdout } = await run("curl", [
      "-sS",
      ...words.map((word) => word.replace("8081", String(port))),
      ...token,
    ]);
    return JSON.parse(stdout);
  }

  test("the pending queue, approve, reject, and the decisions of a job", async () => {
    const job1 = await stage.submit();
    const job2 = await stage.submit();
    const queue = await curl("http://localhost:8081/api/v1/approvals?include_resolved=false");
    expect(queue).toMatchObject({ items: [{ job: { id: job1 } }, { job: { id: job2 } }] });
    expect(
      await curl(
        "-X",
        "POST",
        `http://localhost:8081/api/v1/approvals/${job1}/approve`,
        "-H",
        "Content-Type: application/json",
        "-d",
        '{"reason":"approved by on-call","note":"ticket INC-123"}',
      ),
    ).toEqual({ job_id: job1, trace_id: job1 });
    expect(
      await curl(
        "-X",
        "POST",
        `http://localhost:8081/api/v1/approvals/${job2}/reject`,
        "-H",
        "Content-Type: application/json",
        "-d",
        '{"reason":"policy violation","note":"missing rollback plan"}',
      ),
    ).toEqual({ job_id: job2 });
    await stage.world.daemon.settled();
    expect(await curl(`http://localhost:8081/api/v1/jobs/${job1}/decisions`)).toMatchObject([
      {
        job: { id: job1, state: "SUCCEEDED" },
        approval_status: "approved",
        resolution: "approved",
        resolved_by: "anna",
        resolved_comment: "approved by on-call (ticket INC-123)",
      },
    ]);
    expect(await curl(`http://localhost:8081/api/v1/jobs/${job2}/decisions`)).toMatchObject([
      {
        job: { state: "DENIED" },
        resolution: "rejected",
        resolved_comment: "policy violation (missing rollback plan)",
      },
    ]);
  });
});

test("an item has the guide's fields, and says nothing of a resolution before there is one", async () => {
  const id = await stage.submit();
  const { digest } = await stage.world.application.show(id);
  const { body } = await stage.ask("GET /api/v1/approvals?include_resolved=false", { as });
  expect(body).toEqual({ items: [pending(id, digest)] });
  const one = await stage.ask(`GET /api/v1/approvals/${id}`, { as });
  expect([one.status, one.body]).toEqual([200, pending(id, digest)]);
});

test("what the policy said is in it", async () => {
  await stage.close();
  stage = await openWhole({}, {}, (root) =>
    writeFileSync(
      join(root, "../policy.yaml"),
      "rules:\n  - { id: payment-gate, match: { kind: payment }, decision: require_approval, reason: Financial operations. }\n",
    ),
  );
  const id = await stage.submit();
  const { body } = await stage.ask(`GET /api/v1/jobs/${id}/decisions`, { as });
  expect(body).toMatchObject([
    {
      decision: "REQUIRE_APPROVAL",
      policy_snapshot: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      policy_rule_id: "payment-gate",
      rule_id: "payment-gate",
      policy_reason: "Financial operations.",
      reason: "Financial operations.",
      approval_required: true,
      decision_summary: { why: "Financial operations." },
    },
  ]);
});

describe("the queue", () => {
  test("has the resolved ones too, unless they are not wanted", async () => {
    const [first, second] = [await stage.submit(), await stage.submit()];
    await stage.ask(`POST /api/v1/approvals/${first}/reject`, { as, body: { reason: "no" } });
    await stage.world.daemon.settled();
    const idsOf = async (query: string) => {
      const { body } = await stage.ask(`GET /api/v1/approvals${query}`, { as });
      return (body as { items: { job: { id: string } }[] }).items.map(({ job }) => job.id);
    };
    expect(await idsOf("?include_resolved=false")).toEqual([second]);
    expect(await idsOf("?include_resolved=true")).toEqual([first, second]);
    expect(await idsOf("")).toEqual([first, second]);
    const page = await stage.ask("GET /api/v1/approvals?limit=1", { as });
    expect(page.body).toMatchObject({ items: [{ job: { id: first } }], next_cursor: expect.any(String) });
    const { next_cursor } = page.body as { next_cursor: string };
    expect(await idsOf(`?limit=1&cursor=${next_cursor}`)).toEqual([second]);
  });
});

describe("a decision", () => {
  test("about another digest than the job's is a conflict, and decides nothing", async () => {
    const id = await stage.submit();
    const body = { reason: "ok", job_hash: `sha256:${"0".repeat(64)}` };
    const found = await stage.ask(`POST /api/v1/approvals/${id}/approve`, { as, body });
    expect([found.status, found.body]).toEqual([
      409,
      { error: expect.any(String), status: 409, code: "approval_stale_request", retryable: false },
    ]);
    expect(await stage.world.status(id)).toBe("pending");
  });

  test("about the digest that the reviewer saw is taken", async () => {
    const id = await stage.submit();
    const { digest } = await stage.world.application.show(id);
    const found = await stage.ask(`POST /api/v1/approvals/${id}/approve`, { as, body: { job_hash: digest } });
    expect(found.status).toBe(200);
  });

  test("that comes twice is a conflict", async () => {
    const id = await stage.submit();
    await stage.ask(`POST /api/v1/approvals/${id}/reject`, { as, body: {} });
    const again = await stage.ask(`POST /api/v1/approvals/${id}/approve`, { as, body: {} });
    expect(again).toMatchObject({ status: 409, body: { code: "approval_already_resolved" } });
  });

  test("of a job that is not there is 404", async () => {
    for (const line of ["GET /api/v1/approvals/job-1", "GET /api/v1/jobs/job-1/decisions"]) {
      const { status, body } = await stage.ask(line, { as });
      expect([status, body]).toEqual([404, { error: expect.any(String), status: 404 }]);
    }
    expect((await stage.ask("POST /api/v1/approvals/job-1/approve", { as, body: {} })).status).toBe(404);
  });

  test("is a reviewer's, never an agent's", async () => {
    const id = await stage.submit();
    const found = await stage.ask(`POST /api/v1/approvals/${id}/approve`, { as: "billing-agent", body: {} });
    expect([found.status, found.body]).toEqual([403, { error: expect.any(String), status: 403 }]);
  });

  test("in somebody else's name is the token's, with that name as a claim", async () => {
    const id = await stage.submit();
    await stage.ask(`POST /api/v1/approvals/${id}/approve`, { as, body: { resolved_by: "manager-2" } });
    expect((await stage.world.application.show(id)).decision).toMatchObject({
      reviewer: "anna",
      claimed: "manager-2",
      assurance: "edit",
    });
  });
});
