import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  buildProgram,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
} from "./crash/daemon-process.ts";

/** Each example as the README has it started, against a real daemon, and a person who edits the note that it names. */
const REPOSITORY = new URL("..", import.meta.url).pathname;
const EXAMPLES = join(REPOSITORY, "src/examples");

let program: Program;
let root: string;
let vault: string;
let env: NodeJS.ProcessEnv;
let daemon: DaemonProcess;
beforeAll(async () => {
  program = buildProgram();
  root = mkdtempSync(join(tmpdir(), "cs-examples-"));
  vault = join(root, "vault");
  const { PATH } = process.env;
  const xdg = { XDG_STATE_HOME: join(root, "state"), XDG_CONFIG_HOME: join(root, "config") };
  env = { PATH, HOME: root, ...xdg, COUNTERSIGN_VAULT: vault };
  await countersign(program, ["init", "--vault", vault], env);
  env.COUNTERSIGN_CONFIG = join(EXAMPLES, "countersign.yaml");
  daemon = launch(program, vault, env);
  expect(await daemon.ready, daemon.log()).toBe(true);
});
afterAll(async () => {
  daemon.signal("SIGTERM");
  await daemon.ended;
  program.remove();
  rmSync(root, { recursive: true, force: true });
});

/** Where the examples leave what they do. */
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(root, "effects-"));
});
afterEach(() => rmSync(place, { recursive: true }));

/** Runs an example; a person makes these edits, one in each note that it names, and gives what it did. */
async function play(name: string, ...edits: readonly ((note: string) => string)[]): Promise<string | null> {
  const tsx = join(REPOSITORY, "node_modules/tsx/dist/cli.mjs");
  const child = spawn(process.execPath, [tsx, join("src/examples", name)], {
    cwd: REPOSITORY,
    env: { ...env, TMPDIR: place },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  let said = "";
  const left = [...edits];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      said += text;
      const named = [...said.matchAll(/Pending_Approval\/\S+\.md/g)].map(([path]) => join(vault, path));
      for (const note of named.slice(edits.length - left.length)) {
        const edit = left.shift();
        if (edit !== undefined) writeFileSync(note, edit(readFileSync(note, "utf8")));
      }
    });
  }
  const [exit] = await ended;
  expect({ exit, left, said }).toEqual({ exit: 0, left: [], said: expect.any(String) });
  const done = readdirSync(place).filter((file) => file.endsWith("s.txt"));
  const [file] = done;
  return file === undefined ? null : readFileSync(join(place, file), "utf8");
}

const tick = (box: string) => (note: string) => {
  expect(note).toContain(`- [ ] ${box}\n`);
  return note.replace(`- [ ] ${box}\n`, `- [x] ${box}\n`);
};
const approve = tick("Approve");
const reject = (note: string) => tick("Reject")(note).replace("reason:", "reason: shorter");

describe.each(["guard.ts", "ai-sdk.ts", "openai-agents.ts", "langgraph.ts"])("%s", (name) => {
  test("does what a person approves, and nothing that they reject", async () => {
    expect(await play(name, tick("Reject"))).toBe(null);
    expect(await play(name, approve)).toBe("1.0.0\n");
  });
});

test("workflow.ts drafts again behind a no, with its reason, and gives up behind the second", async () => {
  expect(await play("workflow.ts", reject, reject)).toBe(null);
  expect(await play("workflow.ts", reject, approve)).toBe("version 1.0.0, and now: shorter\n");
});

test("every example is tried here", () => {
  const tried = ["ai-sdk.ts", "guard.ts", "langgraph.ts", "openai-agents.ts", "workflow.ts"];
  expect(readdirSync(EXAMPLES).filter((name) => name.endsWith(".ts"))).toEqual(tried);
  expect(existsSync(join(EXAMPLES, "countersign.yaml"))).toBe(true);
});
