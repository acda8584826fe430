/** The note's own headings. Everything before the first of them is where a person decides. */
export const HEADINGS = {
  next: "## What happens if you approve",
  since: "## Since the last attempt",
  action: "## Action",
  original: "## Original note",
  why: "## Why this needs you",
  notes: "## Notes",
  result: "## Result",
  history: "## History",
} as const;

export const BOXES = {
  approve: "Approve",
  reject: "Reject",
  happened: "It happened",
  did_not: "It did not happen",
} as const;

/** What stands before an approver's name on the box that is theirs. */
export const NAMED_BOX = "Approve as ";

export const DOUBT_HEAD = "> [!danger] Did it happen?";
