import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type AgentStage, openAgentStage } from "../surfaces/agents/stage.ts";
import { type FakeModel, startFakeModel } from "./fake-model.ts";
import { environment, type Home, setUpHooks } from "./hooked.ts";
import { PARTIES, versionOf } from "./parties.ts";
import { record } from "./recorder.ts";
import { hasTerminals, openTerminal, type Terminal } from "./terminal.ts";

/**
 * The real Claude Code in a terminal, with a person before it and a note in the vault beside its own dialog: whichever
 * is answered first counts. Run like `agents.test.ts`; needs tmux.
 */
const FOLDER = process.env.COUNTERSIGN_AGENTS ?? "";
const RECORD = process.env.COUNTERSIGN_RECORD;
const ONLY = process.env.COUNTERSIGN_AGENT;
const LIMIT_MS = 90_000;
const DIALOG = "Do you want to proceed?";

const claude = PARTIES.find(({ name }) => name === "claude-code");
const isRun =
  FOLDER !== "" && claude !== undefined && (ONLY === undefined || ONLY === claude.name) && hasTerminals();

let stage: AgentStage;
const results: string[] = [];

beforeAll(async () => {
  if (!isRun) return;
  stage = await openAgentStage();
  await stage.start();
  results.push(`claude-code ${versionOf(claude, FOLDER)}`);
});

afterAll(async () => {
  if (!isRun) return;
  await stage.remove();
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}\n${results.join("\n")}\n`);
});

describe.skipIf(!isRun)("claude-code in a terminal", () => {
  let at: Home;
  let work: string;
  let model: FakeModel;
  let terminal: Terminal;
  let count = 0;

  beforeEach(async ({ onTestFinished, task }) => {
    if (claude === undefined) return;
    const home = mkdtempSync(join(tmpdir(), "cs-dialog-"));
    work = join(home, "work");
    mkdirSync(work);
    count += 1;
    // A command of its own each time: what was refused is not asked again so soon.
    model = await startFakeModel(claude.use(`echo asked-${count} > out.txt`));
    at = { party: claude, home, port: model.port };
    const key = environment(stage, at).ANTHROPIC_API_KEY;
    const seen = {
      hasCompletedOnboarding: true,
      theme: "dark",
      customApiKeyResponses: { approved: [key] },
      projects: { [work]: { hasTrustDialogAccepted: true } },
    };
    writeFileSync(join(home, ".claude.json"), JSON.stringify(seen));
    onTestFinished(() => void results.push(`  ${task.name}: ${task.result?.state}`));
  });

  afterEach(async () => {
    await terminal.close();
    await model.close();
    rmSync(at.home, { recursive: true, force: true });
  });

  async function begin(...words: string[]): Promise<string> {
    const settings = await setUpHooks(stage, at, words);
    if (RECORD !== undefined) record(settings, "claude-code-dialog", at.home, stage.program.main, RECORD);
    const program = join(FOLDER, "node_modules/.bin/claude");
    terminal = openTerminal([program, "--permission-mode", "manual", "go on"], {
      place: at.home,
      cwd: work,
      env: environment(stage, at),
    });
    const { id } = await stage.next("submitted");
    await vi.waitFor(() => expect(existsSync(waiting(id))).toBe(true));
    return id;
  }

  const waiting = (id: string) => join(stage.vault, "Pending_Approval", `${id}.md`);
  const finished = (id: string) => join(stage.vault, "Done", `${id}.md`);
  const written = () => {
    const file = join(work, "out.txt");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  };

  function edit(file: string, from: string, to: string): void {
    const text = readFileSync(file, "utf8");
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  }

  async function noteInDone(id: string): Promise<string> {
    await stage.next("archived");
    return readFileSync(finished(id), "utf8");
  }

  test("a yes in the note takes the dialog away and runs the tool", { timeout: LIMIT_MS }, async () => {
    const id = await begin("--dialog");
    await terminal.shows(DIALOG);
    expect(written()).toBeNull();
    edit(waiting(id), "- [ ] Approve", "- [x] Approve");
    await stage.next("executed");
    expect(written()).toBe(`asked-${count}`);
    expect(await noteInDone(id)).toContain("status: executed");
    await terminal.shows("TOLD");
    expect(terminal.screen()).not.toContain(DIALOG);
  });

  test("a no in the note takes it away and tells the model why", { timeout: LIMIT_MS }, async () => {
    const id = await begin("--dialog");
    await terminal.shows(DIALOG);
    edit(waiting(id), "\nreason:", "\nreason: the-reason-of-anna");
    edit(waiting(id), "- [ ] Reject", "- [x] Reject");
    await terminal.shows(/TOLD[\s\S]*the-reason-of-anna/);
    expect(terminal.screen()).not.toContain(DIALOG);
    expect(written()).toBeNull();
    expect(await noteInDone(id)).toContain("status: rejected");
  });

  test("a yes in the terminal settles the note, and a tick in it comes too late", {
    timeout: LIMIT_MS,
  }, async () => {
    const id = await begin("--dialog");
    await terminal.shows(DIALOG);
    const before = readFileSync(waiting(id), "utf8");
    terminal.press("1");
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "answered in the agent's own dialog" });
    expect(written()).toBe(`asked-${count}`);
    const note = await noteInDone(id);
    expect(note).toContain("status: cancelled");
    expect(note).toContain("answered in the agent's own dialog");
    await terminal.shows("TOLD");
    // An editor that still has the note open saves it where it was.
    rmSync(join(work, "out.txt"));
    writeFileSync(waiting(id), before.replace("- [ ] Approve", "- [x] Approve"));
    await vi.waitFor(() => expect(existsSync(waiting(id))).toBe(false), { timeout: 30_000 });
    expect((await stage.show(id)).status).toBe("cancelled");
    expect(written()).toBeNull();
    expect(await stage.open()).toEqual([]);
  });

  test.each([["Escape"], ["4"]])(
    "a no in the terminal by %s withdraws the request",
    { timeout: LIMIT_MS },
    async (key) => {
      const id = await begin("--dialog");
      await terminal.shows(DIALOG);
      terminal.press(key);
      expect(await stage.next("cancelled")).toMatchObject({ id, reason: "agent went away" });
      await terminal.shows("Interrupted");
      expect(await noteInDone(id)).toContain("status: cancelled");
      expect(written()).toBeNull();
    },
  );

  test("a command changed in the note is what runs", { timeout: LIMIT_MS }, async () => {
    const id = await begin("--dialog");
    await terminal.shows(DIALOG);
    await stage.say(id, "approve", { set: { command: "echo edited > out.txt" } });
    await stage.next("executed");
    expect(written()).toBe("edited");
  });

  test("before every call there is the note alone, and Esc withdraws it", { timeout: LIMIT_MS }, async () => {
    const id = await begin();
    await terminal.shows("Waiting for approval");
    expect(terminal.screen()).not.toContain(DIALOG);
    terminal.press("Escape");
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "agent went away" });
    await terminal.shows("Interrupted");
    expect(written()).toBeNull();
  });

  test("a yes in the note before the call leaves nothing to ask in the terminal", {
    timeout: LIMIT_MS,
  }, async () => {
    const id = await begin();
    await terminal.shows("Waiting for approval");
    edit(waiting(id), "- [ ] Approve", "- [x] Approve");
    await stage.next("executed");
    expect(written()).toBe(`asked-${count}`);
    await terminal.shows("TOLD");
    expect(terminal.screen()).not.toContain(DIALOG);
  });
});
