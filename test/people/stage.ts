import type { Hours, People } from "../../src/core/people.ts";
import { loadPeople } from "../../src/people/load.ts";

/** People from their file's text, which must be right. */
export function peopleOf(text: string): People {
  const { people, findings } = loadPeople("people.yaml", text);
  if (people === null) throw new Error(JSON.stringify(findings, null, 2));
  return people;
}

/** Hours from the lines below their name. */
export function hoursOf(...lines: string[]): Hours {
  const text = ["hours:", "  these:", ...lines.map((line) => `    ${line}`)].join("\n");
  const hours = peopleOf(text).hours("these");
  if (hours === null) throw new Error("unreachable: loaded hours are there");
  return hours;
}

export const at = (time: string): number => Date.parse(time);
