import { type Finding, finding } from "../core/codes.ts";
import { NAME, UNNAMED } from "../core/people.ts";
import { visible } from "../document/visible.ts";

const LIMIT = 200;

/** Letters of other alphabets, and the Latin ones that they cannot be told from. */
const TWINS = "аеорсухѕіјԁһԛԝАВЕКМНОРСТУХЅІЈοναρυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧı";
const LATIN = "aeopcyxsijdhqwABEKMHOPCTYXSIJovapuikABEZHIKMNOPTYXi";

/** The form in which names are compared: composed letters, single spaces, and A to Z in lower case. */
export function fold(name: string): string {
  return name
    .normalize("NFC")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The same for all names that look the same, whatever letters they are made of. */
function looksOf(name: string): string {
  const latin = [...fold(name).normalize("NFKC")].map((letter) => {
    const at = TWINS.indexOf(letter);
    return at === -1 ? letter : LATIN.charAt(at);
  });
  return latin.join("").toLowerCase();
}

/** What a person or a group is called by elsewhere. */
export function isCanonical(name: string): boolean {
  return NAME.test(name) && fold(name) !== UNNAMED;
}

/** What people write: in any alphabet, but without what cannot be seen or is taken for another letter. */
export function isAlias(name: string): boolean {
  return isPlain(name) && /[\p{L}\p{N}]/u.test(name) && !/[<>]/.test(name) && fold(name) !== UNNAMED;
}

export function isEmail(text: string): boolean {
  return isPlain(text) && /^[^\s<>@,;:"()]+@[^\s<>@,;:"()]+$/.test(text);
}

/** The address of a git identity; null where it is none. */
export function addressOf(identity: string): string | null {
  const [, address = ""] = /^[^<>]+ <([^<>]+)>$/.exec(identity) ?? [];
  return isPlain(identity) && isEmail(address) ? address : null;
}

function isPlain(text: string): boolean {
  return text.length <= LIMIT && !/[\t\n]/.test(text) && text === text.trim() && visible(text) === text;
}

export interface Owner {
  readonly is: "person" | "group";
  /** The canonical name. */
  readonly name: string;
}

/** Who has which name, e-mail address or git identity. */
export interface Register {
  /** Takes a name for somebody; one that another has, or that looks like another's, is a finding. */
  claim(name: string, owner: Owner, place: { readonly file: string; readonly line: number }): void;
  ownerOf(name: string): Owner | null;
}

export function createRegister(findings: Finding[]): Register {
  const owners = new Map<string, Owner>();
  const looks = new Map<string, { readonly owner: Owner; readonly name: string }>();
  const isSame = (a: Owner, b: Owner) => a.name === b.name && a.is === b.is;
  return {
    claim(name, owner, place) {
      const other = owners.get(fold(name));
      const alike = looks.get(looksOf(name));
      if (other !== undefined && !isSame(other, owner)) {
        const what = other.is === "person" ? `belongs to ${other.name}` : "is a group";
        findings.push(finding("name_taken", place, `${name} ${what} already`));
      } else if (alike !== undefined && !isSame(alike.owner, owner)) {
        const message = `${name} looks like ${alike.name}, which is another name`;
        findings.push(finding("names_alike", place, message));
      } else {
        owners.set(fold(name), owner);
        looks.set(looksOf(name), { owner, name });
      }
    },
    ownerOf: (name) => owners.get(fold(name)) ?? null,
  };
}
