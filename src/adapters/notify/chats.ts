import { type Message, plainText } from "../../document/message.ts";

/**
 * What chats are sent. Their markup comes only from here: all else is in places that have none, or escaped. The text is
 * harmless already; this is what each of them would still make of it.
 */

/** Slack's limits, in characters. */
const SLACK = { header: 150, section: 3_000, text: 3_000 } as const;

/** Block Kit for an incoming webhook. `plain_text` knows no markup, no mentions and, like this, no emoji. */
export function slackBody(message: Message): string {
  const plain = (text: string, limit: number) => ({
    type: "plain_text",
    text: cut(text, limit),
    emoji: false,
  });
  const { facts, lines, link, title } = message;
  const told = facts.map(({ label, text, block }) => `${label}: ${block ? `\n${text}` : text}`);
  const sections = [told.join("\n"), lines.join("\n")].filter((text) => text !== "");
  return JSON.stringify({
    // What notifications show; markup unless it is escaped.
    text: slackEscaped(cut(title, SLACK.text)),
    link_names: false,
    parse: "none",
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: "header", text: plain(title, SLACK.header) },
      ...sections.map((text) => ({ type: "section", text: plain(text, SLACK.section) })),
      { type: "section", text: { type: "mrkdwn", text: `<${link}|Open in Obsidian>`, verbatim: true } },
    ],
  });
}

function slackEscaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * An Adaptive Card, as the webhooks of Teams workflows take it. A `TextRun` knows no Markdown, other than a `TextBlock`;
 * mentions would need an `msteams.entities` list, which there is none of.
 */
export function teamsBody(message: Message): string {
  const runs = (texts: readonly { text: string; bold?: boolean }[]) => ({
    type: "RichTextBlock",
    inlines: texts.map(({ text, bold }) => ({ type: "TextRun", text, ...(bold && { weight: "Bolder" }) })),
  });
  const { title, facts, lines, link } = message;
  return JSON.stringify({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body: [
            runs([{ text: cut(title, 300), bold: true }]),
            ...facts.map(({ label, text }) =>
              runs([{ text: `${label}: `, bold: true }, { text: cut(text, 4_000) }]),
            ),
            ...lines.map((line) => runs([{ text: `• ${line}` }])),
            // Teams opens no links of other programs, so it is there to be copied.
            runs([{ text: link }]),
          ],
        },
      },
    ],
  });
}

/** Discord's limits, in characters. */
const DISCORD = { title: 256, description: 4_096 } as const;

/** An embed: mentions in embeds notify nobody, and `allowed_mentions` says so again. */
export function discordBody(message: Message): string {
  const { title, facts, lines, link } = message;
  const told = facts.map(({ label, text, block }) =>
    block
      ? `**${label}**\n${text.split("\n").map(discordEscaped).join("\n")}`
      : `**${label}** ${discordEscaped(text)}`,
  );
  const listed = lines.map((line) => `• ${discordEscaped(line)}`);
  const text = [...told, ...listed].join("\n");
  return JSON.stringify({
    username: "Countersign",
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: discordEscaped(cut(title, 120)).slice(0, DISCORD.title),
        // Discord opens no links of other programs, so it is there to be copied.
        description: `${escapedCut(text, DISCORD.description - link.length - 3)}\n\`${link}\``,
      },
    ],
  });
}

/** Every ASCII sign that could mean something; Discord shows it without the backslash. */
function discordEscaped(text: string): string {
  return text.replaceAll(/[\\`*_~|>#[\]()<:@&{}!+-]/g, "\\$&");
}

/** Not in the middle of an escape. */
function escapedCut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/\\$/, "")}…`;
}

/** ntfy's limit is 4,096 bytes; more becomes an attachment. */
const NTFY_BYTES = 3_500;

/** ntfy's JSON publishing: no header holds any text, and without `markdown` it is shown as it is. */
export function ntfyBody(message: Message, topic: string): string {
  let text = plainText({ ...message, link: "" }).replace(/\n*Open: $/, "");
  while (Buffer.byteLength(text) > NTFY_BYTES) text = cut(text, Math.floor([...text].length * 0.9));
  return JSON.stringify({
    topic,
    title: cut(message.title, 200),
    message: text === "" ? message.title : text,
    priority: message.urgent ? 4 : 3,
    click: message.link,
    // Servers from 2.16 on put a repeated message in the place of the first.
    sequence_id: message.id.slice(0, 64),
  });
}

/** By characters, not by halves of them. */
function cut(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}
