import type { Request } from "../../src/core/request.ts";
import { HEADINGS } from "../../src/document/labels.ts";
import { renderNote } from "../../src/document/note.ts";

/**
 * Whether an approval could stand in this text, judged with plain searches and without any of the readers that are
 * under test: one block of properties with the request's id and digest, an approving word or tick (or the folder that
 * it was dropped into), no contrary one in sight, and the action as it was rendered.
 */
export function couldApprove(text: string, request: Request, dropped: boolean): boolean {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const close = lines.findIndex((line, i) => i > 0 && /^---[ \t]*$/.test(line));
  if (!/^---[ \t]*$/.test(lines[0] ?? "") || close === -1) return false;
  const front = lines.slice(1, close);
  const { fields, digest } = request.submission;
  for (const [key, value] of [["digest", digest] as const, ["id", fields.id] as const]) {
    const has = front.filter((line) => new RegExp(`^["']?${key}["']?[ \\t]*:`).test(line));
    if (has.length !== 1 || !has[0]?.includes(value)) return false;
  }
  const next = lines.findIndex((line, i) => i > close && line.trimEnd() === HEADINGS.next);
  if (next === -1) return false;
  const area = lines.slice(close + 1, next);
  const says = (word: string) =>
    new RegExp(`^["']?(decision|status)["']?[ \\t]*:[ \\t]*["']?[ \\t]*${word}`, "i");
  const words = front.map((line, i) =>
    /:[ \t]*([>|][-+]?)?[ \t]*$/.test(line)
      ? `${line.replace(/[>|][-+]?[ \t]*$/, "")} ${front[i + 1]?.trim()}`
      : line,
  );
  if (words.some((line) => says("reject").test(line) || says("changes_requested").test(line))) return false;
  if (front.some((line) => /^([<>|=])\1{6}/.test(line))) return false;
  // Where nothing can hide a line, any mark in a box to reject is against it, and any odd one in a box to approve.
  const open = area.every(
    (line) => !/```|~~~|<!--|%%|^\s*>|^(\t| {4})/.test(line) || renderNote(request).includes(line),
  );
  if (open && area.some((line) => /\[[^\s\]]+\]\s*reject/i.test(line))) return false;
  if (open && area.some((line) => /\[[^\sxX\]]\] approve/i.test(line))) return false;
  const approves =
    dropped ||
    words.some((line) => says("approve").test(line)) ||
    area.some((line) => /\[[xX]\][ \t]+approve/i.test(line));
  return approves && actionShown(lines.slice(close + 1)) === actionShown(renderNote(request).split("\n"));
}

/** What stands under the two headings that tell what would be done; the JSON by its value. */
function actionShown(lines: readonly string[]): string {
  return [HEADINGS.next, HEADINGS.action].map((heading) => sectionShown(lines, heading)).join("\n");
}

function sectionShown(lines: readonly string[], heading: string): string {
  const shown: string[] = [];
  let fence = "";
  for (const line of lines
    .slice(lines.findIndex((one) => one.trimEnd() === heading))
    .map((one) => one.trimEnd())) {
    const mark = /^(`{3,})(\w*)$/.exec(line);
    if (fence === "" && shown.length > 0 && line.startsWith("## ")) break;
    if (fence === "" && mark !== null) fence = mark[1] ?? "";
    else if (line === fence) fence = "";
    if (line !== "") shown.push(line);
  }
  const start = shown.findIndex((line) => /^`{3,}json$/.test(line));
  const end = shown.findIndex((line, i) => i > start && /^`{3,}$/.test(line));
  if (heading !== HEADINGS.action) return shown.join("\n");
  try {
    const json = JSON.parse(shown.slice(start + 1, end).join("\n")) as Record<string, unknown>;
    const sorted = JSON.stringify(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
    return [...shown.slice(0, start), sorted, ...shown.slice(end)].join("\n");
  } catch {
    return `unreadable ${shown.join("\n")}`;
  }
}
