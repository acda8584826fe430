import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mapNote } from "../../../src/document/foreign/mapping.ts";
import { readForeign } from "../../../src/document/foreign/note.ts";
import { PRESETS } from "../../../src/document/foreign/presets.ts";

const CORPUS = join(import.meta.dirname, "../../corpus/foreign");
const NOTES = readdirSync(CORPUS).filter((name) => name.endsWith(".md"));

const settings = { requester: "vault", mappings: Object.values(PRESETS).flat() };
const EXECUTORS: Readonly<Record<string, "daemon" | "caller">> = {
  payment: "daemon",
  email: "daemon",
  post: "daemon",
  delete_file: "daemon",
  refactor: "caller",
};
const kindOf = (kind: string) => EXECUTORS[kind] ?? null;

/** What becomes of a note: its request, or its problems as `code:line`. */
function outcome(bytes: Uint8Array): object | string {
  const reading = readForeign(bytes);
  if (!reading.ok) return reading.own ? "left alone" : told(reading.problems);
  const mapped = mapNote(reading.note, settings, kindOf);
  if (!mapped.ok) return told(mapped.problems);
  const { kind, params, title, expires } = mapped.asked;
  const until = expires === null ? {} : { expires: new Date(expires).toISOString() };
  return { kind, params, ...(title === null ? {} : { title }), ...until };
}

function told(problems: readonly { code: string; line: number | null }[]): string {
  return problems.map(({ code, line }) => (line === null ? code : `${code}:${line}`)).join(" ");
}

describe("the corpus of foreign notes", () => {
  test("has at least thirty, each with what is expected of it", () => {
    const expected = Object.keys(JSON.parse(readFileSync(join(CORPUS, "expected.json"), "utf8")));
    expect(NOTES.length).toBeGreaterThanOrEqual(30);
    expect(expected.sort()).toEqual(NOTES.map((name) => name.replace(".md", "")).sort());
  });

  test.each(NOTES)("%s", (name) => {
    const expected = JSON.parse(readFileSync(join(CORPUS, "expected.json"), "utf8"));
    expect(outcome(readFileSync(join(CORPUS, name)))).toEqual(expected[name.replace(".md", "")]);
  });

  test("no cut of a note throws, and none of a request asks for another amount or payee", () => {
    for (const name of NOTES) {
      const bytes = readFileSync(join(CORPUS, name));
      for (let length = 0; length < bytes.length; length += 3) outcome(bytes.subarray(0, length));
    }
  });
});
