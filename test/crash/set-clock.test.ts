import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import {
  buildProgram,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
  type Ran,
} from "./daemon-process.ts";
import { environment, until } from "./kill-world.ts";

/** The real daemon, by a clock that a test sets while it runs (libfaketime). */

const LIBRARY = findLibrary();
const TITLE = "the real daemon by another clock";

let program: Program;
let root = "";
let vault = "";
let daemon: DaemonProcess | null = null;

function describeWithLibrary(body: () => void): void {
  if (LIBRARY !== null) {
    describe(TITLE, { timeout: 120_000 }, body);
    return;
  }
  const why = "libfaketime cannot be found: apt-get install --no-install-recommends faketime";
  if (process.env.CI) {
    test(TITLE, () => {
      throw new Error(why);
    });
    return;
  }
  process.stderr.write(`\nSKIPPED: ${TITLE}: ${why}\n\n`);
  describe.skip(TITLE, body);
}

describeWithLibrary(() => {
  beforeAll(() => {
    program = buildProgram();
  }, 60_000);
  afterAll(() => program.remove());

  afterEach(async () => {
    daemon?.signal("SIGKILL");
    await daemon?.ended;
    daemon = null;
    rmSync(root, { recursive: true, force: true });
  });

  async function makeWorld(rule: string): Promise<void> {
    root = mkdtempSync(join(tmpdir(), "cs-clock-"));
    vault = join(root, "vault");
    expect(await countersign(program, ["init", "--vault", vault], environment(root))).toMatchObject({
      exit: EXIT.done,
    });
    const run = `[${JSON.stringify(process.execPath)}, -e, "0"]`;
    const configuration = `actions:\n  note: { run: ${run} }\npolicy: ./policy.yaml\ngit: off\n`;
    writeFileSync(join(root, "countersign.yaml"), configuration, { mode: 0o600 });
    const rules = `rules:\n  - { id: notes, decision: require_approval, match: { kind: note }${rule} }\n`;
    writeFileSync(join(root, "policy.yaml"), rules);
  }

  const ahead = (offset: string) => writeFileSync(join(root, "offset"), `${offset}\n`);

  async function start(offset: string): Promise<void> {
    ahead(offset);
    const faked = {
      LD_PRELOAD: LIBRARY ?? "",
      FAKETIME_TIMESTAMP_FILE: join(root, "offset"),
      FAKETIME_NO_CACHE: "1",
      // Timers go by a clock that nobody sets, and files have the times that they have.
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    daemon = launch(program, vault, { ...environment(root), ...faked });
    expect(await daemon.ready, daemon.log()).toBe(true);
  }

  async function stop(): Promise<void> {
    daemon?.signal("SIGTERM");
    await daemon?.ended;
  }

  const say = (...words: string[]): Promise<Ran> =>
    countersign(program, [...words, "--vault", vault, "--json"], environment(root));

  async function request(...words: string[]): Promise<string> {
    const { out, err } = await say("request", "--kind", "note", "--requester", "bot", ...words);
    expect(err).toBe("");
    return (JSON.parse(out) as { id: string }).id;
  }

  const statusOf = async (id: string) => JSON.parse((await say("show", id)).out).status as string;
  const isDone = (id: string) => existsSync(join(vault, "Done", `${id}.md`));
  const noteOf = (id: string) => readFileSync(join(vault, "Done", `${id}.md`), "utf8");
  const dashboardSays = (text: string) =>
    until(`the dashboard says “${text}”`, daemon, () =>
      readFileSync(join(vault, "Dashboard.md"), "utf8").includes(text),
    );

  test("a request expires while the daemon is down, and one that was approved runs out of time", async () => {
    await makeWorld(", execute_by: 2h");
    await start("+0");
    const [asked, approved] = [await request("--expires", "1h"), await request("--param", "n=2")];
    await say("halt");
    await say("approve", approved);
    await stop();
    await start("+30m");
    expect([await statusOf(asked), await statusOf(approved)]).toEqual(["pending", "approved"]);
    await stop();
    await start("+3h");
    await until("both have expired", daemon, () => isDone(asked) && isDone(approved));
    expect(noteOf(asked)).toContain("there was no decision in time");
    expect(noteOf(approved)).toContain("it was approved, but its time to start ran out");
    expect((await say("approve", asked)).exit).toBe(EXIT.refused);
  });

  test("what is approved cools off over a restart, and starts when its time has come", async () => {
    await makeWorld(", cool_off: 1h");
    await start("+0");
    const [kept, undone] = [await request(), await request("--param", "n=2")];
    for (const id of [kept, undone]) expect((await say("approve", id)).exit).toBe(EXIT.done);
    await stop();
    await start("+55m");
    expect(await statusOf(kept)).toBe("approved");
    expect((await say("take-back", undone)).exit).toBe(EXIT.done);
    await stop();
    await start("+61m");
    await until("it was executed", daemon, () => isDone(kept));
    expect([await statusOf(kept), await statusOf(undone)]).toEqual(["executed", "pending"]);
  });

  test("a clock that is set freezes approvals and expiry until it is right, or accepted", async () => {
    await makeWorld("");
    await start("+0");
    const [first, second, third] = [
      await request("--expires", "1h"),
      await request("--param", "n=2", "--expires", "5h"),
      await request("--param", "n=3", "--expires", "1h"),
    ];
    ahead("+2h");
    await dashboardSays("clock is 2h ahead");
    expect(JSON.parse((await say("approve", second)).out)).toMatchObject({ error: { code: "clock_frozen" } });
    expect((await say("reject", third)).exit).toBe(EXIT.done);
    await stop();
    await start("+2h");
    expect((await say("approve", second)).exit).toBe(EXIT.refused);
    expect(await statusOf(first)).toBe("pending");
    ahead("+0");
    expect((await say("approve", first)).exit).toBe(EXIT.done);
    ahead("+2h");
    expect((await say("approve", second)).exit).toBe(EXIT.refused);
    expect((await say("clock", "accept")).exit).toBe(EXIT.done);
    expect((await say("approve", second)).exit).toBe(EXIT.done);
    await until("both were executed", daemon, () => isDone(first) && isDone(second));
  });
});

function findLibrary(): string | null {
  for (const folder of ["/usr/lib", "/usr/lib64"]) {
    for (const name of foldersIn(folder)) {
      const path = join(folder, name, "faketime/libfaketime.so.1");
      if (isFile(path)) return path;
    }
  }
  return null;
}

function foldersIn(folder: string): readonly string[] {
  try {
    return [".", ...readdirSync(folder)];
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
