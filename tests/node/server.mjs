// A real Watchkeep process for the tests of this folder.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY = process.env.WATCHKEEP_BINARY ?? fileURLToPath(new URL("../../target/debug/watchkeep", import.meta.url));

/** Starts a server; its endpoint, and a function that stops it. */
export async function startServer(...flags) {
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--ephemeral", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const found = line.match(/listening on (http:\/\/\S+)/);
    if (found) {
      return {
        endpoint: found[1],
        stop: async () => {
          child.kill("SIGTERM");
          const [status] = await once(child, "exit");
          if (status !== 0) throw new Error(`the server ended with ${status}`);
        },
      };
    }
  }
  throw new Error("the server ended before it listened");
}
