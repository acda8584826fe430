import type { Hours } from "../../src/core/people.ts";
import { peopleFrom } from "../people.ts";

/** Hours from the lines below their name. */
export function hoursOf(...lines: string[]): Hours {
  const text = ["hours:", "  these:", ...lines.map((line) => `    ${line}`)].join("\n");
  const hours = peopleFrom(text).hours("these");
  if (hours === null) throw new Error("unreachable: loaded hours are there");
  return hours;
}

export const at = (time: string): number => Date.parse(time);
