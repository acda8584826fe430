import type { People } from "../src/core/people.ts";
import { loadPeople } from "../src/people/load.ts";

/** What a people.yaml of this text says there is. */
export function peopleFrom(text: string): People {
  const { people, findings } = loadPeople("people.yaml", text);
  if (people === null) throw new Error(JSON.stringify(findings));
  return people;
}
