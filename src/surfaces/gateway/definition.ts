import type { Tool } from "@modelcontextprotocol/client";
import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import { jsonDigest, sha256 } from "../../document/digest.ts";
import { parseStrictJson } from "../../document/json.ts";
import type { Hints } from "../agent/tool-call.ts";

/** All that an agent is told of a tool and that bears on what it does with it. */
export type Definition = JsonObject;

const PARTS = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] as const;

/** Of each text that differs: long enough for what people read, short enough for a note. */
const SHOWN_CHARACTERS = 2_000;
const BEFORE_CHARACTERS = 200;

/** Gives invalid_json for a definition that has no one canonical form, and so cannot be told from another one. */
export function definitionOf(tool: Tool): Definition {
  const parts = PARTS.map((part) => [part, tool[part]]).filter(([, value]) => value !== undefined);
  return parseStrictJson(JSON.stringify(Object.fromEntries(parts))) as Definition;
}

/** The tool as it was accepted, with what else its server says of it. */
export function shownAs(tool: Tool, accepted: Definition): Tool {
  const rest = Object.entries(tool).filter(([name]) => !(PARTS as readonly string[]).includes(name));
  return { ...Object.fromEntries(rest), ...accepted } as unknown as Tool;
}

/** What the server says of the tool, with the protocol's own answers where it says nothing: the tool may destroy. */
export function hintsOf({ annotations }: Definition): Hints {
  const said = isJsonObject(annotations) ? annotations : {};
  const hint = (name: string, unsaid: boolean) => {
    const value = said[name];
    return typeof value === "boolean" ? value : unsaid;
  };
  return {
    read_only: hint("readOnlyHint", false),
    destructive: hint("destructiveHint", true),
    idempotent: hint("idempotentHint", false),
    open_world: hint("openWorldHint", true),
  };
}

/** Of each hint the one that promises less. */
export function stricterHints(one: Hints, other: Hints): Hints {
  return {
    read_only: one.read_only && other.read_only,
    destructive: one.destructive || other.destructive,
    idempotent: one.idempotent && other.idempotent,
    open_world: one.open_world || other.open_world,
  };
}

/** What has changed, in the parts' own words, cut to what a person reads around the place where they part. */
export function changesOf(was: Definition, now: Definition): { changed: JsonObject; sha256: string } {
  const parts = PARTS.filter((part) => !same(was[part], now[part]));
  const changed = Object.fromEntries(
    parts.map((part) => [part, pairOf(was[part] ?? null, now[part] ?? null)]),
  );
  return { changed, sha256: jsonDigest(now) };
}

function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return jsonDigest({ value: one }) === jsonDigest({ value: other });
}

function pairOf(was: Json, now: Json): JsonObject {
  const [before, after] = [textOf(was), textOf(now)];
  if (Math.max(before.length, after.length) <= SHOWN_CHARACTERS) return { was, now };
  let at = 0;
  while (at < before.length && before[at] === after[at]) at += 1;
  const start = Math.max(0, at - BEFORE_CHARACTERS);
  return { was: excerpt(before, start), now: excerpt(after, start) };
}

function excerpt(text: string, start: number): string {
  const shown = text.slice(start, start + SHOWN_CHARACTERS).toWellFormed();
  const [head, tail] = [start > 0 ? "…" : "", start + SHOWN_CHARACTERS < text.length ? "…" : ""];
  return `${head}${shown}${tail} [${text.length} characters, sha256:${sha256(text)}]`;
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
