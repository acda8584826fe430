import type { Client, McpSubscription } from "@modelcontextprotocol/client";

/** What one agent wants to be told of when it changes, in the words of each server's era. */
export interface Subscriptions {
  add(client: Client, uri: string): Promise<void>;
  drop(client: Client, uri: string): Promise<void>;
}

export function subscriptionsOf(): Subscriptions {
  const open = new Map<string, McpSubscription>();
  return {
    async add(client, uri) {
      if (client.getProtocolEra() !== "modern") {
        await client.subscribeResource({ uri });
        return;
      }
      if (!open.has(uri)) open.set(uri, await client.listen({ resourceSubscriptions: [uri] }));
    },
    async drop(client, uri) {
      if (client.getProtocolEra() !== "modern") {
        await client.unsubscribeResource({ uri });
        return;
      }
      await open.get(uri)?.close();
      open.delete(uri);
    },
  };
}
