import type { RequestId } from "../core/request.ts";

/** The request has changed since the caller looked at it: look again. */
export class RevisionConflict extends Error {
  override readonly name = "RevisionConflict";
  readonly id: RequestId;
  readonly expected: number;
  readonly actual: number;
  constructor(id: RequestId, expected: number, actual: number) {
    super(`request ${id} is at revision ${actual}, not ${expected}`);
    this.id = id;
    this.expected = expected;
    this.actual = actual;
  }
}
