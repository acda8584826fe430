import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type AgentStage, openAgentStage } from "../surfaces/agents/stage.ts";
import { type FakeModel, startFakeModel } from "./fake-model.ts";
import { environment, setUpHooks } from "./hooked.ts";
import { PARTIES, type Party, versionOf } from "./parties.ts";
import { record } from "./recorder.ts";

/**
 * Real agents with a model on loopback, gated by the hooks that `setup` writes, each once for every way in which an
 * approval can go. What is looked at is the file that the tool would have written. `npm run agents` with the folder in
 * which they are installed as COUNTERSIGN_AGENTS; COUNTERSIGN_RECORD names a folder for what their hooks are given.
 */
const FOLDER = process.env.COUNTERSIGN_AGENTS ?? "";
const RECORD = process.env.COUNTERSIGN_RECORD;
const ONLY = process.env.COUNTERSIGN_AGENT;
const LIMIT_MS = 90_000;

let stage: AgentStage;
const results: string[] = [];

beforeAll(async () => {
  if (FOLDER === "") return;
  stage = await openAgentStage();
  await stage.start();
});

afterAll(async () => {
  if (FOLDER === "") return;
  await stage.remove();
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}\n${results.join("\n")}\n`);
});

const parties = PARTIES.filter(({ name }) => ONLY === undefined || ONLY === name);

if (FOLDER === "") {
  console.warn(
    "The real agents are left out: name their folder in COUNTERSIGN_AGENTS and run `npm run agents`.",
  );
}

describe.skipIf(FOLDER === "").each(parties)("$name", (party) => {
  let home: string;
  let work: string;
  let model: FakeModel;
  let agent: ChildProcess | null;
  let count = 0;

  beforeAll(() => {
    const version = versionOf(party, FOLDER);
    expect(version, `${party.binary} is not installed in ${FOLDER}`).not.toBeNull();
    results.push(`${party.name} ${version}`);
  });

  beforeEach(async ({ onTestFinished, task }) => {
    home = mkdtempSync(join(tmpdir(), `cs-${party.name}-`));
    work = join(home, "work");
    mkdirSync(work);
    agent = null;
    count += 1;
    // A command of its own each time: what was refused is not asked again so soon.
    model = await startFakeModel(party.use(`echo asked-${count} > out.txt`));
    party.prepare(home, model.port, work);
    onTestFinished(() => void results.push(`  ${task.name}: ${task.result?.state}`));
  });

  afterEach(async () => {
    agent?.kill("SIGKILL");
    await model.close();
    rmSync(home, { recursive: true, force: true });
  });

  const written = () => {
    const file = join(work, "out.txt");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  };

  async function setUp(...words: string[]): Promise<void> {
    const file = await setUpHooks(stage, { party, home, port: model.port }, words);
    if (RECORD !== undefined) record(file, party.name, home, stage.program.main, RECORD);
  }

  function start(words = party.words): { ended: Promise<string> } {
    const child = spawn(join(FOLDER, "node_modules/.bin", party.binary), words, {
      cwd: work,
      env: environment(stage, { party, home, port: model.port }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    agent = child;
    const said: Buffer[] = [];
    for (const out of [child.stdout, child.stderr]) out.on("data", (chunk) => said.push(chunk));
    const ended = once(child, "exit").then(() => Buffer.concat(said).toString("utf8"));
    // A request that never comes is to be told with what the agent said.
    ended.then((text) => process.env.COUNTERSIGN_LOUD && process.stdout.write(`${text.slice(-4_000)}\n`));
    return { ended };
  }

  test("approve", { timeout: LIMIT_MS }, async () => {
    await setUp();
    const { ended } = start();
    const { id } = await stage.next("submitted");
    expect(written()).toBeNull();
    await stage.say(id, "approve");
    await ended;
    expect(written()).toBe(`asked-${count}`);
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("reject", { timeout: LIMIT_MS }, async () => {
    await setUp();
    const { ended } = start();
    const { id } = await stage.next("submitted");
    await stage.say(id, "reject", { reason: "the-reason-of-anna" });
    const said = await ended;
    expect(written()).toBeNull();
    // The fake model repeats what its tool answered, so that what it was told is in what the agent prints.
    expect(said).toContain("the-reason-of-anna");
  });

  test("edit", { timeout: LIMIT_MS }, async () => {
    await setUp();
    const { ended } = start();
    const { id } = await stage.next("submitted");
    await stage.say(id, "approve", { set: { command: "echo edited > out.txt" } });
    await ended;
    expect(written()).toBe("edited");
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("time-out", { timeout: LIMIT_MS }, async () => {
    await setUp("--timeout", "2s");
    const { ended } = start();
    const { id } = await stage.next("submitted");
    await ended;
    expect(written()).toBeNull();
    expect((await stage.show(id)).status).toMatch(/cancelled|expired/);
  });

  test("daemon down", { timeout: LIMIT_MS }, async () => {
    await setUp();
    await stage.stop();
    const said = await start().ended;
    expect(written()).toBeNull();
    await stage.start();
    expect(said).toContain("countersign start");
  });

  test("daemon restarted in the wait", { timeout: LIMIT_MS }, async () => {
    await setUp();
    const { ended } = start();
    const { id } = await stage.next("submitted");
    // The hook has heard that it asked: before that a killed daemon may have taken the token with it.
    const token = join(home, ".local/state/countersign/tokens", id);
    await vi.waitFor(() => expect(existsSync(token)).toBe(true));
    await stage.stop("SIGKILL");
    await stage.start();
    await stage.say(id, "approve");
    await ended;
    expect(written()).toBe(`asked-${count}`);
  });

  describe.runIf(party.name === "claude-code")("a call put off", () => {
    async function deferred(): Promise<{ id: string; resume: () => Promise<string> }> {
      await setUp();
      const file = join(home, ".claude/settings.json");
      const settings = JSON.parse(readFileSync(file, "utf8"));
      settings.hooks.PreToolUse[0].hooks[0].args.push("--defer");
      writeFileSync(file, JSON.stringify(settings));
      const said = JSON.parse(await start().ended);
      expect(said.stop_reason).toBe("tool_deferred");
      const { id } = await stage.next("submitted");
      expect(written()).toBeNull();
      const words = ["-p", "--resume", said.session_id, "--permission-mode", "bypassPermissions"];
      return { id, resume: () => start(words).ended };
    }

    test("deferred, approved and resumed", { timeout: LIMIT_MS }, async () => {
      const { id, resume } = await deferred();
      await stage.say(id, "approve");
      await resume();
      expect(written()).toBe(`asked-${count}`);
      expect((await stage.show(id)).status).toBe("executed");
    });

    test("deferred, rejected and resumed", { timeout: LIMIT_MS }, async () => {
      const { id, resume } = await deferred();
      await stage.say(id, "reject", { reason: "the-reason-of-anna" });
      expect(await resume()).toContain("the-reason-of-anna");
      expect(written()).toBeNull();
    });
  });

  describe.runIf(party.name === "claude-code")("its permission prompt", () => {
    function prompted() {
      const { program, vault, env } = stage;
      const args = [program.main, "mcp", "--vault", vault];
      const server = { command: process.execPath, args, env: { HOME: env.HOME } };
      const tool = "mcp__approvals__permission_prompt";
      const config = JSON.stringify({ mcpServers: { approvals: server } });
      return start(["-p", "go on", "--mcp-config", config, "--permission-prompt-tool", tool]);
    }

    test("permission prompt over MCP, approved with changes", { timeout: LIMIT_MS }, async () => {
      const { ended } = prompted();
      const { id, requester } = await stage.next("submitted");
      expect(requester).toBe("claude-code");
      await stage.say(id, "approve", { set: { command: "echo prompted > out.txt" } });
      await ended;
      expect(written()).toBe("prompted");
    });

    test("permission prompt over MCP, rejected", { timeout: LIMIT_MS }, async () => {
      const { ended } = prompted();
      const { id } = await stage.next("submitted");
      await stage.say(id, "reject", { reason: "the-reason-of-anna" });
      expect(await ended).toContain("the-reason-of-anna");
      expect(written()).toBeNull();
    });
  });

  test("agent killed", { timeout: LIMIT_MS }, async () => {
    await setUp();
    const { ended } = start();
    const { id } = await stage.next("submitted");
    process.kill(await hookOf(party).then(agentAbove), "SIGKILL");
    await stage.next("cancelled");
    expect((await stage.show(id)).status).toBe("cancelled");
    agent?.kill("SIGKILL");
    await ended;
    expect(written()).toBeNull();
  });
});

const words = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
const parentOf = (pid: number) =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

/** The hook's process, by the words that `setup` gave it and this run's vault. */
async function hookOf(party: Party): Promise<number> {
  for (;;) {
    for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
      try {
        const found = words(Number(name));
        if (found.includes("hook") && found.includes(party.name) && found.includes(stage.vault))
          return Number(name);
      } catch {
        // It has ended meanwhile.
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The agent that started a hook, through a shell or not. */
function agentAbove(hook: number): number {
  const parent = parentOf(hook);
  return /(^|\/)(ba|da|z)?sh$/.test(words(parent)[0] ?? "") ? parentOf(parent) : parent;
}
