/** Write all images, labels and uploads, but for those of the trial, to standard output, as zipped lines of JSON. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { BSON } from "mongodb";
import { connect, database } from "./store.js";

const client = await connect();

async function* lines() {
  yield '{"backup":"labeling"}\n';
  let count = 0;
  // In this order, no image lacks its upload.
  for (const name of ["images", "uploads"]) {
    for await (const document of database(client).collection(name).find()) {
      yield `${BSON.EJSON.stringify([name, document], { relaxed: false })}\n`;
      count += 1;
    }
  }
  // restore.js checks that the backup is complete.
  yield `${JSON.stringify({ documents: count })}\n`;
}

try {
  await pipeline(Readable.from(lines()), createGzip(), process.stdout);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.close();
}
