import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { problem } from "../../src/core/codes.ts";
import type { Event } from "../../src/core/event.ts";
import { createTally } from "../../src/core/tally.ts";
import { type DashboardData, isDashboardOf, renderDashboard } from "../../src/document/dashboard.ts";
import { sampleEvent, sampleRequest, sampleSubmission, T0 } from "../sample.ts";

const EMPTY: DashboardData = {
  host: "laptop",
  open: [],
  soon: new Set(),
  problems: new Map(),
  recent: [],
  failed: [],
  figures: createTally().figures(),
  strangers: [],
  otherHosts: [],
  unadopted: [],
  moved: new Map(),
  notices: [],
};

const idOf = (n: number) => `20261121-091403-payment-${String(n).padStart(6, "0")}`;
const requestOf = (n: number, types: Event["type"][] = ["submitted"], title = `Pay ${n}`) =>
  sampleRequest(types, sampleSubmission({ id: idOf(n) }, { title }));
const headings = (text: string) => text.split("\n").filter((line) => line.startsWith("## "));

describe("the dashboard", () => {
  test("tells what needs a person first", () => {
    const tally = createTally();
    tally.take(idOf(4), sampleEvent("failed"));
    const failed = requestOf(4, ["submitted", "approved", "started", "failed"]);
    const text = renderDashboard({
      ...EMPTY,
      open: [
        requestOf(1),
        requestOf(2, ["submitted", "approved", "started", "outcome_lost"]),
        requestOf(3, ["submitted", "approved"]),
      ],
      problems: new Map([[idOf(1), [problem("unclear_word", 3)]]]),
      recent: [failed],
      failed: [failed],
      figures: tally.figures(),
      strangers: ["a.md"],
      otherHosts: [{ name: "b.md", host: "phone" }],
      moved: new Map([[idOf(5), "Elsewhere/x.md"]]),
      notices: ["Halted."],
    });
    expect(text.indexOf("> [!warning] Halted.")).toBeLessThan(text.indexOf("## "));
    expect(headings(text)).toEqual([
      "## Did it happen?",
      "## Not understood",
      "## Waiting (1)",
      "## Approved, not finished",
      "## Failed lately",
      "## Last decisions",
      "## Lately",
      "## Not known to this daemon, and left alone",
      "## Of other hosts, and left alone",
      "## Moved away",
    ]);
  });

  test("puts what is nearly over first and marks it, and says how often it was asked for", () => {
    const open = [requestOf(1), requestOf(2, ["submitted", "joined", "joined"])];
    const text = renderDashboard({ ...EMPTY, open, soon: new Set([idOf(2)]) });
    const rows = text.split("\n").filter((line) => line.startsWith("| [["));
    expect(rows.map((row) => row.slice(2, 2 + idOf(1).length + 4))).toEqual([
      `[[${idOf(2)}]]`,
      `[[${idOf(1)}]]`,
    ]);
    expect(rows[0]).toContain("(asked 3 times)");
    expect(rows[0]).toContain("**soon**: ");
    expect(rows[1]).not.toContain("soon");
  });

  test("shows a hundred rows of a table and counts the rest", () => {
    const text = renderDashboard({
      ...EMPTY,
      open: Array.from({ length: 250 }, (_, n) => requestOf(n)),
      strangers: Array.from({ length: 103 }, (_, n) => `s${n}.md`),
    });
    expect(text.match(/^\| \[\[/gm)).toHaveLength(100);
    expect(text).toContain("## Waiting (250)");
    expect(text).toContain("and 150 more.");
    expect(text).toContain("- and 3 more");
  });

  test("keeps whatever an agent or a person wrote inside its own cell", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(
        "a | b",
        "x\n## Waiting (0)",
        "```mermaid",
        "[[Done]]",
        "![](http://e.vil/x)",
        "%%",
        "|\\|",
      ),
    );
    fc.assert(
      fc.property(hostile, hostile, hostile, (title, name, error) => {
        const failed = sampleRequest(["submitted", "approved", "started"], sampleSubmission({}, { title }));
        const request = { ...failed, status: "failed", error, finished_at: "", archived: true } as never;
        const rendered = (one: never) =>
          renderDashboard({
            ...EMPTY,
            recent: [one],
            failed: [one],
            strangers: [name],
            otherHosts: [{ name, host: title }],
          });
        const plain = sampleRequest(["submitted", "approved", "started", "failed"]);
        const [found, wanted] = [rendered(request), rendered(plain as never)].map((text) => text.split("\n"));
        expect(found?.length).toBe(wanted?.length);
        for (const row of found?.filter((line) => line.startsWith("| ")) ?? []) {
          // A bar that is not escaped begins another cell.
          expect(row.match(/(?<!\\)(\\\\)*\|/g)?.length).toBeOneOf([5, 6]);
          expect(row).not.toMatch(/(?<!\\)`|(?<!\\)\[(?!\[2026|2026)|!\[(?!\\)\]/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("tells how long the decisions took, and from when on it counts", () => {
    const at = (seconds: number) => new Date(T0 + seconds * 1_000).toISOString();
    const times = createTally();
    for (const [n, seconds] of [5, 3_700, 200_000].entries())
      times.take(idOf(n), { ...sampleEvent("rejected"), at: at(seconds) } as Event);
    times.take(idOf(9), { ...sampleEvent("expired"), at: at(200_001) } as Event);
    const text = renderDashboard({ ...EMPTY, figures: times.figures() });
    expect(text).toContain("title Outcomes in the 30 days up to 2026-11-23");
    expect(text).toContain('  "expired" : 1\n  "rejected" : 3\n');
    expect(text).toContain("| 3 | 1 h 2 min | 2 d 8 h |");
    times.cutBefore();
    expect(renderDashboard({ ...EMPTY, figures: times.figures() })).toContain(
      "title Outcomes from 2026-11-21 to 2026-11-23",
    );
  });

  test("is known by its host", () => {
    const text = renderDashboard(EMPTY);
    expect(isDashboardOf("laptop", text)).toBe(true);
    expect(isDashboardOf("desk", text)).toBe(false);
    expect(isDashboardOf("laptop", "# My dashboard\n\nhost: laptop\n")).toBe(false);
    expect(isDashboardOf("laptop", "")).toBe(false);
  });
});
