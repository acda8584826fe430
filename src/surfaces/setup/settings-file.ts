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
import { Fault } from "../../core/codes.ts";
import { isJsonObject } from "../../core/json.ts";
import { parseCommentedJson, sameWords } from "../../document/commented-json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import { type AgentSettings, isOurs } from "./agent-settings.ts";
import { NOTHING, settingsIn, withHooks, withoutHooks } from "./merging.ts";

/** Kept beside the file: what was there before we came. */
const BACKUP = ".before-countersign";

/** The text that we merge into; where the file is ours alone, it does not matter. Gives usage for what cannot be merged into. */
export function readSettings({ file, content }: AgentSettings, agent: AgentName): string {
  const text = typeof content !== "string" && existsSync(file) ? readFileSync(file, "utf8") : "";
  if (text.trim() === "") return NOTHING;
  const hint = "Without --write the hooks are printed, to be put in by hand.";
  const value = settingsIn(text, agent);
  if (value === null) {
    const why = `${file} is not JSON that ${agent} reads, or has a name twice, so nothing is merged into it.`;
    throw new Fault("usage", why, hint);
  }
  const { hooks = {} } = value;
  if (!isJsonObject(hooks) || !Object.values(hooks).every(Array.isArray)) {
    throw new Fault(
      "usage",
      `${file} has \`hooks\` that are not lists by event, so nothing is merged into it.`,
      hint,
    );
  }
  return text;
}

/** The file's text with our hooks. */
export function textWith(before: string | null, { content }: AgentSettings, agent: AgentName): string {
  return typeof content === "string" ? content : withHooks(before ?? NOTHING, agent, content);
}

/** Gives the backup's name where one was made: of what holds nothing of ours yet. */
export function writeInto(before: string, settings: AgentSettings, agent: AgentName): string | null {
  const { file, content } = settings;
  const target = targetOf(file);
  const old = existsSync(target) ? readFileSync(target, "utf8") : null;
  const backup = old === null || holdsOurs(old, agent) ? null : `${target}${BACKUP}`;
  if (old !== null && backup !== null) writeFileSync(backup, old, { mode: modeOf(target) });
  const was =
    backup === null && typeof content !== "string" ? beforeUs(target, before, content, agent) : null;
  replace(file, textWith(was?.text ?? before, settings, agent));
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
  const text = readFileSync(target, "utf8");
  if (typeof content === "string") {
    if (!holdsOurs(text, agent)) return false;
    putBack(target);
    return true;
  }
  const before = readSettings(settings, agent);
  const after = withoutHooks(before, agent);
  if (after === before) return false;
  if (beforeUs(target, before, content, agent) === null) replace(file, after);
  else putBack(target);
  return true;
}

/** What there was before we came; null where somebody has changed anything since. */
function beforeUs(
  target: string,
  now: string,
  content: Exclude<AgentSettings["content"], string>,
  agent: AgentName,
): { readonly text: string } | null {
  const kept = `${target}${BACKUP}`;
  const was = existsSync(kept) ? readFileSync(kept, "utf8") : "";
  const text = was.trim() === "" ? NOTHING : was;
  if (settingsIn(text, agent) === null) return null;
  const then = withoutHooks(withHooks(text, agent, content), agent);
  return sameWords(withoutHooks(now, agent), then) ? { text } : null;
}

function holdsOurs(text: string, agent: AgentName): boolean {
  return isOurs(parseCommentedJson(text) ?? text, agent);
}

/** Where there was nothing before us, nothing is left. */
function putBack(target: string): void {
  const kept = `${target}${BACKUP}`;
  if (existsSync(kept)) renameSync(kept, target);
  else rmSync(target);
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
