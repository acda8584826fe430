import type { Adopted, RequestId } from "../core/request.ts";
import { sha256 } from "./digest.ts";
import { renderOriginal } from "./note.ts";

/** More of a foreign note than this would make ours too long to read; all of it is kept beside the finished one. */
const ORIGINAL_CHARACTERS = 16_000;
/** And more than this, as it is shown, would leave a person no room in a note that is read back whole. */
const ORIGINAL_BYTES = 32 * 1024;
const ORIGINAL_LINES = 2_000;

/** What is recorded, and shown, of the foreign note that a request is made from. */
export function adoptedOf(
  id: RequestId,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
): Adopted {
  const text = new TextDecoder().decode(bytes).trimEnd();
  const hash = sha256(bytes);
  for (let length = ORIGINAL_CHARACTERS; ; length = Math.floor(length / 2)) {
    const shown = text.slice(0, length).toWellFormed();
    const adopted = { name, sha256: hash, text: shown, characters: text.length };
    const isShort = shown.split("\n").length <= ORIGINAL_LINES;
    if (isShort && Buffer.byteLength(renderOriginal(id, adopted)) <= ORIGINAL_BYTES) return adopted;
  }
}
