import { expect } from "vitest";
import type { Scene } from "./scene.ts";

/** A line that the person writes under the notes, beside any decision. */
export const OWN_LINE = "Mine, and it stays.";

/** One way of deciding: what is typed where, and what must come of it. */
export interface Gesture {
  readonly name: string;
  /** Texts that are in the note once, and what the person makes of them. */
  readonly changes: readonly (readonly [from: string, to: string])[];
  readonly becomes: {
    readonly status: "executed" | "rejected";
    readonly decision: { readonly verb: string; readonly reason: string | null; readonly via: string };
  };
}

export const GESTURES: readonly Gesture[] = [
  {
    name: "an approval by tick",
    changes: [["- [ ] Approve", "- [x] Approve"]],
    becomes: { status: "executed", decision: { verb: "approve", reason: null, via: "box" } },
  },
  {
    name: "an approval by word",
    changes: [["decision:", "decision: approved"]],
    becomes: { status: "executed", decision: { verb: "approve", reason: null, via: "decision" } },
  },
  {
    name: "a rejection with its reason",
    changes: [
      ["decision:", "decision: rejected"],
      ["reason:", "reason: too dear"],
    ],
    becomes: { status: "rejected", decision: { verb: "reject", reason: "too dear", via: "decision" } },
  },
];

export const tick = GESTURES[0] as Gesture;

export const decided = (note: string, { changes }: Gesture) =>
  changes.reduce((text, [from, to]) => text.replace(from, to), note);

export const withOwnLine = (note: string) => `${note.trimEnd()}\n\n${OWN_LINE}\n`;

/** The gesture was read as it was meant, acted on once, and the person's own line went along. */
export async function expectDecided(scene: Scene, id: string, { becomes }: Gesture): Promise<void> {
  expect(await scene.outcome(id)).toMatchObject(becomes);
  expect(scene.read(id, "Done")).toContain(OWN_LINE);
  expect(scene.executions(id)).toBe(executionsOf(becomes.status));
}

export const executionsOf = (status: Gesture["becomes"]["status"]) => (status === "executed" ? 1 : 0);
