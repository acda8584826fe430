import { problem } from "../core/codes.ts";
import { type Look, type Memory, observe, type Reading } from "../core/look.ts";
import { isClosed, type Request, type RequestId } from "../core/request.ts";
import { sha256 } from "../document/digest.ts";
import { readNote, unreadable } from "../document/reading.ts";
import type { Clock, Found, Vault } from "./ports.ts";

/** What one look at a request's note showed. */
export interface Seen {
  readonly look: Look;
  readonly found: Found;
  readonly memory: Memory | null;
}

/** Looks at notes, and remembers from one look to the next what `reconcile` needs to know about change. */
export function createSight({ vault, clock }: { vault: Vault; clock: Clock }) {
  const memories = new Map<RequestId, Memory>();
  const readings = new Map<RequestId, { mark: string; reading: Reading }>();
  const missing = new Set<RequestId>();

  return {
    lookAt(request: Request): Seen {
      const { id } = request.submission.fields;
      const found = vault.read(id);
      // What is no file cannot be taken away as a note that came back; it is left where it is.
      if (found.at === "nowhere" || (isClosed(request) && "problem" in found)) {
        return { look: { at: "nowhere", confirmed: missing.has(id) }, found, memory: null };
      }
      missing.delete(id);
      const hash = "bytes" in found ? sha256(found.bytes) : "";
      const mark = `${found.at} ${"bytes" in found ? hash : found.problem}`;
      // What a note says does not depend on the request's status, so the same bytes need not be parsed again.
      const known = readings.get(id);
      const reading = known?.mark === mark ? known.reading : readingOf(found, request);
      if (known?.mark !== mark) readings.set(id, { mark, reading });
      const memory = observe(memories.get(id) ?? null, reading, mark, clock.now());
      memories.set(id, memory);
      return { look: { at: "folder", reading, sha256: hash }, found, memory };
    },

    /** A full rescan has found no note of this id. */
    confirmMissing(id: RequestId): void {
      missing.add(id);
    },

    forget(id: RequestId): void {
      memories.delete(id);
      readings.delete(id);
      missing.delete(id);
    },
  };
}

function readingOf(found: Exclude<Found, { at: "nowhere" }>, request: Request): Reading {
  if ("problem" in found) return unreadable([problem(found.problem)]);
  const dropped = found.at === "pending" ? null : found.at === "approved" ? "approve" : "reject";
  return readNote(found.bytes, request, dropped);
}
