import { stringify } from "yaml";
import type { Submission } from "../core/request.ts";
import { isOpenToAll } from "../core/roster.ts";
import { type Verdict, wouldHave } from "../core/verdict.ts";
import { attemptProperties } from "./earlier.ts";
import { title } from "./visible.ts";

/**
 * The properties that the daemon writes and owns, as text values in the note's order. Kept apart from their rendering
 * so that a note that was edited can be held against them.
 */
export function ownProperties(submission: Submission): ReadonlyMap<string, string> {
  const { fields, digest, title: given, verdict } = submission;
  const { on_behalf_of } = fields;
  return new Map([
    ["title", title(given)],
    ["action", fields.kind],
    ["requester", fields.requester],
    ...(on_behalf_of === null ? [] : ([["on_behalf_of", on_behalf_of]] as const)),
    ...(verdict === undefined ? [] : ([["risk", verdict.risk]] as const)),
    ...shadowProperty(verdict),
    ...approverProperties(verdict),
    ...attemptProperties(submission),
    ["created", fields.created],
    ["expires", fields.expires],
    ["host", fields.host],
    ["id", fields.id],
    ["digest", digest],
  ]);
}

/** What would have been, where nobody was asked because the kind is in shadow. */
function shadowProperty(verdict: Verdict | undefined): [string, string][] {
  const would = verdict === undefined ? null : wouldHave(verdict);
  return would === null ? [] : [["shadow", would]];
}

/** Whom the rule names, and how many of them it takes; nothing where anyone may decide. */
export function approverProperties(verdict: Verdict | undefined): ReadonlyMap<string, string> {
  if (verdict === undefined || isOpenToAll(groupsOf(verdict))) return new Map();
  const names = verdict.approvers.flatMap(({ of }) => of ?? []);
  const quorum = verdict.approvers.reduce((sum, group) => sum + group.quorum, 0);
  const properties = new Map([["quorum", String(quorum)]]);
  return names.length === 0 ? properties : new Map([["approvers", names.join(", ")], ...properties]);
}

export function groupsOf({ approvers }: Verdict) {
  return { groups: approvers.map((group) => ({ ...group, owners: group.of })) };
}

/** Times stay bare, so that Obsidian takes them for dates; the title is always quoted. */
export function renderValue(key: string, value: string): string {
  if (key === "title") return quoted(value);
  if (key === "quorum" || key === "attempt") return value;
  if (key === "approvers") return `[${value.split(", ").map(scalar).join(", ")}]`;
  return key === "created" || key === "expires" ? value : scalar(value);
}

/** A text as a YAML 1.2 scalar in double quotes, which YAML 1.1 readers take the same way. */
export function quoted(text: string): string {
  // Printable ASCII without quotes and backslashes needs no escaping, and building a YAML document for it is slow.
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  return stringify(text, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 }).trimEnd();
}

/** Names and words from five letters on: no reader takes these for anything but a text. */
const WORD = /^(?!e[-+\d]|false$)[a-z][\w.@+-]{3,}[a-z\d]$/i;
const ID_OR_DIGEST = /^(\d{8}-\d{6}-[a-z0-9-]*[a-z0-9]|sha256:[0-9a-f]{64})$/;

/** A text as the plainest YAML scalar that both YAML 1.1 and 1.2 readers take for that text. */
export function scalar(text: string): string {
  // Building a YAML document is slow, so YAML is asked only where it may say something else.
  if (WORD.test(text) || ID_OR_DIGEST.test(text)) return text;
  return stringify(text, { compat: "yaml-1.1", lineWidth: 0 }).trimEnd();
}
