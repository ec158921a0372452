/** Replace all images and labels by those of the backup on standard input, all or none. */
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { BSON } from "mongodb";
import { connect, database } from "./store.js";

const INCOMPLETE = "it is not a backup of labeling, or is incomplete";

const client = await connect();
const db = database(client);
const restored = (name) => db.collection(`restored_${name}`);

/** Load a backup into collections of its own. */
async function load(lines) {
  let count = -1;
  let complete = false;
  for await (const line of lines) {
    const value = BSON.EJSON.parse(line, { relaxed: false });
    if (count < 0) {
      if (value.backup !== "labeling") break;
    } else if (Array.isArray(value)) await restored(value[0]).insertOne(value[1]);
    else complete = Number(value.documents) === count;
    count += 1;
  }
  if (!complete) throw new Error(INCOMPLETE);
}

async function discard() {
  for (const name of ["images", "uploads"]) await restored(name).deleteMany({});
}

try {
  await discard();
  await pipeline(process.stdin, createGunzip(), (unzipped) => load(createInterface({ input: unzipped })));
  const uploaded = () => db.collection("images").distinct("_id", { upload: true });
  const before = await uploaded();
  // Until the images are replaced, which is one step, both the old and the new ones have their uploads.
  for await (const upload of restored("uploads").find()) {
    await db.collection("uploads").replaceOne({ _id: upload._id }, upload, { upsert: true });
  }
  await restored("images").aggregate([{ $out: "images" }]).toArray();
  await db.collection("uploads").deleteMany({ _id: { $in: before, $nin: await uploaded() } });
} catch (error) {
  const damaged = error instanceof SyntaxError || String(error.code).startsWith("Z_");
  console.error(damaged ? INCOMPLETE : error.message);
  process.exitCode = 1;
} finally {
  await discard().catch(() => undefined);
  await client.close();
}
