import fs from "node:fs";
import { join } from "node:path";
import { openVault } from "../../src/adapters/vault/vault.ts";
import { watchFolders } from "../../src/adapters/watcher.ts";
import { renderNote } from "../../src/document/note.ts";
import { readNote } from "../../src/document/reading.ts";
import { sampleRequest, sampleSubmission } from "../sample.ts";
import { now } from "./machine.ts";
import type { Person } from "./person.ts";
import { FOLDERS } from "./scene.ts";

export type Floor = Awaited<ReturnType<typeof openFloor>>;

/** The least that a decision can cost on this machine: each thing that it needs, done alone. */
export async function openFloor(base: string, person: Person) {
  const root = join(base, "floor");
  const vault = openVault({ root, folders: FOLDERS, staging: [join(root, "staging")] });
  const fd = fs.openSync(join(root, "journal"), "w");
  const record = Buffer.alloc(200, 0x61);
  const { submission } = sampleRequest();
  let count = 0;

  let heard: (at: number) => void = () => {};
  const watcher = watchFolders([join(root, FOLDERS.pending)], {
    onFile: () => heard(now()),
    onGap() {},
    onBlind() {},
    onError: console.error,
  });
  await watcher.ready;
  const raw = fs.watch(join(root, FOLDERS.pending));
  const times = { event: [] as number[], raw: [] as number[], read: [] as number[], durable: [] as number[] };

  return {
    times,

    /** Measures each thing once. */
    async sample(): Promise<void> {
      // A new note each time: the watcher gathers the changes of one file that follow each other closely.
      count += 1;
      const id = `${submission.fields.id.slice(0, -6)}${String(count).padStart(6, "0")}`;
      const request = sampleRequest(["submitted"], sampleSubmission({ id }));
      const path = join(root, FOLDERS.pending, `${id}.md`);
      const next = () =>
        new Promise<number>((resolve) => {
          heard = resolve;
        });
      const added = next();
      fs.writeFileSync(path, renderNote(request));
      await added;
      await person.prepare([path]);
      const event = next();
      const rawEvent = new Promise<number>((resolve) => raw.once("change", () => resolve(now())));
      const { began } = await person.save();
      times.event.push((await event) - (began[0] ?? 0));
      times.raw.push((await rawEvent) - (began[0] ?? 0));

      const reading = now();
      const [found] = vault.read(id);
      if (!found || !("bytes" in found) || readNote(found.bytes, request).verb !== "approve")
        throw new Error("unread");
      times.read.push(now() - reading);

      const appending = now();
      await new Promise<void>((resolve, reject) => {
        fs.write(fd, record, 0, record.length, null, (error) => {
          if (error) reject(error);
          else fs.fdatasync(fd, (failed) => (failed ? reject(failed) : resolve()));
        });
      });
      times.durable.push(now() - appending);
    },

    async close(): Promise<void> {
      raw.close();
      await watcher.close();
      fs.closeSync(fd);
    },
  };
}
