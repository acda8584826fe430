import { stringify } from "yaml";

/** The folders' names that the table speaks of. */
interface Names {
  readonly pending: string;
  readonly done: string;
}

/** What the folders are called where the configuration does not say. */
export const FOLDERS = {
  pending: "Pending_Approval",
  done: "Done",
  approved: "Approved",
  rejected: "Rejected",
} as const;

/**
 * `Approvals.base`: tables over the notes for Obsidian's own Bases plug-in, in which a person can decide. A column shows
 * a property as it is: no formula turns an agent's text into HTML or an image.
 */
export function renderApprovalsBase({ pending, done }: Names): string {
  const base = {
    filters: { and: [{ or: [inFolder(pending), inFolder(done)] }, 'file.hasProperty("digest")'] },
    formulas: { waiting: "file.ctime.relative()", finished: "file.mtime.relative()" },
    properties: {
      "file.name": { displayName: "Note" },
      "note.title": { displayName: "Title" },
      "note.action": { displayName: "Action" },
      "note.requester": { displayName: "Requester" },
      "note.expires": { displayName: "Expires" },
      "note.decision": { displayName: "Decision" },
      "note.reviewer": { displayName: "Reviewer" },
      "note.reason": { displayName: "Reason" },
      "note.outcome": { displayName: "Outcome" },
      "formula.waiting": { displayName: "Asked" },
      "formula.finished": { displayName: "Finished" },
    },
    views: [
      {
        type: "table",
        name: "Waiting",
        filters: { and: [inFolder(pending), 'status != "outcome_unknown"'] },
        groupBy: { property: "note.action", direction: "ASC" },
        order: [
          "file.name",
          "note.title",
          "note.requester",
          "formula.waiting",
          "note.expires",
          "note.decision",
          "note.reviewer",
          "note.reason",
        ],
        sort: [
          { property: "note.expires", direction: "ASC" },
          { property: "file.name", direction: "ASC" },
        ],
      },
      {
        type: "table",
        name: "Did it happen?",
        filters: { and: [inFolder(pending), 'status == "outcome_unknown"'] },
        order: ["file.name", "note.title", "note.requester", "formula.waiting"],
        sort: [{ property: "file.name", direction: "ASC" }],
      },
      {
        type: "table",
        name: "Done this month",
        filters: { and: [inFolder(done), 'file.mtime.format("YYYY-MM") == now().format("YYYY-MM")'] },
        groupBy: { property: "note.outcome", direction: "ASC" },
        order: [
          "file.name",
          "note.title",
          "note.requester",
          "note.decision",
          "note.reviewer",
          "note.reason",
          "formula.finished",
        ],
        sort: [{ property: "file.mtime", direction: "DESC" }],
      },
    ],
  };
  return stringify(base, { lineWidth: 0 });
}

/** Whether a person has changed nothing in it: then it may follow the configuration, or a newer version of ours. */
export function isUnchangedBase(text: string): boolean {
  return [renderApprovalsBase(FOLDERS)].includes(text);
}

function inFolder(name: string): string {
  return `file.inFolder(${JSON.stringify(name)})`;
}
