import { title } from "./visible.ts";

/**
 * One visible line for other programs' eyes: mail, chats, phones, terminals. What any of them takes for a mention, a
 * link, an embedded picture or markup is broken up by a space, so that it stays readable and does nothing. What is left
 * to escape is each channel's own. The limit is of the words, not of the spaces between them.
 */
export function harmless(text: string, limit = 200): string {
  return (
    title(text, limit)
      .replaceAll("://", ": //")
      .replaceAll(/\b(www|mailto|javascript|data|tel|file)([.:])(?=\S)/gi, "$1$2 ")
      .replaceAll(/:(?=[a-z+_-][\w+-]*:)/gi, ": ")
      .replaceAll(/<(?=\S)/g, "< ")
      // Last, since what stands before it counts: an address such as ada@example.com mentions nobody.
      .replaceAll(/(?<![\p{L}\p{N}.+_-])[@\uff20\ufe6b](?=\S)/gu, "@ ")
  );
}
