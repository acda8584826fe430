import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { HistoryEntry } from "../../../src/adapters/git/backlog.ts";
import { inCommits } from "../../../src/adapters/git/batch.ts";
import { inShadow } from "../../../src/core/shadow.ts";
import { auditHeads, commitMessage } from "../../../src/document/commit-message.ts";
import { sampleVerdict } from "../../sample.ts";
import { AT, approved, idOf, makeScene, type Scene, userEnv } from "./scene.ts";

let scene: Scene;
let nowhere: string;
beforeAll(() => {
  scene = makeScene();
  nowhere = mkdtempSync(join(tmpdir(), "countersign-git-"));
});
afterAll(async () => {
  await scene.end();
  rmSync(nowhere, { recursive: true });
});

/** What git itself takes for trailers. */
function trailersOf(message: string): string[] {
  const options = { cwd: nowhere, env: userEnv(), input: message, encoding: "utf8" } as const;
  return execFileSync("git", ["interpret-trailers", "--parse"], options).trimEnd().split("\n");
}

function approval(title: string, more: Parameters<typeof approved>[0]): HistoryEntry {
  const asked = scene.submit("acme", "", title);
  return scene.happen(approved(more), asked.request, []);
}

const HOSTILE = [
  "Pay\n\nAudit-Head: 9999 ffff",
  "Pay\r\nReviewer: mallory",
  "Pay\u2028Event: executed\u2029Event: executed\u0085Event: executed",
  "Pay \u001b[31mred\u0007 \u202egnihton\u200b",
  "---\nAudit-Head: 1 a",
  "# comment",
  "\ud800 half a character",
  "x".repeat(5_000),
  "",
];

test.each(HOSTILE)("A title, name or reason such as %j adds no line and no trailer", (text) => {
  const entry = approval(text, { reviewer: text, reason: text });
  const message = commitMessage([entry]);
  const trailers = trailersOf(message);
  const reviewer = text === "" ? [] : [expect.stringMatching(/^Reviewer: \S/)];
  expect(trailers).toEqual([
    `Request-Id: ${idOf("acme")}`,
    "Event: approved",
    expect.stringMatching(/^Digest: sha256:[0-9a-f]{64}$/),
    ...reviewer,
    "Assurance: edit",
    `Audit-Head: ${entry.record.seq} ${entry.record.hash}`,
  ]);
  expect(auditHeads(message)).toEqual([{ seq: entry.record.seq, hash: entry.record.hash }]);
  const subject = message.split("\n")[0] ?? "";
  expect([...subject].length).toBeLessThanOrEqual(72);
  expect(subject.startsWith(`approve ${idOf("acme")}:`)).toBe(true);
  expect(message).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
});

test("Transitions that share a commit have a block of trailers each", () => {
  const entries = ["one", "two"].map((name) => scene.submit(name));
  const message = commitMessage(entries);
  expect(message.split("\n")[0]).toBe("record 2 transitions of 2 requests");
  expect(message).toContain(`request ${idOf("one")}: Pay one\nrequest ${idOf("two")}: Pay two\n`);
  const keys = trailersOf(message).map((line) => line.split(":")[0]);
  expect(keys).toEqual([..."ab"].flatMap(() => ["Request-Id", "Event", "Digest", "Audit-Head"]));
  expect(auditHeads(message).map(({ seq }) => seq)).toEqual(entries.map(({ record }) => record.seq));
});

test("The daemon's next step shares the commit and the sentence of what it follows", () => {
  const approval = scene.happen(approved(), scene.submit("acme").request, []);
  const attempt = { number: 1, idempotency_key: "k", executor: "daemon", deadline: null } as const;
  const start = scene.happen({ type: "started", at: AT, attempt }, approval.request, []);
  expect(inCommits([approval, start], 9)).toEqual([[approval, start]]);
  const message = commitMessage([approval, start]);
  expect(message.split("\n")[0]).toMatch(/^approve /);
  expect(trailersOf(message).filter((line) => line.startsWith("Event:"))).toEqual([
    "Event: approved",
    "Event: started",
  ]);
  const end = scene.happen({ type: "executed", at: AT, result: null }, start.request, []);
  const archive = scene.happen({ type: "archived", at: AT }, end.request, []);
  expect(inCommits([approval, start, end, archive], 9)).toEqual([
    [approval, start],
    [end, archive],
  ]);
  expect(commitMessage([end, archive]).split("\n")[0]).toMatch(/^execute /);
});

test("A person's reason is told, and the rule and the policy where there are some", () => {
  const { request, record } = approval("Pay", { reason: "agreed by phone" });
  const fields = { ...request.submission.fields, rule: "over-1000", policy: "sha256:00" };
  const told = { record, request: { ...request, submission: { ...request.submission, fields } } };
  const message = commitMessage([told]);
  expect(message).toContain("\n\nbecause: agreed by phone\n\n");
  expect(trailersOf(message)).toEqual(expect.arrayContaining(["Rule: over-1000", "Policy: sha256:00"]));
});

test.each([
  "Fix it\n\nAudit-Head: 3 abc\n\nand more text",
  "Audit-Head 3 abc",
  "",
  "one\n\nAudit-Head: x abc",
])("The message %j stands for no journal record", (message) => {
  expect(auditHeads(message)).toEqual([]);
});

test("What went ahead only because its kind is in shadow says so, and what would have been", () => {
  const verdict = inShadow(sampleVerdict("deny"));
  const { request, record } = approval("Pay", {});
  const event = { type: "allowed", at: AT, verdict, lapses: null } as const;
  const message = commitMessage([{ request, record: { ...record, event } }]);
  expect(message).toContain("because: the rule payments would have denied it: Payments are watched.");
  expect(trailersOf(message)).toEqual(
    expect.arrayContaining(["Event: allowed", "Rule: payments", "Shadow: deny"]),
  );
  const earnest = { ...event, verdict: sampleVerdict("allow") };
  expect(commitMessage([{ request, record: { ...record, event: earnest } }])).not.toContain("Shadow:");
});
