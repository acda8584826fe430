import { type Client, type McpSubscription, ProtocolError } from "@modelcontextprotocol/client";

/** Which resources of one server are to be told of when they change, over every connection to it. */
export interface Subscriptions {
  /** `lasting`: whether whoever asks is there to be told later on, also over another connection than this one. */
  add(uri: string, lasting: boolean): Promise<void>;
  drop(uri: string): Promise<void>;
  /** Subscribes to what is wanted over a new connection, and tells of each once: what changed meanwhile nobody has told. */
  renew(client: Client): Promise<void>;
  /** The connection, or the stream of a subscription, has ended: who only listens makes no new one by asking. */
  cut(): void;
  close(): void;
}

interface SubscriptionPorts {
  readonly use: <T>(work: (client: Client) => Promise<T>) => Promise<T>;
  readonly tell: (uri: string) => void;
}

/** How long after the end of a connection a new one is made; longer each time, so that a server that dies at once rests. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 60_000;

export function createSubscriptions({ use, tell }: SubscriptionPorts): Subscriptions {
  const wanted = new Set<string>();
  /** Over which connection each is subscribed to; in the later era also its stream. */
  const over = new Map<string, Client>();
  const streams = new Map<string, McpSubscription>();
  let pause = FIRST_PAUSE_MS;
  let due: NodeJS.Timeout | null = null;
  let closed = false;

  /** False where it is subscribed to already. */
  async function subscribe(client: Client, uri: string): Promise<boolean> {
    if (over.get(uri) === client) return false;
    over.set(uri, client);
    try {
      if (client.getProtocolEra() !== "modern") await client.subscribeResource({ uri });
      else follow(uri, client, await client.listen({ resourceSubscriptions: [uri] }));
      return true;
    } catch (error) {
      if (over.get(uri) === client) over.delete(uri);
      throw error;
    }
  }

  function follow(uri: string, client: Client, stream: McpSubscription): void {
    streams.set(uri, stream);
    stream.closed.then((by) => {
      if (by === "local" || over.get(uri) !== client) return;
      over.delete(uri);
      self.cut();
    });
  }

  const self: Subscriptions = {
    async add(uri, lasting) {
      pause = FIRST_PAUSE_MS;
      const isNew = lasting && !wanted.has(uri);
      // From before it is asked for: the connection may be a new one by the time of the answer.
      if (isNew) wanted.add(uri);
      try {
        await use((client) => subscribe(client, uri));
      } catch (error) {
        if (isNew) wanted.delete(uri);
        throw error;
      }
    },

    async drop(uri) {
      wanted.delete(uri);
      await use(async (client) => {
        over.delete(uri);
        const stream = streams.get(uri);
        streams.delete(uri);
        if (client.getProtocolEra() === "modern") await stream?.close();
        else await client.unsubscribeResource({ uri });
      });
    },

    async renew(client) {
      await Promise.all(
        [...wanted].map(async (uri) => {
          try {
            if (await subscribe(client, uri)) tell(uri);
          } catch (error) {
            // Anything else comes from a connection that has ended again, or from a server that does not answer.
            if (!(error instanceof ProtocolError)) return self.cut();
            // The server has it no more, and that is a change as well.
            wanted.delete(uri);
            tell(uri);
          }
        }),
      );
    },

    cut() {
      if (wanted.size === 0 || due !== null || closed) return;
      const again = () => {
        due = null;
        // Who asks next is told why.
        use(self.renew).catch(self.cut);
      };
      due = setTimeout(again, pause).unref();
      pause = Math.min(pause * 2, LAST_PAUSE_MS);
    },

    close() {
      closed = true;
      if (due !== null) clearTimeout(due);
    },
  };
  return self;
}
