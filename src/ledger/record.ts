import { createHash, hash as hashOf } from "node:crypto";
import canonicalize from "canonicalize";
import type { Event } from "../core/event.ts";
import type { Request, RequestId } from "../core/request.ts";

/** One line of the journal: an event of one request, chained to the line before it. */
export interface LedgerRecord {
  /** 1 for the first record ever; no gaps. */
  readonly seq: number;
  readonly id: RequestId;
  /** The request's revision after this event, from 1. */
  readonly revision: number;
  readonly event: Event;
  /** The newest link in the chain of switches, in the first record behind it: shows an end of it that was cut off. */
  readonly link?: string;
  /** The hash of the line before: a record, or the checkpoint that begins a segment. */
  readonly prev: string;
  /** SHA-256 over the RFC 8785 canonical JSON of the record without this field. */
  readonly hash: string;
  /**
   * Up to which record all was known to be on the disk when this one was written. Lets recovery tell a write that a
   * power cut left incomplete from damage to what had been acknowledged.
   */
  readonly synced: number;
}

/** Where a journal ends. Kept elsewhere, it is what shows a tail that was cut off. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Stands before the first line ever. */
export const GENESIS = "0".repeat(64);

/**
 * The format of the segment files. 1: a header line, `{"closed"}` and `{"id","request"}` lines with the open requests'
 * states (the last line about an id counts), a chained `{"checkpoint"}` line over the lines before it, then records.
 */
const FORMAT = 1;

export interface Checkpoint {
  readonly segment: number;
  /** The last record before this segment. */
  readonly seq: number;
  readonly requests: number;
  /** Over all bytes of the segment before the checkpoint's own line. */
  readonly sha256: string;
}

export function headerLine(segment: number): string {
  return `{"format":${FORMAT},"segment":${segment}}\n`;
}

/** Has a hash of its own, because a finished request is read from such a line without the rest of the checkpoint. */
export function openLine(id: RequestId, request: Request): string {
  const body = `{"id":${JSON.stringify(id)},"request":${JSON.stringify(request)}`;
  return `${body},"hash":"${sha256(`${body}}`)}"}\n`;
}

export function closedLine(id: RequestId): string {
  return `{"closed":${JSON.stringify(id)}}\n`;
}

/** Gives the checkpoint's line, and the hash that the segment's first record continues from. */
export function checkpointLine(checkpoint: Checkpoint, prev: string): { line: string; hash: string } {
  const body = canonical(checkpoint);
  const hash = sha256(`{"checkpoint":${body},"prev":"${prev}"}`);
  return { line: `{"checkpoint":${body},"hash":"${hash}","prev":"${prev}"}\n`, hash };
}

/** A record's line. `event` is the event's canonical JSON, so that it need not be made twice. */
export function recordLine(
  event: string,
  rest: Pick<LedgerRecord, "id" | "link" | "prev" | "revision" | "seq" | "synced">,
): { line: string; hash: string } {
  const { id, link, prev, revision, seq, synced } = rest;
  const named = `,"id":${JSON.stringify(id)}${link === undefined ? "" : `,"link":"${link}"`}`;
  const tail = `${named},"prev":"${prev}","revision":${revision},"seq":${seq},"synced":${synced}}`;
  const hash = sha256(`{"event":${event}${tail}`);
  return { line: `{"event":${event},"hash":"${hash}"${tail}\n`, hash };
}

export function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error("this value has no canonical JSON");
  return text;
}

const RECORD = Buffer.from('{"event":');
const CHECKPOINT = Buffer.from('{"checkpoint":');

/** Whether a line claims to be a record: cheap, for passing over a checkpoint's states. */
export function isRecordLine(line: Buffer): boolean {
  return startsWith(line, RECORD);
}

/** Whether a line claims to be the one that ends a checkpoint. */
export function isCheckpointLine(line: Buffer): boolean {
  return startsWith(line, CHECKPOINT);
}

function startsWith(line: Buffer, start: Buffer): boolean {
  return line.length > start.length && line.compare(start, 0, start.length, 0, start.length) === 0;
}

/** The sequence number of a record's line, without parsing it; null when it is not one. */
export function seqOf(line: Buffer): number | null {
  const end = /,"seq":(\d+),"synced":\d+\}$/.exec(line.toString("latin1", Math.max(0, line.length - 64)));
  return end === null || !isRecordLine(line) ? null : Number(end[1]);
}

/** Reads a record's line; null when its hash, or its shape, is not that of one. */
export function readRecord(line: Buffer): LedgerRecord | null {
  if (!hashHolds(line)) return null;
  const value = parse(line);
  if (value === null || typeof value.event !== "object" || value.event === null) return null;
  const { id, seq, revision, synced } = value;
  if (typeof id !== "string" || !isCount(seq) || !isCount(revision) || !isCount(synced)) return null;
  return value as unknown as LedgerRecord;
}

/** Reads a checkpoint's own line; null when its hash, or its shape, is not that of one. */
export function readCheckpoint(line: Buffer): (Checkpoint & { prev: string; hash: string }) | null {
  if (!hashHolds(line)) return null;
  const value = parse(line);
  if (value === null || typeof value.checkpoint !== "object" || value.checkpoint === null) return null;
  const { segment, seq, requests, sha256 } = value.checkpoint as Partial<Checkpoint>;
  if (!isCount(segment) || !isCount(seq) || !isCount(requests) || typeof sha256 !== "string") return null;
  return { segment, seq, requests, sha256, prev: String(value.prev), hash: String(value.hash) };
}

/** Reads one of the lines before the checkpoint's own; null when it is none of them. */
export function readState(
  line: Buffer,
): { format: number; segment: number } | { id: RequestId; request: Request } | { closed: RequestId } | null {
  const value = parse(line);
  if (value === null) return null;
  if (typeof value.id === "string" && typeof value.request === "object" && value.request !== null) {
    return { id: value.id, request: value.request as Request };
  }
  if (typeof value.closed === "string") return { closed: value.closed };
  if (isCount(value.format) && isCount(value.segment))
    return { format: value.format, segment: value.segment };
  return null;
}

/** Reads an open request's state where it stands alone; null when its own hash does not hold. */
export function readOpenState(line: Buffer): { id: RequestId; request: Request } | null {
  const state = hashHolds(line) ? readState(line) : null;
  return state !== null && "request" in state ? state : null;
}

export function isKnownFormat(format: number): boolean {
  return format === FORMAT;
}

const HASH = Buffer.from(',"hash":"');
const HASH_BYTES = HASH.length + 64 + 1;

/**
 * The hash is over the line's own bytes without the `hash` member: those are the canonical ones, and no byte can change
 * unseen. The last such member is the record's own, because behind it stand only scalars, whose quotes are escaped.
 */
function hashHolds(line: Buffer): boolean {
  const at = line.lastIndexOf(HASH);
  if (at < 0 || line[at + HASH_BYTES - 1] !== 0x22) return false;
  const said = line.toString("latin1", at + HASH.length, at + HASH_BYTES - 1);
  const hash = createHash("sha256")
    .update(line.subarray(0, at))
    .update(line.subarray(at + HASH_BYTES));
  return hash.digest("hex") === said;
}

function parse(line: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function sha256(text: string): string {
  return hashOf("sha256", text, "hex");
}
