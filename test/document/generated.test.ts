import fc from "fast-check";
import { expect, test } from "vitest";
import { PROBLEMS } from "../../src/core/codes/problems.ts";
import { isFinal, type Verb } from "../../src/core/request.ts";
import { answerNote } from "../../src/document/answer.ts";
import { askOutcome, finishNote } from "../../src/document/finish.ts";
import { DECIDE } from "../../src/document/labels.ts";
import { answerLate, answerUnread } from "../../src/document/late.ts";
import { ANSWER_HEAD, CAME_BACK, renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest } from "../sample.ts";
import { broughtIn, operations, perform, requests } from "./breaking.ts";
import { couldApprove } from "./could-approve.ts";

/** The same cases every time; `npm run generate` (or any number as COUNTERSIGN_RUNS) goes looking for others. */
const CAMPAIGN = process.env.COUNTERSIGN_RUNS;
const RUNS = Number(CAMPAIGN ?? 700);
const HOW = { numRuns: RUNS, ...(CAMPAIGN === undefined && { seed: 20261121 }) };
const TIMEOUT_MS = 30_000 + RUNS * 20;

const edited = fc.tuple(requests, operations).map(([request, ops]) => {
  let text = renderNote(request);
  let brought = "";
  for (const op of ops) {
    brought += ` ${broughtIn(op, text)}`;
    text = perform(text, op);
  }
  // A file has bytes, and half a surrogate pair is not among them.
  return { request, ops, text: text.toWellFormed(), brought };
});

const VERB_IN: Readonly<Record<Verb, RegExp>> = {
  approve: /approve/i,
  reject: /reject/i,
  request_changes: /changes_requested/i,
};

test(
  "a broken note is never an approval that no one gave, nor a rejection",
  () => {
    const acted = { approve: 0, reject: 0, request_changes: 0 };
    const folders = fc.constantFrom<Verb | null>(null, null, null, "approve", "reject");
    fc.assert(
      fc.property(edited, folders, fc.boolean(), ({ request, text, brought }, dropped, mayEdit) => {
        const editable = mayEdit ? Object.keys(request.submission.fields.params) : [];
        const { verb, problems } = readNote(Buffer.from(text), request, dropped, editable);
        if (verb === null || (verb === "approve" && problems.length > 0)) return;
        acted[verb] += 1;
        // Breaking the fence around an agent's text can at most make it say no.
        const agents = verb === "approve" ? "" : JSON.stringify(request.submission);
        expect(`${brought} ${dropped ?? ""} ${agents}`).toMatch(VERB_IN[verb]);
        if (verb === "approve") expect(couldApprove(text, request, dropped !== null)).toBe(true);
      }),
      HOW,
    );
    // Where nothing acts, nothing is proven.
    expect(Math.min(acted.approve, acted.reject)).toBeGreaterThan(RUNS / 30);
  },
  TIMEOUT_MS,
);

test(
  "a broken note keeps every line that is not the daemon's own, whatever is written into it",
  () => {
    fc.assert(
      fc.property(edited, fc.constantFrom(...ENDS), ({ request, text }, end) => {
        const problems = readNote(Buffer.from(text), request).problems;
        const submission = request.submission;
        const final = sampleRequest(end, submission);
        const unknown = sampleRequest(["submitted", "approved", "started", "outcome_lost"], submission);
        if (!isFinal(final) || unknown.status !== "outcome_unknown")
          throw new Error("not what was asked for");
        const finished = finishNote(text, final);
        const written = [
          finished.kept ? finished.text : answerUnread(text, final),
          answerNote(text, problems),
          answerLate(text, final),
          askOutcome(text, unknown) ?? text,
        ];
        for (const now of written) expectKept(text, now);

        if (text.trim() === "") return;
        const bare = answerNote(text, []);
        const told = answerNote(bare, problems);
        expect(answerNote(told, []), "an answer leaves no trace").toBe(bare);
        expect(answerNote(told, problems), "an answer is put in once").toBe(told);
        const again = readNote(Buffer.from(told), request);
        expect(again.answer === "").toBe(problems.length === 0);
        expect(again.verb).toBe(readNote(Buffer.from(bare), request).verb);
      }),
      { ...HOW, numRuns: Math.ceil(RUNS / 2) },
    );
  },
  TIMEOUT_MS,
);

const ENDS = [
  ["submitted", "approved", "started", "executed"],
  ["submitted", "approved", "started", "failed"],
  ["submitted", "rejected"],
  ["submitted", "changes_requested"],
  ["submitted", "expired"],
] as const;

const OWN_LINES = new Set([...DECIDE.split("\n"), ...CAME_BACK.split("\n"), ANSWER_HEAD, ""]);
/** The daemon's properties, which it sets, and the fields that it fills where they are empty. */
const OWN =
  /^\ufeff?["']?(?:status|outcome|decided_at|executed_at|decision|reviewer|reason)["']?[ \t]*:(?<value>.*)$/;
const OWN_WORD = /^["']?(|null|~|[>|][-+]?|pending|approved?|rejected|reject|changes_requested)["']?$/i;

/** A line of the daemon's callout ends in one of its hints. */
function isTold(line: string): boolean {
  return /^> ?[-*+] /.test(line) && Object.values(PROBLEMS).some(({ hint }) => line.trimEnd().endsWith(hint));
}

/** Every line of the person's, in order, as it was: white space, quotes, comments and line end included. */
function expectKept(before: string, after: string): void {
  const there = after.split("\n").map((line) => line.replace(/\r+$/, ""));
  const gone = (line: string) => `the line ${JSON.stringify(line)} of\n${before}\nis gone from\n${after}`;
  let from = 0;
  let own = false;
  for (const line of before.split("\n").map((one) => one.replace(/\r+$/, ""))) {
    const value = OWN.exec(line)?.groups?.value;
    own = value !== undefined || (own && /^([ \t]|- |$)/.test(line));
    if (own || isTold(line)) {
      // What the daemon has overwritten is kept elsewhere, unless it only ever was a word of its own.
      const said = (value ?? line).replace(/(^|[ \t])#.*/, "").trim();
      const comment = /(?<=\s)#.*$/.exec(line)?.[0] ?? "";
      const isOwn = OWN_WORD.test(said) || !/^[ -~]*$/.test(said) || isTold(line);
      for (const text of [isOwn ? "" : said, comment.trimEnd()]) {
        expect(
          there.some((one) => one.includes(text)),
          gone(line),
        ).toBe(true);
      }
    } else if (!OWN_LINES.has(line.trim())) {
      const at = there.indexOf(line, from);
      expect(at, gone(line)).not.toBe(-1);
      from = at + 1;
    }
  }
}

test("bytes that are no text never throw and never decide", () => {
  const encodings = ["utf16le", "latin1", "ascii"] as const;
  fc.assert(
    fc.property(edited, fc.constantFrom(...encodings), fc.nat(), ({ request, text }, encoding, at) => {
      const bytes = Buffer.from(text, encoding);
      const odd = Buffer.concat([bytes.subarray(0, at % (bytes.length + 1)), Buffer.from([0xff]), bytes]);
      expect(readNote(odd, request)).toMatchObject({ verb: null, problems: [{ code: "not_utf8" }] });
    }),
    { ...HOW, numRuns: Math.ceil(RUNS / 10) },
  );
});
