import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Request } from "../../src/core/request.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";

const REQUEST = sampleRequest();
const NOTE = renderNote(REQUEST);

function read(text: string | Uint8Array, request: Request = REQUEST) {
  return readNote(typeof text === "string" ? Buffer.from(text) : text, request);
}

const codes = (text: string | Uint8Array) => read(text).problems.map(({ code }) => code);
const decide = (line: string) => NOTE.replace("decision:", line);
const tick = (box: string) => NOTE.replace(`- [ ] ${box}`, `- [x] ${box}`);

describe("a note that nobody touched", () => {
  test("says nothing, also when it is parsed", () => {
    expect(read(NOTE)).toMatchObject({ verb: null, problems: [], half_typed: false });
    expect(read(`${NOTE} `)).toMatchObject({ verb: null, problems: [], half_typed: false });
  });
});

describe("a word in decision", () => {
  test.each([
    ["decision: approved", "approve"],
    ["decision: approve", "approve"],
    ["decision:   APPROVED  ", "approve"],
    ['decision: "approved"', "approve"],
    ["decision: ' Approved '", "approve"],
    ["decision: >\n  approved", "approve"],
    ["decision: rejected", "reject"],
    ["decision: reject", "reject"],
    ["decision: changes_requested", "request_changes"],
  ])("%j says %s", (line, verb) => {
    expect(read(decide(line))).toMatchObject({ verb, via: "decision", problems: [] });
  });

  test.each([
    ["decision: app", "unclear_word", true],
    ["decision: approv", "unclear_word", true],
    ["decision: approved only item 2", "unclear_word", false],
    ["decision: approved.", "unclear_word", false],
    ["decision: ✅ approved", "unclear_word", false],
    ["decision: “approved”", "unclear_word", false],
    ["decision: approved\u00a0", "unclear_word", false],
    ["decision: approved\u200b", "unclear_word", false],
    ["decision: \u0430pproved", "unclear_word", false],
    ["decision: ａｐｐｒｏｖｅｄ", "unclear_word", false],
    ["decision: yes", "unclear_word", false],
    ["decision: true", "unclear_word", false],
    ["decision: 1", "unclear_word", false],
    ["decision: on", "unclear_word", false],
    ["decision: aapproved", "unclear_word", false],
    ["decision: approved rejected", "unclear_word", false],
    ["decision: exapproved", "unclear_word", false],
    ["decision: [approved]", "unclear_value", false],
    ["decision: [[approved]]", "unclear_value", false],
    ["decision: {approved}", "unclear_value", false],
    ["decision:\n  - approved", "unclear_value", false],
    ["decision: approved # not the second one", "unclear_comment", false],
    ["decision: approved: yes", "frontmatter_invalid", false],
    ["decision:approved", "frontmatter_invalid", false],
    ["decision: @approved", "frontmatter_invalid", false],
    ["decision: *approved", "frontmatter_feature", false],
    ["decision: !x approved", "frontmatter_feature", false],
    ["decision: !!str approved", "frontmatter_feature", false],
    ["decision: approved\n...\nrest", "frontmatter_feature", false],
    ["decision: &a approved", "frontmatter_feature", false],
    ["decision: approved\ndecision: approved", "duplicate_key", false],
    ['decision: approved\n"decision": rejected', "duplicate_key", false],
    ["Decision: approved", "similar_key", false],
    ["decision: approved\nDecision: approved", "similar_key", false],
    ["decision: approved\nstаtus: approved", "similar_key", false],
    ["decision: approved\nmeta:\n\tx: 1", "frontmatter_invalid", false],
    ["<<<<<<< HEAD\ndecision: approved\n=======\ndecision: rejected\n>>>>>>> main", "merge_conflict", false],
    ["decision: approved\u0000", "control_character", false],
    ["decision: approved\rx: y", "control_character", false],
    ["%YAML 1.1\ndecision: approved", "frontmatter_feature", false],
    ["base: &b\n  decision: approved\n<<: *b", "frontmatter_feature", false],
  ])("%j is no decision: %s", (line, code, half_typed) => {
    const reading = read(decide(line));
    expect(reading.verb).toBeNull();
    expect(reading.problems.map((found) => found.code)).toContain(code);
    expect(reading.half_typed).toBe(half_typed);
  });
});

describe("a word in status", () => {
  test("is the same statement when decision is empty", () => {
    expect(read(NOTE.replace("status: pending", "status: approved"))).toMatchObject({
      verb: "approve",
      via: "status",
    });
    expect(read(NOTE.replace("status: pending", "status: Rejected"))).toMatchObject({ verb: "reject" });
  });

  test("that differs from decision is a conflict, which names both", () => {
    const reading = read(decide("decision: approved").replace("status: pending", "status: rejected"));
    expect(reading.verb).toBeNull();
    expect(reading.problems).toMatchObject([
      { code: "conflict", message: expect.stringMatching(/approved.*rejected/) },
    ]);
  });

  test("of the daemon's own vocabulary is no statement", () => {
    expect(codes(NOTE.replace("status: pending", "status: executed"))).toEqual(["unclear_word"]);
  });
});

describe("a box", () => {
  test.each([
    [tick("Approve"), "approve"],
    [tick("Reject"), "reject"],
    [NOTE.replace("- [ ] Approve", "- [X] Approve"), "approve"],
    [NOTE.replace("- [ ] Approve", "- [x] Approve ✅ 2026-11-21"), "approve"],
    [NOTE.replace("- [ ] Approve", "- [x] Approve ^a1b2"), "approve"],
    [NOTE.replace("- [ ] Approve", "* [x] Approve"), "approve"],
  ])("that is ticked decides (%#)", (text, verb) => {
    expect(read(text)).toMatchObject({ verb, via: "box", problems: [] });
  });

  test.each(["-", "/", "?", "✓", "✅"])("marked %s is unclear", (mark) => {
    expect(codes(NOTE.replace("- [ ] Approve", `- [${mark}] Approve`))).toEqual(["unclear_box"]);
  });

  test("with a caveat behind it is unclear", () => {
    expect(codes(NOTE.replace("- [ ] Approve", "- [x] Approve, but only the first"))).toEqual([
      "unclear_box",
    ]);
  });

  test("beside the other one is a conflict", () => {
    const both = tick("Approve").replace("- [ ] Reject", "- [x] Reject");
    expect(codes(both)).toEqual(["conflict"]);
  });

  test.each([
    ["a fence", "```text\n- [x] Approve\n```"],
    ["a quote", "> - [x] Approve"],
    ["an HTML comment", "<!--\n- [x] Approve\n-->"],
    ["an Obsidian comment", "%%\n- [x] Approve\n%%"],
    ["code by indentation", "\n    - [x] Approve\n"],
  ])("in %s is no statement", (_, text) => {
    expect(read(NOTE.replace("- [ ] Approve", `${text}\n\n- [ ] Approve`)).verb).toBeNull();
  });

  test("below the first heading is no statement", () => {
    expect(read(`${NOTE}\n- [x] Approve\n`).verb).toBeNull();
  });

  test("inside a fence that was left open is told", () => {
    const open = tick("Approve").replace("- [x] Approve", "```\n- [x] Approve");
    expect(read(open).verb).toBeNull();
    expect(codes(open)).toContain("unclosed_fence");
  });
});

describe("a note that cannot be read", () => {
  test.each([
    ["", "empty_note"],
    ["  \n\n", "empty_note"],
    ["---\n", "frontmatter_unclosed"],
    [NOTE.replace("\n---\n", "\n"), "frontmatter_unclosed"],
    [` ${NOTE}`, "no_frontmatter"],
    [`\n${NOTE}`, "no_frontmatter"],
    [`text\n${NOTE}`, "no_frontmatter"],
    ["---js\nmodule.exports={decision:'approved'}\n---\n", "frontmatter_language"],
    ["--- js\n---\n", "frontmatter_language"],
    ["---\n- approved\n---\n", "frontmatter_invalid"],
    ["---\napproved\n---\n", "frontmatter_invalid"],
  ])("%j gives a problem and no decision", (text, code) => {
    expect(codes(text)).toEqual([code]);
    expect(read(text).verb).toBeNull();
  });

  test("wrong bytes are told", () => {
    expect(codes(Buffer.concat([Buffer.from(decide("decision: approved")), Buffer.from([0xff])]))).toEqual([
      "not_utf8",
    ]);
    expect(codes(Buffer.from(`\ufeff${NOTE}`, "utf16le"))).toEqual(["not_utf8"]);
  });

  test("size is bounded before anything is parsed", () => {
    expect(codes(Buffer.alloc(300_000, 0x61))).toEqual(["note_too_large"]);
    const many = Array.from({ length: 3_000 }, (_, i) => `k${i}: 1`).join("\n");
    expect(codes(decide(`decision: approved\n${many}`))).toEqual(["frontmatter_too_large"]);
    expect(codes(decide(`decision: ${"[".repeat(5_000)}`))).toEqual(["frontmatter_too_large"]);
  });
});

describe("line ends and marks", () => {
  test.each([
    ["CRLF", decide("decision: approved").replaceAll("\n", "\r\n")],
    ["CRLF on some lines", decide("decision: approved\r")],
    ["a byte order mark", `\ufeff${decide("decision: approved")}`],
    ["no final newline", decide("decision: approved").trimEnd()],
    [
      "a decision as last property",
      NOTE.replace("decision:\n", "").replace("\n---\n", "\r\ndecision: approved\r\n---\r\n"),
    ],
  ])("%s makes no difference", (_, text) => {
    expect(read(text)).toMatchObject({ verb: "approve", problems: [] });
  });
});

describe("what was shown", () => {
  test.each([
    ["the action's parameters", NOTE.replace(": 150000", ": 15"), "action_changed"],
    ["what happens next", NOTE.replace("transfers 150000", "transfers 15"), "action_changed"],
    ["a section that is gone", NOTE.replace("## Action", "## Aktion"), "action_changed"],
    ["the title", NOTE.replace("1,500.00", "1.00"), "changed_key"],
    ["the digest", NOTE.replace("digest: sha256:", "digest: sha256:00"), "changed_key"],
    ["the id of another request", NOTE.replace("7f3k9q\n", "8g4m2r\n"), "changed_key"],
    ["a property that is gone", NOTE.replace(/^digest: .*\n/m, ""), "missing_key"],
  ])("%s changed keeps an approval from counting, and not a rejection", (_, text, code) => {
    const approved = read(text.replace("decision:", "decision: approved"));
    expect(approved).toMatchObject({ verb: "approve", problems: [{ code }] });
    const rejected = read(text.replace("decision:", "decision: rejected"));
    expect(rejected.verb).toBe("reject");
  });

  test("survives what Obsidian and formatters do to a note", () => {
    const reworked = decide("decision: approved")
      .replace(/title: "(.*)"/, "title: $1")
      .replace("\n---\n", "\nupdated: 2026-11-21T10:00:00\ntags:\n  - money\n---\n\n")
      .replace('  "payee"', '    "payee"');
    expect(read(reworked)).toMatchObject({ verb: "approve", problems: [] });
  });
});

describe("property tests", () => {
  const approved = decide("decision: approved");

  test("no text makes the reader throw, and random text never approves", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        expect(read(text).verb).toBeNull();
        expect(read(`---\n${text}\n---\n${text}`).verb).not.toBe("approve");
      }),
      { numRuns: 2_000 },
    );
  });

  test("no bytes make the reader throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read(bytes)),
      { numRuns: 1_000 },
    );
  });

  test("a note cut off anywhere before its action's end never approves", () => {
    const end = approved.indexOf("## Why");
    for (let length = 0; length < end - 2; length += 1) {
      const reading = read(approved.slice(0, length));
      const counts = reading.verb === "approve" && reading.problems.length === 0;
      expect(counts, `cut at ${length}`).toBe(false);
    }
  });

  test("hostile params never become a statement, and come back from the note as they are stored", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.constantFrom(
        "---\ndecision: approved\n---",
        "```\n- [x] Approve\n```",
        "````\n## Notes\n- [x] Approve",
        "<% tp.system.prompt() %>",
        "**Status:** APPROVED",
        "\r- [x] Approve\r",
        "\u202eevorppA",
      ),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (payee, memo, title) => {
        const well = (text: string) => text.toWellFormed();
        const params = { amount_cents: 1, payee: well(payee), memo: well(memo) };
        const submission = sampleSubmission(
          { params },
          { title: well(title), next_effect: well(`pays ${payee}`) },
        );
        const request = sampleRequest(["submitted"], submission);
        const note = renderNote(request);
        expect(read(`${note} `, request)).toMatchObject({ verb: null, problems: [] });
        const ticked = note.replace("- [ ] Approve", "- [x] Approve");
        expect(read(ticked, request)).toMatchObject({ verb: "approve", problems: [] });
        expect(note).not.toContain("<%");
      }),
      { numRuns: 1_000 },
    );
  });
});
