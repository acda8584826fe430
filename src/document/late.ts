import type { Request } from "../core/request.ts";
import { removeCallouts } from "./answer.ts";
import { readBody, sectionBelow } from "./body.ts";
import { HEADINGS } from "./labels.ts";
import { appended, openPatch } from "./patch.ts";
import { inline } from "./visible.ts";

/** A note that came back after its request was finished, or a copy of it, with a callout that says so. */
export function answerLate(text: string, request: Request, isCopy = false): string {
  const what = isCopy ? "This is a copy of a note whose" : "Too late: this";
  const says =
    `> [!info] ${what} request was already ${inline(request.status)}; nothing was done because of this ${isCopy ? "copy" : "note"}.\n` +
    `> The finished note is [[${request.submission.fields.id}]].`;
  const patch = openPatch(text);
  if (patch === null) return appended(text, says, "\n");
  patch.insertBeforeSections(says);
  return patch.text();
}

/** The finished note with a link to what was saved too late and is kept beside it: in its history, or at its end. */
export function linkLate(text: string, name: string): string {
  const lines = text.split("\n");
  const end = text.includes("\r\n") ? "\r" : "";
  const link = `${LATE_LINK}[[${name.replace(/\.md$/, "")}]]${end}`;
  const history = sectionBelow(readBody(text), HEADINGS.history);
  const last = history?.findLast((line) => line.text.trim() !== "");
  if (last === undefined) return `${text}${text.endsWith("\n") ? "" : `${end}\n`}${link}\n`;
  return [...lines.slice(0, last.index + 1), link, ...lines.slice(last.index + 1)].join("\n");
}

/** The finished note without those links: what finishing it once made of it. */
export function withoutLateLinks(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(LATE_LINK))
    .join("\n");
}

const LATE_LINK = "- kept beside this note: ";

/** A note that could not be read when its request was finished, and is kept beside the finished one. */
export function answerUnread(text: string, request: Request): string {
  const { fields } = request.submission;
  const says =
    `> [!info] This note could not be read when the request was finished (${inline(request.status)}), so it decided nothing.\n` +
    `> The finished note is [[${fields.id}]].`;
  return appended(removeCallouts(text), says, "\n");
}
