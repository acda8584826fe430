import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import { actionDigest } from "../../document/digest.ts";
import { wasNeverHeard } from "../client/connection.ts";
import { keepToken, keptToken, readToken, writeToken } from "./tokens.ts";

const TOKEN = /^[\w-]{43}$/;
const DRAFT = "asked-";

/** So many drafts are kept; more have been left only by questions that nobody asked again. */
const DRAFTS_LIMIT = 500;

/** The token that something is asked for with, kept from before it is asked until the answer is there. */
export interface DraftToken {
  readonly token: string;
  readonly sha256: string;
  /** Asks; keeps the draft for the next time only where the question may have been heard and the answer was lost. */
  asking<T>(ask: () => Promise<T>): Promise<T>;
  /** It is this request's. Rejects where it cannot be kept. */
  keepFor(id: string): void;
  drop(): void;
}

/** What makes two questions the same one. */
interface Question {
  readonly requester: string;
  readonly on_behalf_of?: string;
  readonly key?: string;
  readonly kind: string;
  readonly params?: JsonObject;
  readonly not_before?: string;
}

/**
 * The token to ask with, readable by this user alone: the one of an earlier process that asked for the same and heard
 * nothing, or a new one. Where it cannot be kept, it lasts as long as this process.
 */
export function draftToken(directory: string, asked: Question): DraftToken {
  const { requester, on_behalf_of = null, key, not_before = null } = asked;
  const about = key === undefined ? [requester, on_behalf_of, actionIn(asked), not_before] : [requester, key];
  const file = join(directory, `${DRAFT}${sha256(JSON.stringify(about))}`);
  const { token, isNew } = draftIn(directory, file);
  // Another process may have begun to ask for the same meanwhile, with a draft of its own in this place.
  const drop = () => {
    if (readToken(file) === token) rmSync(file, { force: true });
  };

  return {
    token,
    sha256: sha256(token),
    async asking(ask) {
      try {
        return await ask();
      } catch (error) {
        const isAnswer = error instanceof Fault && !DOUBTFUL.has(error.code);
        // What an earlier process asked may have been heard, even where this one was not.
        if (isAnswer || (isNew && wasNeverHeard(error))) drop();
        throw error;
      }
    },
    keepFor(id) {
      if (keptToken(directory, id) !== token) keepToken(directory, id, token);
      drop();
    },
    drop,
  };
}

/** The same for the same action, in whichever order its params come. */
function actionIn({ kind, params = {} }: Question): string {
  try {
    return actionDigest(kind, params);
  } catch {
    // The daemon refuses what has no canonical form, and says what is wrong with it.
    return kind;
  }
}

/** Behind these it may have been recorded all the same. */
const DOUBTFUL: ReadonlySet<Fault["code"]> = new Set(["unreachable", "internal", "storage_failed"]);

function draftIn(directory: string, file: string): { token: string; isNew: boolean } {
  const made = randomBytes(32).toString("base64url");
  try {
    const before = readToken(file);
    if (before !== null && TOKEN.test(before)) return { token: before, isNew: false };
    rmSync(file, { force: true });
    writeToken(directory, file, made);
    forgetOldest(directory);
  } catch {
    // Another process has just begun to ask for the same, or nothing can be kept here.
  }
  return { token: made, isNew: true };
}

function forgetOldest(directory: string): void {
  const drafts = readdirSync(directory).filter((name) => name.startsWith(DRAFT));
  if (drafts.length <= DRAFTS_LIMIT) return;
  const aged = drafts.map((name) => ({ name, at: statSync(join(directory, name)).mtimeMs }));
  aged.sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, -DRAFTS_LIMIT)) rmSync(join(directory, name), { force: true });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
