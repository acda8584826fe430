import { expect, test } from "vitest";
import { compareNotes } from "../../src/application/audit.ts";
import type { LedgerRecord } from "../../src/daemon/ports.ts";
import { renderNote } from "../../src/document/note.ts";
import { memoryVault } from "../memory-vault.ts";
import { sampleEvent, sampleRequest } from "../sample.ts";

const request = sampleRequest();
const { id } = request.submission.fields;

async function* history(): AsyncGenerator<LedgerRecord> {
  yield { seq: 1, id, event: sampleEvent("submitted"), revision: 1, hash: "" } as LedgerRecord;
}

test("a note that somebody renamed where it waits is not called missing", async () => {
  const note = Buffer.from(renderNote(request));
  for (const name of [`${id}.md`, "The ACME bill.md", `${id} (old).md`]) {
    const vault = memoryVault(new Map([[`pending/${name}`, note]]));
    expect(await compareNotes(history(), vault), name).toEqual([]);
  }
  expect(await compareNotes(history(), memoryVault())).toEqual([
    `${id} is pending, but its note is in none of the decision folders.`,
  ]);
});
