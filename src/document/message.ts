import type { JsonObject } from "../core/json.ts";
import { OCCASIONS, type Occasion } from "../core/occasion.ts";
import { askedOf, type Request } from "../core/request.ts";
import { harmless } from "./harmless.ts";
import { visible } from "./visible.ts";

/** What a channel carries: text that is harmless, and the same as data for programs. */
export interface Message {
  /** The same whenever this message is sent again; letters, digits and `-`. */
  readonly id: string;
  /** When what it tells of happened, ISO 8601. */
  readonly at: string;
  readonly about: Occasion | "several" | "digest" | "test";
  /** Whether somebody has to do something. */
  readonly urgent: boolean;
  /** One line. */
  readonly title: string;
  readonly facts: readonly Fact[];
  /** What several messages in one, or a digest, list. */
  readonly lines: readonly string[];
  /** E-mail addresses of those whom it is for; none where it is for whoever reads the channel. */
  readonly to: readonly string[];
  /** Opens the note, or the dashboard, in Obsidian. */
  readonly link: string;
  /** Nothing but what the text says, and what a program would look for in it. */
  readonly data: JsonObject;
}

interface Fact {
  readonly label: string;
  readonly text: string;
  /** Set where the text has lines of its own, which are kept. */
  readonly block?: boolean;
}

/** One thing to be told, as the journal has it. */
export interface Item {
  readonly seq: number;
  /** The record's. */
  readonly hash: string;
  readonly at: string;
  readonly request: string;
  readonly occasion: Occasion;
  readonly headline: string;
  readonly by: string | null;
  readonly said: string | null;
  readonly inner: boolean;
}

export interface Wording {
  /** See `Message`. */
  readonly to: readonly string[];
  /** The vault's name in Obsidian. */
  readonly vault: string;
  /** Whether params, and what quotes them, may be shown. */
  readonly trusted: boolean;
}

const PARAMS_LIMIT = 2_000;
const SAID_LIMIT = 300;
/** The most lines that a message lists; what is beyond is counted. */
const LINES = 10;
const URGENT: ReadonlySet<Occasion> = new Set(["created", "reminder", "escalated", "unknown"]);

/** Tells one thing that happened to a request. */
export function messageOf(id: string, item: Item, request: Request, wording: Wording): Message {
  const { fields, verdict, next_effect } = request.submission;
  const { trusted } = wording;
  const title = harmless(request.submission.title, 120);
  const waits = request.status === "pending";
  const facts: Fact[] = [];
  const tell = (label: string, text: string | null | undefined, limit = 200) => {
    if (text !== null && text !== undefined && text !== "")
      facts.push({ label, text: harmless(text, limit) });
  };
  tell("Next", nextOf(item, request));
  if (waits && trusted) tell("If approved", next_effect, SAID_LIMIT);
  if (waits) tell("Decide by", fields.expires);
  tell("By", item.by === "unnamed" ? "somebody who left no name" : item.by);
  if (!item.inner || trusted) tell(item.inner ? "What is known" : "Reason", item.said, SAID_LIMIT);
  tell("Requester", requesterOf(request));
  tell("Action", fields.kind);
  if (verdict !== undefined) {
    tell("Risk", [verdict.risk, ...verdict.factors].join("; "), SAID_LIMIT);
    tell("Rule", [verdict.rule, verdict.reason].filter((one) => one !== null).join(": "), SAID_LIMIT);
  }
  const params = trusted ? paramsOf(fields.params) : null;
  if (params !== null) facts.push({ label: "Params", text: params, block: true });
  return {
    id,
    at: item.at,
    about: item.occasion,
    urgent: URGENT.has(item.occasion),
    title: `${item.headline}: ${title}`,
    facts,
    lines: [],
    to: wording.to,
    link: noteLink(wording.vault, fields.id),
    data: {
      event: item.occasion,
      headline: item.headline,
      by: item.by === null ? null : harmless(item.by),
      said: item.said === null || (item.inner && !trusted) ? null : harmless(item.said, SAID_LIMIT),
      request: {
        ...requestData(request),
        ...(trusted && { params: fields.params, next_effect: harmless(next_effect, SAID_LIMIT) }),
      },
    },
  };
}

/** Tells many things at once: those that need somebody first, and what is beyond the list as a number. */
export function severalOf(
  id: string,
  told: readonly { readonly item: Item; readonly request: Request | null }[],
  counts: Readonly<Partial<Record<Occasion, number>>>,
  { vault, to }: Wording,
): Message {
  const total = sum(counts);
  const first = [...told].sort((a, b) => rank(a.item) - rank(b.item) || a.item.seq - b.item.seq);
  const lines = first
    .slice(0, LINES)
    .map(({ item, request }) => lineOf(item.headline, item.request, request));
  const words = OCCASIONS.filter((one) => counts[one]).map((one) => `${counts[one]} ${one}`);
  return {
    id,
    at: told.at(-1)?.item.at ?? "",
    about: "several",
    urgent: OCCASIONS.some((one) => URGENT.has(one) && counts[one]),
    title: `${total} messages: ${words.join(", ")}`,
    facts: [],
    lines: withMore(lines, total),
    to,
    link: fileLink(vault, "Dashboard"),
    data: {
      event: "several",
      counts: { ...counts },
      requests: first.slice(0, LINES).map(({ item }) => ({ event: item.occasion, id: item.request })),
      more: Math.max(0, total - LINES),
    },
  };
}

/** What waits, and what happened since the last digest. */
export function digestOf(
  id: string,
  at: string,
  waiting: readonly Request[],
  counts: Readonly<Partial<Record<Occasion, number>>>,
  { vault, to }: Wording,
): Message {
  const unknown = waiting.filter(({ status }) => status === "outcome_unknown");
  const pending = waiting.filter(({ status }) => status === "pending");
  const lines = [...unknown, ...pending].map((request) => {
    const { id: note, expires } = request.submission.fields;
    const headline = request.status === "pending" ? `Until ${expires}` : "Did it happen?";
    return lineOf(headline, note, request);
  });
  const words = OCCASIONS.filter((one) => counts[one]).map((one) => `${counts[one]} ${one}`);
  const asks = unknown.length === 0 ? "" : `, ${unknown.length} with an unknown outcome`;
  return {
    id,
    at,
    about: "digest",
    urgent: unknown.length > 0,
    title: `Approvals: ${pending.length} waiting${asks}`,
    facts: [{ label: "Since the last digest", text: words.join(", ") || "nothing happened" }],
    lines: withMore(lines.slice(0, LINES), lines.length),
    to,
    link: fileLink(vault, "Dashboard"),
    data: {
      event: "digest",
      waiting: pending.length,
      unknown: unknown.length,
      since: { ...counts },
      requests: [...unknown, ...pending].slice(0, LINES).map(requestData),
      more: Math.max(0, lines.length - LINES),
    },
  };
}

/** What `countersign notify test` sends. */
export function testMessage(id: string, at: string, channel: string, { vault, to }: Wording): Message {
  return {
    id,
    at,
    about: "test",
    urgent: false,
    title: "A test message from Countersign",
    facts: [{ label: "Channel", text: channel }],
    lines: [],
    to,
    link: fileLink(vault, "Dashboard"),
    data: { event: "test", channel },
  };
}

/** The whole message as plain text, for channels that know nothing finer. */
export function plainText({ facts, lines, link }: Message): string {
  const told = facts.map(({ label, text, block }) => (block ? `${label}:\n${text}` : `${label}: ${text}`));
  const listed = lines.map((line) => `- ${line}`).join("\n");
  return [told.join("\n"), listed, `Open: ${link}`].filter((part) => part !== "").join("\n\n");
}

/** Opens a note by its name, wherever in the vault it is by then. */
function noteLink(vault: string, id: string): string {
  return fileLink(vault, id);
}

function fileLink(vault: string, file: string): string {
  return `obsidian://open?vault=${encoded(vault)}&file=${encoded(file)}`;
}

/** Also what some programs take for the end of a link. */
function encoded(text: string): string {
  // A lone surrogate has no encoding.
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*~_]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What happens to the request now, without its params. */
function nextOf({ occasion }: Item, request: Request): string {
  const { fields, caller } = request.submission;
  switch (request.status) {
    case "pending":
      return `Once somebody approves, ${caller ? `${fields.requester} may carry out` : "Countersign carries out"} ${fields.kind}; without a decision it expires.`;
    case "approved":
      return caller ? `${fields.requester} may begin now.` : "It is carried out now.";
    case "executing":
      return "It is being carried out.";
    case "outcome_unknown":
      return "It is not tried again. Look where it would have happened, then tick a box in the note.";
    default:
      // Long after what is told of, for instance when the channel was switched off.
      return occasion === "decided" || occasion === "failed"
        ? "Nothing more."
        : `Nothing more: it is ${request.status.replaceAll("_", " ")} by now.`;
  }
}

function requesterOf(request: Request): string {
  const { requester, on_behalf_of } = request.submission.fields;
  const asked = askedOf(request);
  const behalf = on_behalf_of === null ? "" : `, for ${on_behalf_of}`;
  return `${requester}${behalf}${asked === 1 ? "" : ` (asked ${asked} times)`}`;
}

function paramsOf(params: JsonObject): string | null {
  if (Object.keys(params).length === 0) return null;
  const lines = visible(JSON.stringify(params, null, 2))
    .split("\n")
    .map((line) => {
      const indent = /^ */.exec(line)?.[0] ?? "";
      return `${indent}${harmless(line.slice(indent.length), 500)}`;
    });
  const text = [...lines.join("\n")];
  return text.length <= PARAMS_LIMIT ? text.join("") : `${text.slice(0, PARAMS_LIMIT).join("")}…`;
}

function requestData(request: Request): JsonObject {
  const { submission, status } = request;
  const { fields, verdict, digest } = submission;
  return {
    id: fields.id,
    digest,
    status,
    title: harmless(submission.title, 120),
    kind: fields.kind,
    requester: harmless(fields.requester),
    on_behalf_of: fields.on_behalf_of === null ? null : harmless(fields.on_behalf_of),
    host: fields.host,
    created: fields.created,
    expires: fields.expires,
    risk: verdict?.risk ?? null,
    rule: verdict?.rule ?? null,
    reason: verdict === undefined ? null : harmless(verdict.reason, SAID_LIMIT),
  };
}

function lineOf(headline: string, id: string, request: Request | null): string {
  return `${headline}: ${request === null ? id : `${harmless(request.submission.title, 80)} (${id})`}`;
}

function withMore(lines: readonly string[], total: number): readonly string[] {
  return total > lines.length ? [...lines, `${total - lines.length} more…`] : lines;
}

function rank({ occasion }: Item): number {
  return ["unknown", "escalated", "reminder", "failed", "created", "decided"].indexOf(occasion);
}

function sum(counts: Readonly<Partial<Record<Occasion, number>>>): number {
  return Object.values(counts).reduce((total, count) => total + (count ?? 0), 0);
}
