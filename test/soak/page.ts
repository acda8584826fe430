/**
 * What a person does to a note's text. Plain replacements, so that each is the same on a note that the daemon has
 * written into meanwhile; a place that is not there any more is left alone.
 */
export type Edit = (text: string) => string;

const line = (key: string) => new RegExp(`^${key}:.*$`, "m");

/** Whatever line ends a note has, it is edited with LF and gets its own back. */
const keepingEnds =
  (edit: Edit): Edit =>
  (text) => {
    const isCrlf = text.includes("\r\n");
    const edited = edit(text.replaceAll("\r\n", "\n"));
    return isCrlf ? edited.replaceAll("\n", "\r\n") : edited;
  };

export const setProperty = (key: "decision" | "status" | "reason" | "reviewer", value: string): Edit =>
  keepingEnds((text) => text.replace(line(key), () => (value === "" ? `${key}:` : `${key}: ${value}`)));

export const setBox = (label: "Approve" | "Reject", mark: string, trailer = ""): Edit =>
  keepingEnds((text) =>
    text.replace(new RegExp(`^- \\[.\\] ${label}( ✅.*)?$`, "m"), `- [${mark}] ${label}${trailer}`),
  );

/** A line of the person's own: under the notes, above the boxes, or between two sections. */
export const addLine = (own: string, where: "end" | "top" | "middle"): Edit =>
  keepingEnds((text) => {
    if (where === "top") return text.replace("- [ ] Approve", () => `${own}\n\n- [ ] Approve`);
    if (where === "middle") return text.replace("## Notes", () => `${own}\n\n## Notes`);
    return `${text.trimEnd()}\n\n${own}\n`;
  });

const BREAKS = ["broken: [unclosed", "broken: 'unclosed", "broken:\n\t- tab"];

/** Makes the properties unreadable. */
export const breakProperties = (which: number): Edit =>
  keepingEnds((text) => text.replace(/^requester:/m, () => `${BREAKS[which % BREAKS.length]}\nrequester:`));

export const mendProperties: Edit = keepingEnds((text) =>
  BREAKS.reduce((left, broken) => left.replace(`${broken}\n`, ""), text),
);

/** Makes another action of the one that is shown. */
export const editAction: Edit = keepingEnds((text) => text.replace(/^ {2}"bill": (\d+)/m, '  "bill": 9$1'));
export const undoAction = (bill: number): Edit =>
  keepingEnds((text) => text.replace(/^ {2}"bill": \d+/m, `  "bill": ${bill}`));

/** As Obsidian's property editor writes them: other quotes, other empty values, a property of a plug-in. */
export const rewriteProperties: Edit = keepingEnds((text) =>
  text
    .replace(/^title: "([\w ]+)"$/m, "title: $1")
    .replace(/^reviewer:$/m, 'reviewer: ""')
    .replace(/^(id: .*)\n(digest: .*)$/m, "$2\n$1\ntags:\n  - money"),
);

export const toCrlf: Edit = (text) => text.replaceAll(/\r?\n/g, "\r\n");

/** The note says nothing any more, and all of it is in order. */
export const silence = (bill: number): Edit => {
  const edits = [
    setProperty("decision", ""),
    setProperty("status", "pending"),
    setBox("Approve", " "),
    setBox("Reject", " "),
    mendProperties,
    undoAction(bill),
  ];
  return (text) => edits.reduce((left, edit) => edit(left), text);
};
