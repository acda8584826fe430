import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { FOLDERS, isUnchangedBase, renderApprovalsBase } from "../../src/document/approvals-base.ts";
import { renderNote } from "../../src/document/note.ts";
import { ownProperties } from "../../src/document/properties.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";

interface Base {
  filters: unknown;
  formulas: Record<string, string>;
  properties: Record<string, { displayName: string }>;
  views: {
    type: string;
    name: string;
    filters: unknown;
    order: string[];
    groupBy?: { property: string; direction: string };
    sort: { property: string; direction: string }[];
  }[];
}

const FANCY = { pending: "What's waiting: today", done: "Done & gone, \u{1f4e6}" };

describe.each([
  ["the usual folders", FOLDERS],
  ["folders of other names", FANCY],
])("the table over %s", (_, folders) => {
  const text = renderApprovalsBase(folders);
  const base = parse(text, { strict: true }) as Base;

  test("has the shape that Obsidian documents", () => {
    expect(Object.keys(base)).toEqual(["filters", "formulas", "properties", "views"]);
    expect(base.views.map(({ type, name }) => `${type} ${name}`)).toEqual([
      "table Waiting",
      "table Did it happen?",
      "table Done this month",
    ]);
    for (const filters of [base.filters, ...base.views.map((view) => view.filters)]) checkFilter(filters);
    for (const { order, groupBy, sort } of base.views) {
      for (const { direction } of [...sort, ...(groupBy ? [groupBy] : [])])
        expect(direction).toBeOneOf(["ASC", "DESC"]);
      expect(new Set(order).size).toBe(order.length);
    }
  });

  test("looks only where requests are", () => {
    const [pending, done] = [folders.pending, folders.done].map((name) => `file.inFolder("${name}")`);
    expect(base.filters).toEqual({ and: [{ or: [pending, done] }, 'file.hasProperty("digest")'] });
    const first = base.views.map(({ filters }) => (filters as { and: unknown[] }).and[0]);
    expect(first).toEqual([pending, pending, done]);
  });

  test("shows properties that the notes have, and no formula that makes HTML or images", () => {
    const note = renderNote(sampleRequest());
    const known = new Set([...ownProperties(sampleSubmission()).keys(), "decision", "reviewer", "reason"]);
    for (const name of known) expect(note).toMatch(new RegExp(`^${name}:`, "m"));
    const shown = base.views.flatMap(({ order, groupBy, sort }) => [
      ...order,
      ...(groupBy ? [groupBy.property] : []),
      ...sort.map(({ property }) => property),
    ]);
    for (const property of shown) {
      const [kind = "", name = ""] = property.split(".");
      if (kind === "note") expect([...known, "outcome"]).toContain(name);
      else if (kind === "formula") expect(base.formulas).toHaveProperty(name);
      else expect(property).toBeOneOf(["file.name", "file.mtime"]);
    }
    for (const column of ["note.decision", "note.reviewer", "note.reason"])
      expect(base.views[0]?.order).toContain(column);
    expect(text).not.toMatch(/html\(|image\(|backlinks|file\.properties/);
  });
});

/** A statement, or one of `and`, `or` and `not` over more of them. */
function checkFilter(filter: unknown): void {
  if (typeof filter === "string") return;
  expect(Object.keys(filter as object)).toHaveLength(1);
  const [[word = "", inner] = []] = Object.entries(filter as Record<string, unknown[]>);
  expect(word).toBeOneOf(["and", "or", "not"]);
  for (const one of inner ?? []) checkFilter(one);
}

test("only what nobody has changed is the daemon's to replace", () => {
  expect(isUnchangedBase(renderApprovalsBase(FOLDERS))).toBe(true);
  expect(isUnchangedBase(renderApprovalsBase(FANCY))).toBe(false);
  expect(isUnchangedBase(renderApprovalsBase(FOLDERS).replace("Waiting", "Mine"))).toBe(false);
});
