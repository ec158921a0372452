/** Serve the page and the labels until the container stops. */
import { application } from "./app.js";
import { SettingError, settings } from "./settings.js";
import { connect, database } from "./store.js";

try {
  const client = await connect();
  const app = application(settings(), database(client));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      await app.close();
      await client.close();
    });
  }
  await app.listen({ host: "0.0.0.0", port: 8080 });
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  console.error(`error: ${error.message}`);
  process.exit(1);
}
