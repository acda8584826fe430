import { fork } from "node:child_process";
import { once } from "node:events";
import type { HandOrder, HandReply } from "./hand.ts";

export type Person = ReturnType<typeof findPerson>;

/** Somebody else's process that ticks notes. */
export function findPerson() {
  // Without the loader that runs the bench itself: the hand must not share its costs.
  const hand = fork(new URL("./hand.ts", import.meta.url), { execArgv: [], stdio: "inherit" });

  async function ask(order: HandOrder): Promise<HandReply> {
    hand.send(order);
    const [reply] = await once(hand, "message");
    return reply as HandReply;
  }

  return {
    /** Reads the notes and edits them in memory. */
    async prepare(paths: readonly string[]): Promise<void> {
      await ask({ do: "prepare", paths });
    },
    /** Saves what was prepared, in place, one after the other; gives when each save began. */
    async save(): Promise<{ began: readonly number[]; took: number }> {
      const reply = await ask({ do: "save" });
      if (reply === "prepared") throw new Error("the hand answered another question");
      return reply;
    },
    leave: () => hand.disconnect(),
  };
}
