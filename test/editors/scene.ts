import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { locate } from "../../src/adapters/locations.ts";
import { call, type DaemonProcess, launch, type Program } from "../crash/daemon-process.ts";
import { LIMIT_MS, until } from "../crash/kill-world.ts";

/** Bears witness of every execution. */
const HANDLER = `#!/bin/sh
read -r job
id=\${job#*'"id":"'}
echo "\${id%%'"'*}" >> witness
echo '{"receipt":"R-1"}'
`;

/** Short, so that few waits are needed, and still far longer than any program here takes between two pieces of a save. */
const configuration = (git: string) => `settle: 200ms
git: ${git}
actions:
  payment:
    run: [/bin/sh, ./handler.sh]
    params: { type: object, required: [payee], properties: { payee: { type: string } } }
`;

type Folder = "Pending_Approval" | "Approved" | "Rejected" | "Done";

/** What `GET /v1/requests/ID` says, as far as it matters here. */
export interface Told {
  readonly status: string;
  readonly decision?: { readonly verb: string; readonly reason: string | null; readonly via: string };
  readonly history: readonly { readonly event: string; readonly detail?: string | null }[];
}

export type Scene = Awaited<ReturnType<typeof openScene>>;

/**
 * A real daemon on a real vault, for real programs to save into. Not below the folder for temporary files: vim and emacs
 * save differently there.
 */
export async function openScene(program: Program, { git = "off" }: { git?: "off" | "vault" } = {}) {
  const base = mkdtempSync(join(existsSync("/var/tmp") ? "/var/tmp" : tmpdir(), "cs-save-"));
  const vault = join(base, "vault");
  const folderAt = (folder: Folder) => join(vault, folder);
  mkdirSync(folderAt("Pending_Approval"), { recursive: true });
  // Of two that start at once one fails to make these: a person's are there from long before.
  for (const data of [".local/share", "s"]) mkdirSync(join(base, data, "nvim/swap"), { recursive: true });
  writeFileSync(join(base, "countersign.yaml"), configuration(git), { mode: 0o600 });
  writeFileSync(join(base, "handler.sh"), HANDLER);
  const env = {
    PATH: process.env.PATH,
    HOME: base,
    USER: "person",
    LANG: "C.UTF-8",
    COUNTERSIGN_CONFIG: join(base, "countersign.yaml"),
    XDG_STATE_HOME: join(base, "s"),
  };
  if (git === "vault") execFileSync("git", ["init", "--quiet", "-b", "main", vault], { env });
  const { sockets } = locate({ vault }, env, base);
  let daemon: DaemonProcess | null = null;
  let asked = 0;
  const folders = ["Pending_Approval", "Approved", "Rejected", "Done"] as const;

  const scene = {
    base,
    vault,
    env,
    folderAt,
    noteAt: (id: string, folder: Folder = "Pending_Approval") => join(folderAt(folder), `${id}.md`),

    async start(): Promise<void> {
      daemon = launch(program, vault, env);
      expect(await daemon.ready, daemon.log()).toBe(true);
    },

    async stop(): Promise<void> {
      daemon?.signal("SIGTERM");
      await daemon?.ended;
      daemon = null;
    },

    async close(): Promise<void> {
      await scene.stop();
      rmSync(base, { recursive: true, force: true });
    },

    /** Resolves once it holds; throws when it never does, or the daemon is gone. */
    async until(what: string, holds: () => boolean): Promise<void> {
      if (!(await until(what, daemon, holds))) throw new Error(`the daemon is gone before ${what}`);
    },

    /** A new request, its note on disk. */
    async request(): Promise<string> {
      // Each for another action: requests for the same one are joined.
      asked += 1;
      const answer = await call(sockets.agent, "POST", "/v1/requests", {
        kind: "payment",
        params: { payee: `ACME ${asked}` },
      });
      const { id } = (answer?.body.request ?? {}) as { id?: string };
      if (id === undefined) throw new Error(`not submitted: ${JSON.stringify(answer)}`);
      return id;
    },

    async told(id: string): Promise<Told> {
      const answer = await call(sockets.agent, "GET", `/v1/requests/${id}`);
      return answer?.body as unknown as Told;
    },

    /** What is told of a request, once it is so. */
    async comesTo(id: string, what: string, isSo: (told: Told) => boolean): Promise<Told> {
      for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(5)) {
        const told = await scene.told(id);
        if (isSo(told)) return told;
      }
      throw new Error(`${id} never came to ${what}\n${scene.dashboard()}\n${daemon?.log()}`);
    },

    /** What came of a request, its note finished. */
    async outcome(id: string, within_ms = 20_000): Promise<Told> {
      const path = `/v1/requests/${id}/wait?timeout_ms=${within_ms}`;
      await call(sockets.agent, "GET", path);
      const told = await scene.told(id);
      if (!["executed", "rejected"].includes(told.status)) {
        const note = folders.flatMap((folder) => scene.read(id, folder) ?? []);
        throw new Error(`${id} stays ${told.status}\n${note.join("\n")}\n${scene.dashboard()}`);
      }
      await scene.until(`${id} in Done`, () => existsSync(scene.noteAt(id, "Done")));
      await scene.until(`${id} gone from where it waited`, () => !existsSync(scene.noteAt(id)));
      return told;
    },

    async halt(halted: boolean): Promise<void> {
      const by = { by: "person" };
      expect((await call(sockets.reviewer, "POST", halted ? "/v1/halt" : "/v1/resume", by))?.status).toBe(
        200,
      );
    },

    /** Null where there is none. */
    read(id: string, folder: Folder = "Pending_Approval"): string | null {
      return textAt(scene.noteAt(id, folder));
    },

    /** The names in a folder that begin with this id, or hold it. */
    namesOf: (id: string, folder: Folder = "Pending_Approval") =>
      existsSync(folderAt(folder)) ? readdirSync(folderAt(folder)).filter((name) => name.includes(id)) : [],

    dashboard: () => textAt(join(vault, "Dashboard.md")) ?? "",

    executions(id: string): number {
      const witness = textAt(join(base, "witness")) ?? "";
      return witness.split("\n").filter((line) => line === id).length;
    },

    /** A second save of a note that is finished: nothing happens again, and what was saved is kept with an answer. */
    async expectKeptBeside(id: string, line: string, executions: number): Promise<void> {
      const { history } = await scene.comesTo(id, `a refusal of ${line}`, (told) =>
        told.history.some(({ event }) => event === "refused"),
      );
      expect(history.filter(({ event }) => event === "refused")).toMatchObject([
        { detail: expect.stringContaining("already_final") },
      ]);
      expect(scene.namesOf(id, "Done")).toEqual([`${id}-late-1.md`, `${id}.md`]);
      expect(existsSync(scene.noteAt(id))).toBe(false);
      const late = textAt(join(folderAt("Done"), `${id}-late-1.md`));
      expect(late).toContain(line);
      expect(late).toContain("Too late");
      expect(scene.executions(id)).toBe(executions);
    },

    /** What the dashboard lists as known to nobody, besides a note that surely is, as of a full look at the vault. */
    async strangers(): Promise<string[]> {
      await scene.stop();
      rmSync(join(vault, "Dashboard.md"));
      writeFileSync(join(folderAt("Pending_Approval"), "Shopping.md"), "Milk\n");
      await scene.start();
      // A daemon that is asked to end has looked through everything first.
      await scene.stop();
      const [, list = ""] = scene.dashboard().split("left alone\n\n");
      const listed = list.split("\n").filter((line) => line.startsWith("- "));
      expect(listed).toContain("- Shopping.md");
      return listed.filter((line) => line !== "- Shopping.md");
    },
  };
  await scene.start();
  return scene;
}

export function textAt(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
