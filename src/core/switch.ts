/** What an operator does to the daemon itself, and not to a request. */
export const SWITCHES = ["halted", "resumed", "clock_accepted"] as const;
export type Switch = (typeof SWITCHES)[number];

/** One time that somebody did, chained to the time before. */
export interface SwitchRecord {
  /** 1 for the first one; no gaps. */
  readonly n: number;
  readonly switch: Switch;
  /** Who said so. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  /** The journal's last record at that time; number 0 where there was none. */
  readonly journal: { readonly seq: number; readonly hash: string };
  /** The hash of the one before. */
  readonly prev: string;
  /** SHA-256 over the RFC 8785 canonical JSON of all of this without this field. */
  readonly hash: string;
}
