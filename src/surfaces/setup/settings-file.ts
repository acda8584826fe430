import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import { type AgentSettings, isOurs, merged, without } from "./agent-settings.ts";

/** Kept beside the file: what was there before we came. */
const BACKUP = ".before-countersign";

/** What the file holds that we merge into; nothing, where it is ours alone. Gives usage for what cannot be merged into. */
export function readSettings({ file, content }: AgentSettings): JsonObject {
  const text = typeof content !== "string" && existsSync(file) ? readFileSync(file, "utf8") : "";
  if (text.trim() === "") return {};
  const hint = "Without --write the hooks are printed, to be put in by hand.";
  const value = mapIn(text);
  if (value === null) {
    throw new Fault("usage", `${file} is not plain JSON, so nothing is merged into it.`, hint);
  }
  const { hooks = {} } = value;
  if (!isMap(hooks) || !Object.values(hooks).every(Array.isArray)) {
    throw new Fault(
      "usage",
      `${file} has \`hooks\` that are not lists by event, so nothing is merged into it.`,
      hint,
    );
  }
  return value;
}

/** The file's text with our hooks. */
export function prettyWith(before: JsonObject, { content }: AgentSettings, agent: AgentName): string {
  return typeof content === "string" ? content : pretty(merged(before, agent, content));
}

/** Gives the backup's name where one was made: of what holds nothing of ours yet. */
export function writeInto(before: JsonObject, settings: AgentSettings, agent: AgentName): string | null {
  const { file } = settings;
  const target = targetOf(file);
  const old = existsSync(target) ? readFileSync(target, "utf8") : null;
  const backup = old === null || holdsOurs(old, agent) ? null : `${target}${BACKUP}`;
  if (old !== null && backup !== null) writeFileSync(backup, old, { mode: modeOf(target) });
  replace(file, prettyWith(before, settings, agent));
  return backup;
}

/**
 * True where something was taken out. What was there before we came is put back to the byte, where nobody has changed
 * anything since; and where no file was, none is left.
 */
export function removeFrom(settings: AgentSettings, agent: AgentName): boolean {
  const { file, content } = settings;
  if (!existsSync(file)) return false;
  const target = targetOf(file);
  const backup = `${target}${BACKUP}`;
  const was = existsSync(backup) ? readFileSync(backup, "utf8") : null;
  if (typeof content === "string") {
    if (!holdsOurs(readFileSync(target, "utf8"), agent)) return false;
    if (was === null) rmSync(file);
    else renameSync(backup, target);
    return true;
  }
  const before = readSettings(settings);
  const after = without(before, agent);
  if (isDeepStrictEqual(after, before)) return false;
  const isLike = (other: JsonObject) =>
    isDeepStrictEqual(without(merged(other, agent, content), agent), { ...content.beside, ...after });
  if (was !== null && isLike(mapIn(was) ?? {})) renameSync(backup, target);
  else if (was === null && isLike({})) rmSync(file);
  else replace(file, pretty(after));
  return true;
}

function holdsOurs(text: string, agent: AgentName): boolean {
  return isOurs(mapIn(text) ?? text, agent);
}

/** Writes beside and renames, through a link to what it points to. */
function replace(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const target = targetOf(file);
  const mode = existsSync(target) ? modeOf(target) : 0o600;
  const beside = `${target}.${process.pid}.tmp`;
  writeFileSync(beside, text, { mode });
  renameSync(beside, target);
}

function targetOf(file: string): string {
  return existsSync(file) ? realpathSync(file) : file;
}

function modeOf(file: string): number {
  return statSync(file).mode & 0o777;
}

function pretty(value: JsonObject): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function mapIn(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function isMap(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
