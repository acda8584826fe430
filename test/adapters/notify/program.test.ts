import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { commandChannel, desktopChannel, desktopCommand } from "../../../src/adapters/notify/program.ts";
import { type CommandLink, openCommandLink } from "../../../src/handlers/command-link.ts";
import { HOSTILE, hostileMessage, sampleMessage } from "./messages.ts";

const never = new AbortController().signal;

let link: CommandLink;
let folder = "";
beforeAll(() => {
  link = openCommandLink();
});
afterAll(() => link.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cs-program-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program of a test's: a script of Node.js. */
function script(text: string): readonly [string, ...string[]] {
  const file = join(folder, "tell.cjs");
  writeFileSync(file, text);
  return [process.execPath, file];
}

function command(text: string, env: Record<string, string> = {}, timeout_ms = 20_000) {
  return commandChannel({ by: "daemon", argv: script(text), env }, folder, timeout_ms, link.start);
}

const KEEP = `require("fs").writeFileSync("told.json", require("fs").readFileSync(0)); require("fs").writeFileSync("env.json", JSON.stringify(process.env))`;

describe("a command", () => {
  test("reads the message as one JSON document, in an environment of its own", async () => {
    const message = sampleMessage();
    expect(await command(KEEP, { ROOM: "ops" })(message, never)).toEqual({ ok: true, what: "exit 0" });
    expect(JSON.parse(readFileSync(join(folder, "told.json"), "utf8"))).toMatchObject({
      id: message.id,
      type: "countersign.created",
      data: { title: message.title, link: message.link, request: { kind: "payment" } },
    });
    expect(JSON.parse(readFileSync(join(folder, "env.json"), "utf8"))).toEqual({ ROOM: "ops" });
  });

  test.each(HOSTILE.map((text) => [text.slice(0, 60), text]))("is given any words: %j", async (_, text) => {
    expect(await command(KEEP)(hostileMessage(text), never)).toMatchObject({ ok: true });
    const told = readFileSync(join(folder, "told.json"), "utf8");
    // One line, without anything that a terminal would obey.
    expect(told).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u);
    expect(existsSync(join(folder, "x"))).toBe(false);
  });

  test("that fails is tried again, and its last words are told", async () => {
    const delivery = await command(`console.error("first"); console.error("no room"); process.exit(3)`)(
      sampleMessage(),
      never,
    );
    expect(delivery).toMatchObject({ ok: false, fault: "passing", why: "exit 3: no room" });
  });

  test("that hangs is ended", async () => {
    const delivery = await command("setInterval(() => {}, 1000)", {}, 300)(sampleMessage(), never);
    expect(delivery).toMatchObject({ ok: false, fault: "passing", why: expect.stringContaining("0.3 s") });
  });

  test("is ended when it is called off", async () => {
    const off = new AbortController();
    const delivery = command("setInterval(() => {}, 1000)")(sampleMessage(), off.signal);
    off.abort();
    expect(await delivery).toMatchObject({ ok: false, fault: "passing" });
  });

  test("that is not there is a wrong channel", async () => {
    const deliver = commandChannel(
      { by: "daemon", argv: ["/nowhere/tell"], env: {} },
      folder,
      1_000,
      link.start,
    );
    expect(await deliver(sampleMessage(), never)).toMatchObject({ ok: false, fault: "channel" });
  });
});

describe("the desktop", () => {
  test("is told by notify-send, with words that are only words", async () => {
    const program = join(folder, "notify-send");
    writeFileSync(
      program,
      `#!${process.execPath}\nrequire("fs").writeFileSync(${JSON.stringify(join(folder, "argv"))}, JSON.stringify(process.argv.slice(2)))\n`,
    );
    chmodSync(program, 0o755);
    const env = { PATH: folder, DISPLAY: ":0", SECRET: "s3cret" };
    const deliver = desktopChannel(link.start, env, "linux");
    const hostile = hostileMessage("--icon=/etc/passwd <b>bold</b> & more");
    expect(await deliver(hostile, never)).toEqual({ ok: true, what: "exit 0" });
    const [app, urgency, end, title, text] = JSON.parse(readFileSync(join(folder, "argv"), "utf8"));
    expect([app, urgency, end]).toEqual(["--app-name=Countersign", "--urgency=critical", "--"]);
    expect(title).toBe(hostile.title);
    expect(text).not.toMatch(/<|>|&(?!amp;|lt;|gt;)/);
  });

  test.each(HOSTILE.map((text) => [text.slice(0, 60), text]))("is never told by a script: %j", (_, text) => {
    const message = hostileMessage(text);
    const scripts = ["darwin", "win32"].map((platform) => {
      const { run } = desktopCommand(message, platform);
      return run.slice(0, platform === "darwin" ? 7 : run.length);
    });
    const plain = ["darwin", "win32"].map((platform) => {
      const { run } = desktopCommand(sampleMessage(), platform);
      return run.slice(0, platform === "darwin" ? 7 : run.length);
    });
    expect(scripts).toEqual(plain);
    // The title begins with our own words, so it cannot be an option.
    expect(message.title).toMatch(/^Waits/);
    expect(JSON.parse(desktopCommand(message, "win32").input).title).toBe(message.title);
  });
});
