import { resolve } from "node:path";
import { OCCASIONS, type Occasion } from "../../core/occasion.ts";
import type { Path } from "../../document/plain-yaml.ts";
import type { Environment } from "../environment.ts";
import type { ChannelSettings, DailyTime, Out } from "./channels.ts";
import { settleProgram } from "./program.ts";
import { type RawValue, settledUrl, settledValue, type Value } from "./reference.ts";
import type { CHANNEL_KINDS } from "./schema-notify.ts";
import { duration } from "./shape.ts";
import { invalid, type Source } from "./source.ts";

/** `notify:` once the schema has passed. */
export type RawNotify = Readonly<Record<string, RawChannel>>;

interface RawChannel {
  readonly kind: (typeof CHANNEL_KINDS)[number];
  readonly events?: readonly Occasion[];
  readonly trusted?: boolean;
  readonly burst?: number;
  readonly digest?: string;
  readonly url?: RawValue;
  readonly allow_private?: boolean;
  readonly secret?: RawValue;
  readonly topic?: RawValue;
  readonly token?: RawValue;
  readonly host?: string;
  readonly port?: number;
  readonly tls?: "starttls" | "implicit" | "none";
  readonly ca?: string;
  readonly user?: string;
  readonly password?: RawValue;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly run?: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string | null>>;
  readonly timeout?: string;
}

type Key = keyof RawChannel;

/** What every kind takes, and what each needs and takes besides. */
const COMMON: readonly Key[] = ["kind", "events", "trusted", "burst", "digest"];
const KEYS: Record<RawChannel["kind"], { readonly needs: readonly Key[]; readonly takes: readonly Key[] }> = {
  smtp: { needs: ["host", "from"], takes: ["to", "port", "tls", "ca", "user", "password"] },
  slack: { needs: ["url"], takes: ["allow_private"] },
  teams: { needs: ["url"], takes: ["allow_private"] },
  discord: { needs: ["url"], takes: ["allow_private"] },
  ntfy: { needs: ["topic"], takes: ["url", "token", "allow_private"] },
  webhook: { needs: ["url", "secret"], takes: ["allow_private"] },
  desktop: { needs: [], takes: [] },
  command: { needs: ["run"], takes: ["env", "timeout"] },
};

const EXAMPLES: Partial<Record<Key, string>> = {
  url: "url: { env: HOOK_URL }",
  secret: "secret: { env: HOOK_SECRET }",
  topic: "topic: { env: NTFY_TOPIC }",
  host: "host: smtp.example.com",
  from: "from: countersign@example.com",
  run: "run: [./tell.sh]",
};

/** Whoever has these URLs can write into the chat: they are secrets themselves. */
const SECRET_URLS: ReadonlySet<RawChannel["kind"]> = new Set(["slack", "teams", "discord"]);

/** What asks for a person is for persons; programs are told all. */
const FOR_PERSONS: readonly Occasion[] = ["created", "reminder", "escalated", "failed", "unknown"];
const FOR_PROGRAMS: ReadonlySet<RawChannel["kind"]> = new Set(["webhook", "command"]);

const BURST = 10;

/** The channels of `notify:`, and what is probably not meant. Throws `config_invalid`. */
export function channelsOf(
  source: Source,
  raw: RawNotify | undefined,
  directory: string,
  env: Environment,
): { channels: readonly ChannelSettings[]; warnings: readonly string[] } {
  const warnings: string[] = [];
  const channels = Object.entries(raw ?? {}).map(([name, channel]) => {
    const path = ["notify", name];
    checkKeys(source, path, channel);
    const { kind, events, trusted = false, burst = BURST, digest } = channel;
    return {
      name,
      events: new Set(events ?? (FOR_PROGRAMS.has(kind) ? OCCASIONS : FOR_PERSONS)),
      trusted,
      burst,
      digest: digest === undefined ? null : dailyTime(source, [...path, "digest"], digest),
      out: outOf(source, path, name, channel, directory, env, warnings),
    };
  });
  return { channels, warnings };
}

function checkKeys(source: Source, path: Path, channel: RawChannel): void {
  const { needs, takes } = KEYS[channel.kind];
  const at = path.join(".");
  const known = [...COMMON, ...needs, ...takes];
  const stranger = (Object.keys(channel) as Key[]).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    const line = source.lineOf([...path, stranger]);
    const expected = `one of ${known.join(", ")}`;
    throw invalid(source.file, line, `${at}.${stranger} is nothing of a ${channel.kind} channel`, expected);
  }
  const missing = needs.find((key) => channel[key] === undefined);
  if (missing !== undefined) {
    const expected = `\`${missing}:\` with every ${channel.kind} channel`;
    throw invalid(
      source.file,
      source.lineOf(path),
      `${at}.${missing} is missing`,
      expected,
      EXAMPLES[missing],
    );
  }
}

function outOf(
  source: Source,
  path: Path,
  name: string,
  channel: RawChannel,
  directory: string,
  env: Environment,
  warnings: string[],
): Out {
  const { kind, allow_private = false } = channel;
  const value = (key: Key) => givenValue(channel[key] as RawValue | undefined, directory);
  switch (kind) {
    case "slack":
    case "teams":
    case "discord":
      return { kind, allow_private, url: urlOf(source, path, channel, directory) };
    case "ntfy": {
      const url = channel.url === undefined ? NTFY : urlOf(source, path, channel, directory);
      return { kind, allow_private, url, topic: value("topic") ?? unreachable(), token: value("token") };
    }
    case "webhook": {
      const url = urlOf(source, path, channel, directory);
      return { kind, allow_private, url, secret: value("secret") ?? unreachable() };
    }
    case "smtp":
      return mailOf(source, path, channel, directory);
    case "desktop":
      return { kind };
    case "command": {
      const program = settleProgram(
        { kind: `notify.${name}`, argv: channel.run ?? unreachable(), env: channel.env ?? {} },
        directory,
        env,
      );
      warnings.push(...program.warnings);
      const timeout_ms = duration(source, [...path, "timeout"], "30s", "positive");
      return { kind, run: program.settings, timeout_ms };
    }
  }
}

const NTFY: Value = { plain: "https://ntfy.sh" };

function mailOf(source: Source, path: Path, channel: RawChannel, directory: string): Out {
  const { host = "", port, user = null, from = "", to = [], ca } = channel;
  const tls = channel.tls ?? (port === 465 ? "implicit" : "starttls");
  const password = givenValue(channel.password, directory);
  if ((user === null) !== (password === null)) {
    const lacking = user === null ? "user" : "password";
    const line = source.lineOf(path);
    const expected = "both of `user:` and `password:`, or neither";
    throw invalid(source.file, line, `${path.join(".")}.${lacking} is missing`, expected);
  }
  return {
    kind: "smtp",
    host,
    port: port ?? (tls === "implicit" ? 465 : tls === "starttls" ? 587 : 25),
    tls,
    ca: ca === undefined ? null : resolve(directory, ca),
    user,
    password,
    from,
    to,
  };
}

function urlOf(source: Source, path: Path, channel: RawChannel, directory: string): Value {
  const { kind, url, allow_private = false } = channel;
  if (url === undefined) return unreachable();
  if (typeof url === "string" && SECRET_URLS.has(kind)) {
    const found = `${path.join(".")}.url stands in the file, and whoever has it can write there`;
    const expected = "{ env: NAME } or { file: PATH }";
    throw invalid(source.file, source.lineOf([...path, "url"]), found, expected, "url: { env: HOOK_URL }");
  }
  return settledUrl(source, [...path, "url"], url, { allow_private, directory });
}

function givenValue(raw: RawValue | undefined, directory: string): Value | null {
  return raw === undefined ? null : settledValue(raw, directory);
}

function dailyTime(source: Source, path: Path, text: string): DailyTime {
  const found = /^([01]?\d|2[0-3]):([0-5]\d)(?:\s+(\S+))?$/.exec(text.trim());
  const zone = found?.[3] ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (found !== null && isZone(zone)) return { hour: Number(found[1]), minute: Number(found[2]), zone };
  const what = found === null ? text : `${zone}, which is no time zone`;
  throw invalid(
    source.file,
    source.lineOf(path),
    `${path.join(".")} is ${what}`,
    "a time of the day, and a time zone",
    'digest: "08:30 Europe/Berlin"',
  );
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function unreachable(): never {
  throw new Error("unreachable: the keys were checked");
}
