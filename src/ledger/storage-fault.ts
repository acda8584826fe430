import { Fault } from "../core/codes.ts";

/** What an operator is told when the disk, or the file system, did not do what it was asked. */
export function storageFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new Fault("storage_failed", `The journal could not be written or read: ${reason}.`, undefined, {
    cause: error,
  });
}

/** The same for an error of the operating system only: any other is a bug and stays what it is. */
export function fromSystem(error: unknown): unknown {
  return error instanceof Error && "errno" in error ? storageFault(error) : error;
}
