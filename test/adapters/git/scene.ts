import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { HistoryEntry } from "../../../src/adapters/git/backlog.ts";
import { type History, type HistoryOptions, openHistory } from "../../../src/adapters/git/history.ts";
import { historyMode } from "../../../src/adapters/git/repository.ts";
import type { Event } from "../../../src/core/event.ts";
import type { Decision, Request } from "../../../src/core/request.ts";
import { step } from "../../../src/core/transitions.ts";

export const PATH = process.env.PATH ?? "";

/** A folder with a vault in it, a state directory beside it, and git as a person runs it. */
export function makeScene() {
  const root = mkdtempSync(join(tmpdir(), "countersign-git-"));
  const vault = join(root, "vault");
  const state = join(root, "state");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  mkdirSync(join(vault, "Done"));
  mkdirSync(state);
  const opened: History[] = [];
  const journal: HistoryEntry[] = [];

  /** What a person types; identity and defaults come from the environment, so that no test leans on the machine's. */
  function git(...args: string[]): string {
    return execFileSync("git", args, { cwd: vault, env: userEnv(), encoding: "utf8", stdio: "pipe" });
  }

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(vault, path)), { recursive: true });
    writeFileSync(join(vault, path), text);
  }

  async function open(more: Partial<HistoryOptions> = {}): Promise<History> {
    const home = more.home ?? (await historyMode(vault, "auto", PATH));
    if (home.kind === "off") throw new Error(home.because);
    const history = openHistory({
      vaultDir: vault,
      stateDir: state,
      path: PATH,
      replay: replayOf(journal),
      isGenuine: async (seq, hash) =>
        journal.some(({ record }) => record.seq === seq && record.hash === hash),
      onProblem: () => {},
      ...more,
      home,
    });
    opened.push(history);
    return history;
  }

  /** The journal gets an event, as the daemon would record it. */
  function happen(event: Event, request: Request | null, changes: HistoryEntry["changes"]): HistoryEntry {
    const seq = journal.length + 1;
    const stepped = step(request, event);
    if (!stepped.ok) throw new Error(stepped.refusal.code);
    const hash = seq.toString(16).padStart(64, "a");
    const entry = { record: { seq, hash, event }, request: stepped.request, changes };
    journal.push(entry);
    return entry;
  }

  /** A submission with its note, on disk too. */
  function submit(name: string, text = `note ${name}\n`, title = `Pay ${name}`): HistoryEntry {
    const entry = happen(submitted(name, title), null, [{ path: noteOf(name), bytes: Buffer.from(text) }]);
    write(noteOf(name), text);
    return entry;
  }

  return {
    root,
    vault,
    state,
    journal,
    git,
    write,
    open,
    happen,
    submit,
    initVault(): void {
      git("init", "--quiet", "-b", "main");
      write("mine.md", "mine\n");
      git("add", "mine.md");
      git("commit", "--quiet", "-m", "Begin");
    },
    /** `seq event` of every daemon commit's blocks, oldest first, from raw trailers. */
    recorded(...from: string[]): string[] {
      const args = from.length > 0 ? from : ["HEAD"];
      const heads = git("log", "--reverse", "--format=%(trailers:key=Audit-Head,valueonly)", ...args);
      return heads
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split(" ")[0] ?? "");
    },
    async end(): Promise<void> {
      await Promise.all(opened.map((history) => history.close(0)));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type Scene = ReturnType<typeof makeScene>;

export function replayOf(journal: readonly HistoryEntry[]) {
  return async function* (after: number) {
    yield* journal.filter(({ record }) => record.seq > after);
  };
}

export function userEnv(): Record<string, string> {
  return {
    PATH,
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Ann",
    GIT_AUTHOR_EMAIL: "ann@example.org",
    GIT_COMMITTER_NAME: "Ann",
    GIT_COMMITTER_EMAIL: "ann@example.org",
    GIT_EDITOR: "true",
  };
}

export const AT = "2026-11-21T09:14:03.000Z";
const DIGEST = `sha256:${"9b".repeat(32)}`;

export function noteOf(name: string): string {
  return `Pending_Approval/${idOf(name)}.md`;
}

export function idOf(name: string): string {
  return `20261121-091403-payment-${name}`;
}

export function submitted(name: string, title = `Pay ${name}`): Event {
  return {
    type: "submitted",
    at: AT,
    submission: {
      fields: {
        version: 1,
        id: idOf(name),
        host: "laptop",
        requester: "billing-agent",
        on_behalf_of: null,
        kind: "payment",
        params: {},
        effect: "unsafe",
        key: null,
        policy: null,
        rule: null,
        created: AT,
        expires: "2026-11-21T10:14:03.000Z",
      },
      digest: DIGEST,
      action_digest: DIGEST,
      title,
      next_effect: "",
      caller: false,
      token_sha256: null,
    },
  };
}

export function approved(more: Partial<Decision> = {}): Event {
  return {
    type: "approved",
    at: "2026-11-21T09:20:00.000Z",
    lapses: null,
    decision: {
      verb: "approve",
      reviewer: "ann",
      reason: null,
      digest: DIGEST,
      assurance: "edit",
      seen_at: AT,
      via: "box",
      note_sha256: null,
      ...more,
    },
  };
}
