import { describe, expect, test } from "vitest";
import { discordBody, ntfyBody, slackBody, teamsBody } from "../../../src/adapters/notify/chats.ts";
import { type Message, severalOf } from "../../../src/document/message.ts";
import { HOSTILE, hostileMessage, itemOf, sampleMessage } from "./messages.ts";

/** Every text in a document, with where it stands. */
function texts(value: unknown, path = ""): { path: string; text: string }[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => texts(inner, `${path}/${key}`));
}

const LINK = /^obsidian:\/\/open\?vault=My%20Vault&file=20261121-091403-payment-7f3k9q$/;
const MANY: Message = severalOf(
  "1-9-x-ops",
  HOSTILE.map((_, at) => ({ item: itemOf({ seq: at }), request: null })),
  { created: HOSTILE.length },
  { vault: "My Vault", trusted: false, to: [] },
);
const CASES: [string, Message][] = [
  ["a sample", sampleMessage()],
  ["many in one", MANY],
  ...HOSTILE.map((text): [string, Message] => [text.slice(0, 60), hostileMessage(text)]),
];

describe("Slack gets", () => {
  test("a message of blocks", () => {
    const { blocks, text } = JSON.parse(slackBody(sampleMessage()));
    expect(text).toBe("Waits for your decision: Pay ACME GmbH 1,500.00 EUR");
    expect(blocks).toMatchObject([
      { type: "header", text: { type: "plain_text", emoji: false } },
      { type: "section", text: { type: "plain_text" } },
      { type: "section", text: { type: "mrkdwn", verbatim: true } },
    ]);
    const link = /^<(.*)\|Open in Obsidian>$/.exec(blocks[2].text.text)?.[1];
    expect(link).toMatch(LINK);
  });

  test.each(CASES)("nothing of an agent's that mentions or links: %j", (_, message) => {
    const body = JSON.parse(slackBody(message));
    expect(body).toMatchObject({ link_names: false, parse: "none" });
    expect(body.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    for (const { text } of body.blocks.slice(0, -1)) {
      expect(text.type).toBe("plain_text");
      expect(text.text).not.toMatch(/<[!@#a-z]/i);
      expect(text.text.length).toBeGreaterThan(0);
    }
    expect([...body.blocks[0].text.text].length).toBeLessThanOrEqual(150);
    for (const { text } of body.blocks) expect([...text.text].length).toBeLessThanOrEqual(3_000);
  });
});

describe("Teams gets", () => {
  test.each(CASES)("an Adaptive Card in which nothing is Markdown or a mention: %j", (_, message) => {
    const body = JSON.parse(teamsBody(message));
    const [{ contentType, content }] = body.attachments;
    expect(body.type).toBe("message");
    expect(contentType).toBe("application/vnd.microsoft.card.adaptive");
    expect(content).toMatchObject({ type: "AdaptiveCard", version: "1.4" });
    // A TextBlock, a FactSet or an action would read Markdown, or open links.
    for (const block of content.body) {
      expect(block.type).toBe("RichTextBlock");
      for (const run of block.inlines) expect(run.type).toBe("TextRun");
    }
    expect(texts(body).map(({ path }) => path)).not.toContainEqual(
      expect.stringMatching(/msteams|url|selectAction/),
    );
    expect(JSON.stringify(body)).not.toContain("<at>");
    expect(Buffer.byteLength(teamsBody(message))).toBeLessThan(28_000);
  });
});

describe("Discord gets", () => {
  test.each(CASES)("an embed that mentions nobody and has no markup of an agent's: %j", (_, message) => {
    const body = JSON.parse(discordBody(message));
    expect(body.allowed_mentions).toEqual({ parse: [] });
    expect(body.content).toBeUndefined();
    const [{ title, description, ...rest }] = body.embeds;
    expect(rest).toEqual({});
    expect(title.length).toBeLessThanOrEqual(256);
    expect(description.length).toBeLessThanOrEqual(4_096);
    const own = description
      .replaceAll(/\*\*(Next|If approved|Decide by|By|Reason|Requester|Action|Risk|Rule|Params)\*\*/g, "")
      .replace(/`obsidian:[^`]*`$/, "");
    // Whatever is left of signs that mean something is escaped.
    expect(own.replaceAll(/\\[!-/:-@[-`{-~]/g, "")).not.toMatch(/[`*_~|>#[\]<@]/);
    expect(title.replaceAll(/\\[!-/:-@[-`{-~]/g, "")).not.toMatch(/[`*_~|>#[\]<@]/);
  });
});

describe("ntfy gets", () => {
  test.each(CASES)("text in JSON, short enough to be no attachment: %j", (_, message) => {
    const body = JSON.parse(ntfyBody(message, "approvals"));
    expect(Object.keys(body).sort()).toEqual([
      "click",
      "message",
      "priority",
      "sequence_id",
      "title",
      "topic",
    ]);
    expect(body).toMatchObject({ topic: "approvals", sequence_id: message.id, click: message.link });
    expect(Buffer.byteLength(body.message)).toBeLessThan(4_096);
    expect(body.message).not.toBe("");
  });
});
