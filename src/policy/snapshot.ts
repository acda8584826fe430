import { sha256 } from "../document/digest.ts";

export interface PolicyText {
  /** The file's path from the folder of the policy's own file, with slashes: the same on every machine. */
  readonly name: string;
  readonly text: string;
}

/**
 * The policy snapshot: `sha256:` and the hex SHA-256 over the JSON of `[[name, text], …]`, the exact texts of all files
 * in the order in which they are composed, each once, parents first.
 */
export function snapshotOf(texts: readonly PolicyText[]): string {
  return `sha256:${sha256(JSON.stringify(texts.map(({ name, text }) => [name, text])))}`;
}

/**
 * Where a request falls in a sample: from 0 up to 1, from its digest alone, so that it can be worked out again later.
 * The digest holds the id that the daemon drew, so whoever asks cannot choose it.
 */
export function drawOf(digest: string): number {
  return Number.parseInt(sha256(`countersign sample\n${digest}`).slice(0, 12), 16) / 2 ** 48;
}
