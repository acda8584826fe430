import { Archive } from "./archive.ts";
import { diskFiles } from "./disk-files.ts";
import { EmbeddedJournal } from "./embedded-journal.ts";
import type { JournalFiles } from "./files.ts";
import { recover } from "./recover.ts";
import { fromSystem } from "./storage-fault.ts";

export interface JournalOptions {
  /** The state directory; made with mode 0700 if there is none. */
  readonly directory: string;
  readonly files?: JournalFiles;
  /** Only for the names of files that keep a torn write. */
  readonly now?: () => Date;
  /** How large a segment grows behind its checkpoint before a new one begins. */
  readonly segmentBytes?: number;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * Opens the journal of a state directory as its one writer. Rejects with `state_unsafe`, `already_running`,
 * `journal_damaged` or `storage_failed`.
 */
export async function openJournal(options: JournalOptions): Promise<EmbeddedJournal> {
  const files = options.files ?? diskFiles(options.directory);
  try {
    await files.prepare();
    const unlock = await files.lock();
    try {
      return await openLocked(files, unlock, options);
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (error) {
    throw fromSystem(error);
  }
}

async function openLocked(
  files: JournalFiles,
  unlock: () => Promise<void>,
  { now = () => new Date(), segmentBytes = SEGMENT_BYTES }: JournalOptions,
): Promise<EmbeddedJournal> {
  const recovered = await recover(files, now);
  try {
    const archive = await Archive.open(files, recovered.segment);
    return new EmbeddedJournal({ files, recovered, archive, unlock, segmentBytes });
  } catch (error) {
    await recovered.file.close();
    throw error;
  }
}
