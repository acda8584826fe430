/** Letters of other scripts that look like the ones in our keys (Unicode TR39, the few that matter here). */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  а: "a",
  ɑ: "a",
  α: "a",
  с: "c",
  ϲ: "c",
  ԁ: "d",
  е: "e",
  ҽ: "e",
  ε: "e",
  ɡ: "g",
  һ: "h",
  і: "i",
  ı: "i",
  ι: "i",
  ӏ: "l",
  о: "o",
  ο: "o",
  օ: "o",
  р: "p",
  ρ: "p",
  ѕ: "s",
  т: "t",
  τ: "t",
  ս: "u",
  υ: "u",
  ѵ: "v",
  ν: "v",
  ԝ: "w",
  п: "n",
  ո: "n",
  г: "r",
};

/** What a text looks like: without spaces, invisible characters and marks, and look-alike letters as those they imitate. */
export function looksOf(text: string): string {
  // Nearly all texts: nothing in them can be taken for something else.
  if (/^[a-z0-9_.@+-]+$/.test(text)) return text;
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[\p{M}\p{Cf}\s]/gu, "")
    .replaceAll(/\p{Pd}/gu, "-");
  return [...plain].map((letter) => LOOK_ALIKES[letter] ?? letter).join("");
}

/** The same for a property's name, in which people also mix up `-` and `_`. */
export function skeleton(key: string): string {
  return looksOf(key).replaceAll("-", "_");
}
