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

/** The same in every vault: a note must not change with what the configuration calls the folders. */
export const DECIDE = `> [!question] Your decision
> Write \`approved\`, \`rejected\` or \`changes_requested\` into **decision** above (or change **status**), or tick a box, or drag
> this note to the folder of approved or of rejected ones. Your name goes into **reviewer**; a **reason** helps the agent.`;

/** The same where the boxes have names on them. */
export const DECIDE_BY_NAME = `> [!question] Your decision
> Tick the box with your name, or **Reject**: one no is enough. Or write \`approved\`, \`rejected\` or \`changes_requested\` into
> **decision** above and your name into **reviewer**; who comes next writes over both, and what you said still counts.
> To pass it on, write your name into **reviewer** and the other one's into **delegate_to**. A **reason** helps the agent.`;

/** What earlier versions wrote in its place, and what may still stand in a note. */
export const EARLIER_DECIDE = `> [!question] Your decision
> Write \`approved\`, \`rejected\` or \`changes_requested\` into **decision** above (or change **status**), or tick a box.
> Your name goes into **reviewer**; a **reason** helps the agent.`;

export const QUESTIONS = [DECIDE, DECIDE_BY_NAME, EARLIER_DECIDE] as const;
