import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChannelSettings } from "../../../src/adapters/configuration/channels.ts";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";
import { Fault } from "../../../src/core/codes.ts";
import { OCCASIONS } from "../../../src/core/occasion.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-notify-"));
});
afterAll(() => rm(folder, { recursive: true }));

const HEAD = "actions:\n  note: { run: [node] }\nnotify:\n";

async function load(channels: string): Promise<readonly ChannelSettings[]> {
  const file = join(folder, "countersign.yaml");
  await writeFile(file, HEAD + channels, { mode: 0o600 });
  return (await loadConfiguration(file, { PATH: dirname(process.execPath) })).notify;
}

async function fault(channels: string): Promise<Fault> {
  const found = await load(channels).catch((error: unknown) => error);
  if (found instanceof Fault) return found;
  throw new Error("the configuration was accepted");
}

describe("a channel", () => {
  test("of each kind is read with its defaults", async () => {
    const channels = await load(`
  ops: { kind: slack, url: { env: SLACK_URL } }
  cards: { kind: teams, url: { file: ./teams-url }, events: [failed], trusted: true, burst: 3 }
  club: { kind: discord, url: { env: DISCORD_URL } }
  phone: { kind: ntfy, topic: { env: TOPIC }, token: { env: TOKEN } }
  hook: { kind: webhook, url: "https://example.com/in", secret: { env: SECRET } }
  mail: { kind: smtp, host: smtp.example.com, from: cs@example.com, to: [ada@example.com], digest: "8:30 Europe/Berlin" }
  screen: { kind: desktop }
  own: { kind: command, run: [node, ./tell.mjs], timeout: 5s }
`);
    const out = Object.fromEntries(channels.map((one) => [one.name, one.out]));
    expect(out).toMatchObject({
      ops: { kind: "slack", url: { env: "SLACK_URL" }, allow_private: false },
      cards: { kind: "teams", url: { file: join(folder, "teams-url") } },
      phone: {
        kind: "ntfy",
        url: { plain: "https://ntfy.sh" },
        topic: { env: "TOPIC" },
        token: { env: "TOKEN" },
      },
      hook: { url: { plain: "https://example.com/in" }, secret: { env: "SECRET" } },
      mail: { host: "smtp.example.com", port: 587, tls: "starttls", user: null, password: null, ca: null },
      screen: { kind: "desktop" },
      own: { timeout_ms: 5_000, run: { argv: [process.execPath, join(folder, "tell.mjs")], env: {} } },
    });
    const [ops, cards, , , hook, mail] = channels;
    expect(ops).toMatchObject({ trusted: false, burst: 10, digest: null });
    expect([...(ops?.events ?? [])]).toEqual(["created", "reminder", "escalated", "failed", "unknown"]);
    expect([...(hook?.events ?? [])]).toEqual([...OCCASIONS]);
    expect(cards).toMatchObject({ trusted: true, burst: 3, events: new Set(["failed"]) });
    expect(mail?.digest).toEqual({ hour: 8, minute: 30, zone: "Europe/Berlin" });
  });

  test.each([
    ["{ port: 465 }", { port: 465, tls: "implicit" }],
    ["{ tls: implicit }", { port: 465, tls: "implicit" }],
    ["{ tls: none }", { port: 25, tls: "none" }],
    ["{ port: 2525 }", { port: 2525, tls: "starttls" }],
  ])("of mail with %s", async (rest, wanted) => {
    const base = "kind: smtp, host: smtp.example.com, from: a@example.com, to: [b@example.com]";
    const [mail] = await load(`  mail: { ${base}, ${rest.slice(2, -2)} }\n`);
    expect(mail?.out).toMatchObject(wanted);
  });
});

describe("a wrong channel is answered with file, line and what was expected", () => {
  test.each([
    ["no kind", "  ops: { url: { env: U } }\n", 4, /kind is missing/],
    ["an unknown kind", "  ops:\n    kind: pager\n", 5, /expected one of smtp, slack/],
    ["a name with capitals", "  Ops: { kind: desktop }\n", 4, /the name notify\.Ops is not taken/],
    [
      "a key of another kind",
      "  ops:\n    kind: desktop\n    url: { env: U }\n",
      6,
      /nothing of a desktop channel/,
    ],
    ["what is needed left out", "  ops: { kind: slack }\n", 4, /notify\.ops\.url is missing/],
    [
      "an unknown event",
      "  ops:\n    kind: desktop\n    events: [creatd]\n",
      6,
      /creatd.*expected one of created/,
    ],
    [
      "a URL of a chat in the file",
      "  ops:\n    kind: slack\n    url: https://hooks.slack.com/T0/S3CRET\n",
      6,
      /stands in the file/,
    ],
    [
      "a secret in the file",
      "  ops:\n    kind: webhook\n    url: https://e.com\n    secret: S3CRET\n",
      7,
      /stands in the file/,
    ],
    ["a password in the file", "  ops:\n    kind: smtp\n    password: S3CRET\n", 6, /stands in the file/],
    [
      "a URL that is not encrypted",
      "  ops:\n    kind: webhook\n    secret: { env: S }\n    url: http://e.com/S3CRET\n",
      7,
      /is not encrypted/,
    ],
    [
      "a URL with a password",
      "  ops:\n    kind: webhook\n    secret: { env: S }\n    url: https://a:S3CRET@e.com\n",
      7,
      /has a name or password/,
    ],
    [
      "a URL that is none",
      "  ops:\n    kind: webhook\n    secret: { env: S }\n    url: S3CRET\n",
      7,
      /is not a URL/,
    ],
    ["two places for a secret", "  ops:\n    kind: slack\n    url: { env: U, file: ./u }\n", 6, /url/],
    [
      "a user without a password",
      "  ops: { kind: smtp, host: h, from: a@b.c, to: [d@e.f], user: u }\n",
      4,
      /password is missing/,
    ],
    [
      "an address that would be a header",
      '  ops:\n    kind: smtp\n    to: ["a@b.c\\r\\nBcc: d@e.f"]\n',
      6,
      /expected an e-mail address/,
    ],
    [
      "a time that is none",
      '  ops:\n    kind: desktop\n    digest: "25:00"\n',
      6,
      /expected a time of the day/,
    ],
    [
      "a zone that is none",
      '  ops:\n    kind: desktop\n    digest: "08:30 Mars/Olympus"\n',
      6,
      /is no time zone/,
    ],
    ["too many a minute", "  ops:\n    kind: desktop\n    burst: 1000\n", 6, /from 1 to 100/],
  ])("%s", async (_, channels, line, message) => {
    const found = await fault(channels);
    expect(found.code).toBe("config_invalid");
    expect(found.message).toMatch(message);
    expect(found.message).toContain(`countersign.yaml:${line}:`);
    expect(`${found.message} ${found.hint}`).not.toContain("S3CRET");
  });
});
