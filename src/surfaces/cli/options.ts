import { userInfo } from "node:os";
import { InvalidArgumentError, Option } from "commander";
import { DURATION_EXPECTED, parseDuration } from "../../core/duration.ts";
import type { Environment } from "./context.ts";

/** An option's duration in ms. */
function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError(`Expected ${DURATION_EXPECTED}.`);
}

/** An option that must be longer than nothing. */
export function positiveDurationOption(text: string): number {
  const ms = durationOption(text);
  if (ms > 0) return ms;
  throw new InvalidArgumentError(`Expected ${DURATION_EXPECTED}, longer than 0s.`);
}

/** For commands that hold agents' calls over MCP. */
export function waitOption(): Option {
  const says =
    "how long one call waits before it answers pending (default: what the client is known to allow)";
  return new Option("--wait <duration>", says).argParser(positiveDurationOption);
}

export function graceOption(): Option {
  const says = "how long the same call may come again before the request of a client that left is withdrawn";
  return new Option("--grace <duration>", says).argParser(positiveDurationOption).default(60_000, "60s");
}

/** A time with its zone, in ms since 1970. */
export function instantOption(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError("Expected a time with its zone, such as 2026-11-21T09:14:03Z.");
}

/** The name of whoever runs the command, by the operating system. */
export function osUser(env: Environment): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run a user id that has no name.
    return env.USER ?? "unnamed";
  }
}

/** A date, a time with its zone, or a duration ago, in ms since 1970. */
export function pointInTime(text: string): number {
  const ago = parseDuration(text);
  if (ago !== null) return Date.now() - ago;
  // Without a zone a time would mean something else on every machine; a date alone is UTC.
  const clear = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = clear ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError("Expected 2026-11-21, 2026-11-21T09:14:03Z, or a duration ago such as 24h.");
}
