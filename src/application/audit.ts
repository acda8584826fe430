import { isClosed, isFinal, type Request, type RequestId } from "../core/request.ts";
import { fold } from "../core/transitions.ts";
import type { LedgerRecord, Vault } from "../daemon/ports.ts";
import { sha256 } from "../document/digest.ts";
import { decode, type Frontmatter, readFrontmatter } from "../document/frontmatter.ts";

/**
 * Holds the notes against the journal: every finished request has its note in `Done/` with the outcome and the digest
 * that were recorded, and every open one has its note in a decision folder. Gives what does not agree, in sentences.
 */
export async function compareNotes(
  records: AsyncIterable<LedgerRecord>,
  vault: Pick<Vault, "scan" | "readDone" | "readOriginal">,
): Promise<string[]> {
  const requests = new Map<RequestId, Request>();
  const findings: string[] = [];
  for await (const { id, event } of records) {
    const before = requests.get(id) ?? null;
    // Only open requests are kept in memory; what is refused behind the end changes nothing.
    if (before === null && event.type !== "submitted") continue;
    const request = fold([event], before);
    if (request === null) continue;
    if (!isClosed(request)) requests.set(id, request);
    else {
      requests.delete(id);
      findings.push(...compareFinished(request, vault));
    }
  }
  const there = await idsIn(vault);
  for (const [id, request] of requests) {
    if (!isFinal(request) && !there.has(id)) {
      findings.push(`${id} is ${request.status}, but its note is in none of the decision folders.`);
    }
  }
  return findings;
}

/** Whose notes are in the decision folders, whatever they are called by now. */
async function idsIn(vault: Pick<Vault, "scan">): Promise<ReadonlySet<RequestId>> {
  const ids = new Set<RequestId>();
  for await (const slice of vault.scan()) for (const { id } of slice) if (id !== null) ids.add(id);
  return ids;
}

function compareFinished(request: Request, vault: Pick<Vault, "readDone" | "readOriginal">): string[] {
  return [...compareNote(request, vault), ...compareOriginal(request, vault)];
}

/** The foreign note that a request was made from is kept as it was read. */
function compareOriginal({ submission }: Request, vault: Pick<Vault, "readOriginal">): string[] {
  const { adopted, fields } = submission;
  if (adopted === undefined) return [];
  const bytes = vault.readOriginal(fields.id);
  if (bytes === null) return [`${fields.id}: the note that it was made from is not in Done.`];
  return sha256(bytes) === adopted.sha256
    ? []
    : [`${fields.id}: the note in Done that it was made from is not the one that the journal knows.`];
}

function compareNote(request: Request, vault: Pick<Vault, "readDone">): string[] {
  const { fields, digest } = request.submission;
  const done = vault.readDone(fields.id);
  if (done === null) return [`${fields.id} is ${request.status}, but there is no note of it in Done.`];
  const decoded = decode(done.bytes);
  const read = "text" in decoded ? readFrontmatter(decoded.text) : null;
  if (!read?.ok) return [`${fields.id}: the note in Done cannot be read.`];
  const wrong = Object.entries({ id: fields.id, digest, status: request.status }).filter(
    ([key, value]) => textOf(read.frontmatter, key) !== value,
  );
  return wrong.map(
    ([key, value]) => `${fields.id}: the note in Done does not say ${key}: ${value}, as the journal does.`,
  );
}

function textOf({ properties }: Frontmatter, key: string): string | null {
  const node = properties.get(key)?.node;
  return node && "value" in node ? String(node.value) : null;
}
