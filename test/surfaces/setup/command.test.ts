import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStage, type Stage } from "../cli/stage.ts";

let stage: Stage;
let home: string;
let settings: string;

beforeEach(() => {
  stage = createStage();
  home = mkdtempSync(join(tmpdir(), "cs-setup-"));
  settings = join(home, ".claude/settings.json");
});

afterEach(async () => {
  gaps = [];
  await stage.close();
  rmSync(home, { recursive: true });
});

let gaps: readonly string[] = [];
const run = (...words: string[]) =>
  stage.run(words, {
    env: { HOME: home, PATH: `${home}/bin:${process.env.PATH}` },
    deps: {
      addToolActions: async () => ({ file: "/etc/countersign.yaml", actions: ["shell"] }),
      toolActionGaps: async () => gaps,
    },
  });

const bare = (line: string) => line.replaceAll(",", "").trim();
/** As those agents read them that take comments. */
const parse = (text: string) => JSON.parse(text.replaceAll(/\/\*.*\*\/|\/\/.*/g, ""));
const warningsOf = (out: string) => (JSON.parse(out) as { warnings: string[] }).warnings.join("\n");

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe("setup", () => {
  test("prints, and writes nothing, without --write", async () => {
    const { exit, out } = await run("setup", "claude-code");
    expect(exit).toBe(0);
    expect(out).toContain(settings);
    expect(out).toContain("PreToolUse");
    expect(existsSync(settings)).toBe(false);
  });

  test("merges with a backup, once, and takes everything out again", async () => {
    const mine = {
      model: "x",
      hooks: { PreToolUse: [{ matcher: "Bash", hooks: [{ type: "command", command: "mine" }] }] },
    };
    write(settings, JSON.stringify(mine));
    const { out } = await run("setup", "claude-code", "--write");
    expect(out).toContain(`backup   ${settings}.before-countersign`);
    expect(out).toContain("added    shell to /etc/countersign.yaml");
    expect(JSON.parse(readFileSync(`${settings}.before-countersign`, "utf8"))).toEqual(mine);
    const once = readFileSync(settings, "utf8");
    expect(JSON.parse(once).hooks.PreToolUse).toHaveLength(2);
    await run("setup", "claude-code", "--write");
    expect(readFileSync(settings, "utf8")).toBe(once);
    expect((await run("setup", "claude-code", "--remove")).exit).toBe(0);
    expect(JSON.parse(readFileSync(settings, "utf8"))).toEqual(mine);
    expect((await run("setup", "claude-code", "--remove")).out).toContain("nothing of ours");
  });

  test.each([
    ["of their own form", '{\n    "model": "x",\n\t"hooks": {"PreToolUse": []}, "permissions": {} }'],
    ["of nothing", "{}"],
    ["that are empty", ""],
  ])("gives settings %s back to the byte", async (_, mine) => {
    write(settings, mine);
    await run("setup", "claude-code", "--write");
    await run("setup", "claude-code", "--write", "--timeout", "9m");
    expect((await run("setup", "claude-code", "--remove")).exit).toBe(0);
    expect(readFileSync(settings, "utf8")).toBe(mine);
    expect(existsSync(`${settings}.before-countersign`)).toBe(false);
  });

  test("leaves no file where none was, and what somebody has changed since", async () => {
    await run("setup", "claude-code", "--write");
    await run("setup", "claude-code", "--write", "--timeout", "9m");
    await run("setup", "claude-code", "--remove");
    expect(existsSync(settings)).toBe(false);
    write(settings, '{"model":"x"}');
    await run("setup", "claude-code", "--write");
    const changed = JSON.parse(readFileSync(settings, "utf8"));
    write(settings, JSON.stringify({ ...changed, model: "y" }));
    await run("setup", "claude-code", "--remove");
    expect(JSON.parse(readFileSync(settings, "utf8"))).toEqual({ model: "y" });
    expect(readFileSync(`${settings}.before-countersign`, "utf8")).toBe('{"model":"x"}');
  });

  test("takes out what held nothing but ours, and leaves what somebody has written a word into", async () => {
    const gemini = join(home, ".gemini/settings.json");
    write(gemini, '{\n  "theme": "x"\n}\n');
    await run("setup", "gemini", "--write");
    const once = readFileSync(gemini, "utf8");
    write(gemini, once.replace('"BeforeTool": [', '"BeforeTool": [ // asks a person'));
    await run("setup", "gemini", "--remove");
    const left = readFileSync(gemini, "utf8");
    expect(left).toContain("// asks a person");
    expect(parse(left)).toEqual({ theme: "x", hooks: { BeforeTool: [] } });
  });

  test.each(["copilot", "opencode"])(
    "gives %s back a file that stood in the place of ours",
    async (agent) => {
      const { file } = JSON.parse((await run("setup", agent, "--json")).out) as { file: string };
      write(file, "// somebody's\n");
      await run("setup", agent, "--write");
      await run("setup", agent, "--write", "--timeout", "9m");
      await run("setup", agent, "--remove");
      expect(readFileSync(file, "utf8")).toBe("// somebody's\n");
    },
  );

  test("writes no hooks where the actions cannot be added", async () => {
    const env = { HOME: home, PATH: process.env.PATH ?? "" };
    const { exit, err } = await stage.run(["setup", "claude-code", "--write"], { env });
    expect([exit, err]).not.toEqual([0, ""]);
    expect(existsSync(settings)).toBe(false);
  });

  test("puts a note before every call or beside the agent's own dialog, never both", async () => {
    const events = () => Object.keys(JSON.parse(readFileSync(settings, "utf8")).hooks);
    await run("setup", "claude-code", "--write");
    await run("setup", "claude-code", "--write", "--dialog");
    expect(events()).toContain("PermissionRequest");
    expect(events()).not.toContain("PreToolUse");
    await run("setup", "claude-code", "--write");
    expect(events()).not.toContain("PermissionRequest");
    expect(events()).not.toContain("Stop");
    expect((await run("setup", "gemini", "--dialog")).exit).toBe(2);
  });

  test("keeps a link a link, and a mode a mode", async () => {
    const real = join(home, "dotfiles/settings.json");
    write(real, "{}");
    chmodSync(real, 0o640);
    mkdirSync(dirname(settings), { recursive: true });
    symlinkSync(real, settings);
    await run("setup", "claude-code", "--write");
    expect(lstatSync(settings).isSymbolicLink()).toBe(true);
    expect(lstatSync(real).mode & 0o777).toBe(0o640);
    expect(readFileSync(real, "utf8")).toContain("PreToolUse");
  });

  test.each([
    ["comments, which Claude Code does not read", "{ // mine\n}"],
    ["no JSON", "{"],
    ["one name twice, of which one counts", '{"hooks":{},"hooks":{"Stop":[]}}'],
  ])("leaves alone what has %s", async (_, mine) => {
    write(settings, mine);
    for (const way of ["--write", "--remove"]) {
      const { exit, err } = await run("setup", "claude-code", way);
      expect(exit).toBe(2);
      expect(err).toContain("is not JSON that claude-code reads");
    }
    expect(readFileSync(settings, "utf8")).toBe(mine);
  });

  const COMMENTED = `// mine
{
\t"theme": "x", // the dark one
\t/* "old": 1, */ "hooks": {
\t\t"BeforeTool": [ // first come first served
\t\t\t{ "matcher": "a", "hooks": [] } // my own
\t\t\t// and nothing else
\t\t],
\t\t"Stop": []
\t} // of hooks
}
// the end
`;

  test.each([
    ["LF", COMMENTED],
    ["CRLF", COMMENTED.replaceAll("\n", "\r\n")],
  ])("merges into what has comments, where the agent reads them, line by line (%s)", async (_, mine) => {
    const gemini = join(home, ".gemini/settings.json");
    write(gemini, mine);
    const { out } = await run("setup", "gemini", "--write");
    expect(out).toContain(`backup   ${gemini}.before-countersign`);
    const once = readFileSync(gemini, "utf8");
    const lines = once.split("\n");
    // A comma is all that an item may have got.
    for (const line of mine.split("\n")) expect(lines.map(bare)).toContain(bare(line));
    expect(lines.filter((line) => line.endsWith("\r"))).toHaveLength(
      mine.includes("\r") ? lines.length - 1 : 0,
    );
    expect(parse(once).hooks).toMatchObject({
      BeforeTool: [{ matcher: "a" }, {}],
      Stop: [],
      SessionEnd: [{}],
    });
    await run("setup", "gemini", "--write", "--timeout", "9m");
    await run("setup", "gemini", "--write");
    expect(readFileSync(gemini, "utf8")).toBe(once);
    expect(warningsOf((await run("doctor", "--json")).out)).not.toContain(gemini);
    // What somebody writes meanwhile stays, also where it is a comment alone.
    write(gemini, once.replace("// the end", "// the very end"));
    await run("setup", "gemini", "--remove");
    const left = readFileSync(gemini, "utf8");
    expect(left).toBe(mine.replace("// the end", "// the very end"));
    write(gemini, once);
    await run("setup", "gemini", "--remove");
    expect(readFileSync(gemini, "utf8")).toBe(mine);
    expect(existsSync(`${gemini}.before-countersign`)).toBe(false);
  });

  test.each(['{"hooks":[]}', '{"hooks":{"PreToolUse":{}}}', '{"hooks":null}'])(
    "leaves alone hooks that have another form: %s",
    async (mine) => {
      write(settings, mine);
      for (const way of ["--write", "--remove"]) {
        const { exit, err } = await run("setup", "claude-code", way);
        expect(exit).toBe(2);
        expect(err).toContain("`hooks`");
      }
      expect(readFileSync(settings, "utf8")).toBe(mine);
    },
  );

  test("files that are ours alone come and go", async () => {
    const plugin = join(home, ".config/opencode/plugin/countersign.js");
    await run("setup", "opencode", "--write");
    expect(readFileSync(plugin, "utf8")).toContain('"hook","opencode"');
    await run("setup", "opencode", "--remove");
    expect(existsSync(plugin)).toBe(false);
  });
});

describe("doctor", () => {
  /** Codex's own answer to `hooks/list`, as it gave it, with the status filled in. */
  function codexThatSays(trustStatus: string): void {
    const hook = { eventName: "preToolUse", command: "countersign hook codex --vault /v", trustStatus };
    const result = { data: [{ cwd: "/", hooks: [hook], warnings: [], errors: [] }] };
    write(
      join(home, "bin/codex"),
      `#!${process.execPath}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id } = JSON.parse(line);
  if (id === 1) console.log(JSON.stringify({ id, result: { userAgent: "codex" } }));
  if (id === 2) console.log(JSON.stringify({ id, result: ${JSON.stringify(result)} }));
});
`,
    );
    chmodSync(join(home, "bin/codex"), 0o755);
  }

  test("asks Codex whether it trusts its hooks, and never does so in its place", async () => {
    await stage.serve();
    await run("setup", "codex", "--write");
    codexThatSays("untrusted");
    const { exit, out } = await run("doctor", "--json");
    expect(exit).toBe(10);
    expect(JSON.parse(out).open).toEqual([expect.stringContaining("/hooks")]);
    codexThatSays("trusted");
    const trusted = await run("doctor", "--json");
    expect(trusted.exit).toBe(0);
    expect(JSON.parse(trusted.out)).toEqual({ agents: ["codex"], open: [], warnings: [] });
  });

  test("says that the daemon is not there, that it is halted, and that its clock was set", async () => {
    expect((await run("doctor")).out).toContain("countersign start");
    const { health } = await stage.serve();
    expect((await run("doctor")).out).toBe(
      "No agent is set up here: `countersign setup AGENT --write` does that.\nNothing was found.\n",
    );
    await stage.stopServing();
    await stage.serve({ health: () => ({ ...health(), halted: true, clock_frozen: true }) });
    const { out } = await run("doctor");
    expect(out).toContain("countersign resume");
    expect(out).toContain("countersign clock accept");
  });

  test("has nothing to say where no agent was set up, and names what no file shows where one was", async () => {
    await stage.serve();
    expect(JSON.parse((await run("doctor", "--json")).out)).toEqual({ agents: [], open: [], warnings: [] });
    gaps = ["mcp_tool lacks hints."];
    expect(JSON.parse((await run("doctor", "--json")).out)).toEqual({ agents: [], open: [], warnings: gaps });
    await run("setup", "claude-code", "--write");
    const { exit, out } = await run("doctor", "--json");
    expect(exit).toBe(0);
    expect(out).toContain("--bare");
  });

  test("ends with a code of its own where an agent's tools may run unasked, and tells of that first", async () => {
    await run("setup", "claude-code", "--write");
    // Without a daemon every call is refused: that opens nothing.
    expect((await run("doctor")).exit).toBe(0);
    write(settings, readFileSync(settings, "utf8").replace("{", '{ "disableAllHooks": true,'));
    const { exit, out } = await run("doctor");
    expect(exit).toBe(10);
    expect(out).toMatch(/does not hold:\n- .*disableAllHooks.*\nTo know as well:\n- .*countersign start/s);
    const { open, warnings } = JSON.parse((await run("doctor", "--json")).out);
    expect(open).toHaveLength(1);
    expect(warnings).toEqual(expect.arrayContaining([...open, expect.stringContaining("countersign start")]));
  });
});
