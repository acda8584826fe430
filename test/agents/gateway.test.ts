import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TOOL_ACTIONS } from "../../src/adapters/tool-actions.ts";
import { type AgentStage, openAgentStage } from "../surfaces/agents/stage.ts";
import { type FakeModel, startFakeModel } from "./fake-model.ts";
import { PARTIES, versionOf } from "./parties.ts";
import { type Gateway, TOKEN, WAYS } from "./ways.ts";

/**
 * Real agents with a model on loopback, and the public file system server behind the gateway: over stdio as the agent
 * starts it, and over HTTP. What is looked at is the file that the tool would have written. Run like `agents.test.ts`.
 */
const FOLDER = process.env.COUNTERSIGN_AGENTS ?? "";
const ONLY = process.env.COUNTERSIGN_AGENT;
const LIMIT_MS = 90_000;
const FILESYSTEM = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-filesystem/dist/index.js",
);
const POLICY = `
default: require_approval
rules:
  - { id: reading, match: { kind: mcp_tool }, when: "params.server == 'fs' && params.hints.read_only", decision: allow }
`;

let stage: AgentStage;
let files: string;
const results: string[] = [];
const parties = PARTIES.filter(({ name }) => ONLY === undefined || ONLY === name);

beforeAll(async () => {
  if (FOLDER === "") return;
  files = realpathSync(mkdtempSync(join(tmpdir(), "cs-gateway-files-")));
  const gateway = {
    listen: "127.0.0.1:0",
    tokens: [{ name: "agent-by-token", env: "GATEWAY_TOKEN" }],
    upstreams: { fs: { command: [process.execPath, FILESYSTEM, files] } },
  };
  stage = await openAgentStage(POLICY, `${TOOL_ACTIONS}gateway: ${JSON.stringify(gateway)}\n`);
  await stage.start();
});

afterAll(async () => {
  if (FOLDER === "") return;
  await stage.remove();
  rmSync(files, { recursive: true, force: true });
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}\n${results.join("\n")}\n`);
});

describe.skipIf(FOLDER === "").each(parties)("$name", (party) => {
  const way = WAYS[party.name];
  let home: string;
  let model: FakeModel;
  let file: string;
  let children: ChildProcess[];
  let count = 0;

  beforeAll(() => {
    const version = versionOf(party, FOLDER);
    expect(version, `${party.binary} is not installed in ${FOLDER}`).not.toBeNull();
    results.push(`${party.name} ${version}`);
  });

  beforeEach(async ({ onTestFinished, task }) => {
    home = mkdtempSync(join(tmpdir(), `cs-${party.name}-`));
    mkdirSync(join(home, "work"));
    children = [];
    count += 1;
    file = join(files, `${party.name}-${count}.txt`);
    model = await startFakeModel((offered) => way.use({ path: file, content: "written" }, offered));
    party.prepare(home, model.port, join(home, "work"));
    onTestFinished(() => void results.push(`  ${task.name}: ${task.result?.state}`));
  });

  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await model.close();
    rmSync(home, { recursive: true, force: true });
  });

  function start(gateway: Gateway): Promise<string> {
    const words = way.prepare(gateway, home, party);
    const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
    const child = spawn(join(FOLDER, "node_modules/.bin", party.binary), words, {
      cwd: join(home, "work"),
      env: { PATH: path, HOME: home, GATEWAY_TOKEN: TOKEN, ...party.env(model.port, home) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    children.push(child);
    const said: Buffer[] = [];
    for (const out of [child.stdout, child.stderr]) out.on("data", (chunk) => said.push(chunk));
    const ended = once(child, "exit").then(() => Buffer.concat(said).toString("utf8"));
    ended.then((text) => process.env.COUNTERSIGN_LOUD && process.stdout.write(`${text.slice(-4_000)}\n`));
    return ended;
  }

  function overStdio(): Gateway {
    const { program, vault, state } = stage;
    const words = ["gateway", "--vault", vault, "--state", state(), "--name", "fs"];
    return {
      command: process.execPath,
      args: [program.main, ...words, "--", process.execPath, FILESYSTEM, files],
    };
  }

  async function overHttp(): Promise<Gateway> {
    const { program, vault, env } = stage;
    const child = spawn(process.execPath, [program.main, "gateway", "--vault", vault, "--http", "--json"], {
      env: { ...env, GATEWAY_TOKEN: TOKEN },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return { url: `${(JSON.parse(line) as { url: string }).url}/mcp/fs` };
  }

  const written = () => (existsSync(file) ? readFileSync(file, "utf8") : null);

  test.each([
    ["over stdio", overStdio],
    ["over HTTP", overHttp],
  ] as const)("approve %s", { timeout: LIMIT_MS }, async (how, gateway) => {
    const ended = start(await gateway());
    const { id, requester } = await stage.asked();
    expect(written()).toBeNull();
    if (how === "over HTTP") expect(requester).toBe("agent-by-token");
    await stage.say(id, "approve");
    await ended;
    expect(written()).toBe("written");
    expect((await stage.show(id)).status).toBe("executed");
  });

  test.each([
    ["over stdio", overStdio],
    ["over HTTP", overHttp],
  ] as const)("reject %s", { timeout: LIMIT_MS }, async (_how, gateway) => {
    const ended = start(await gateway());
    const { id } = await stage.asked();
    await stage.say(id, "reject", { reason: "the-reason-of-anna" });
    // The model repeats what its tool answered, so that what it was told is in what the agent prints.
    expect(await ended).toContain("the-reason-of-anna");
    expect(written()).toBeNull();
  });
});
