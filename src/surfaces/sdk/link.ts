import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { askAt, type Place, type Question, wasNeverHeard } from "../client/connection.ts";
import { FIRST_RETRY_MS, LAST_RETRY_MS } from "../client/waiting.ts";

/** Asks a daemon, over its restarts. */
export interface Link {
  /** Once. */
  readonly ask: (question: Question) => Promise<JsonObject>;
  /**
   * Again and again while the daemon is away: `safe` where asking twice is the same as asking once, otherwise only as
   * long as the question cannot have been heard.
   */
  readonly insist: (question: Question, safe: boolean) => Promise<JsonObject>;
}

/** `patience_ms` is how long the daemon may be away before a question is given up. */
export function createLink(place: Place, patience_ms: number): Link {
  const ask = (question: Question) => askAt(place, question);
  return {
    ask,
    async insist(question, safe) {
      const end = performance.now() + patience_ms;
      for (let pause = FIRST_RETRY_MS; ; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
        try {
          return await ask(question);
        } catch (error) {
          const isAway = error instanceof Fault && error.code === "unreachable";
          if (!(wasNeverHeard(error) || (safe && isAway)) || performance.now() + pause > end) throw error;
        }
        await sleep(pause, undefined, question.signal && { signal: question.signal });
      }
    },
  };
}
