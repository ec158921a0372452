/**
 * The labels in MongoDB. Each image is a document, and each change is one atomic operation on one document:
 *
 *   { _id: "cats/1.png", upload: false, gone: false, skipped: ["Ann"],
 *     seats: [ { person: "Bob", token, label: "cat", time }, { person: "Eve", token, until } ] }
 *
 * An image has as many seats as labels are wanted for it. Whoever gets the image takes a seat until some time, and the
 * seat is kept for good with a label.
 */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Binary, MongoClient } from "mongodb";

const TAKEN = { $exists: true };
const FREE = { $exists: false };
const DUPLICATE_KEY = 11000;

/** What an upload is called in the database. A folder of this name in the project's images is left out. */
export const UPLOADS = "uploaded/";

/** A label is refused. The status and the message are those of the response. */
export class ConflictError extends Error {
  statusCode = 409;
}

/** Return a client for the project's MongoDB. It connects, and reconnects, when it is used. */
export async function connect() {
  const password = await readFile("/run/secrets/labeling_password", "utf8");
  return new MongoClient("mongodb://labeling-mongo:27017/", {
    auth: { username: "labeling", password },
    authSource: "admin",
    // A label counts as stored when it is on disk.
    writeConcern: { w: 1, journal: true },
    retryWrites: false,
    serverSelectionTimeoutMS: 2000,
    socketTimeoutMS: 5000,
  });
}

/** Return the database of a client. */
export const database = (client) => client.db("labeling");

/** The images of the project or of the trial, with their labels. */
export class Store {
  #images;
  #uploads;
  #overlap;
  #leaseSeconds;

  /** `prefix` distinguishes the collections of the trial from those of the project. */
  constructor(db, prefix, overlap, leaseSeconds) {
    this.#images = db.collection(`${prefix}images`);
    this.#uploads = db.collection(`${prefix}uploads`);
    this.#overlap = overlap;
    this.#leaseSeconds = leaseSeconds;
  }

  /** Take over what is in the folder now. The labels of a deleted image stay. */
  async sync(names) {
    const missing = new Set(names);
    const gone = [];
    const back = [];
    for await (const image of this.#images.find({ upload: false }, { projection: { gone: 1 } })) {
      const there = missing.delete(image._id);
      if (there && image.gone) back.push(image._id);
      if (!there && !image.gone) gone.push(image._id);
    }
    if (gone.length) await this.#images.updateMany({ _id: { $in: gone } }, { $set: { gone: true } });
    if (back.length) await this.#images.updateMany({ _id: { $in: back } }, { $set: { gone: false } });
    if (missing.size) await this.#add([...missing].map((_id) => ({ _id, upload: false })));
  }

  async #add(images) {
    const documents = images.map((image) => ({ ...image, gone: false, skipped: [], seats: [] }));
    try {
      await this.#images.insertMany(documents, { ordered: false });
    } catch (error) {
      // Somebody else has just added them.
      if (error.code !== DUPLICATE_KEY) throw error;
    }
  }

  /** Store an upload, unless it is there already, and return the name of its image. */
  async addUpload(bytes, type) {
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 32);
    const _id = `${UPLOADS}${hash}.${type.slice("image/".length)}`;
    await this.#uploads.updateOne({ _id }, { $setOnInsert: { type, data: new Binary(bytes) } }, { upsert: true });
    await this.#add([{ _id, upload: true }]);
    return _id;
  }

  /** Return the type and the contents of an upload, or undefined. */
  async upload(_id) {
    const found = await this.#uploads.findOne({ _id });
    return found && { type: found.type, data: Buffer.from(found.data.buffer) };
  }

  /** Give a person an image to label: the one that they have already, or one with the fewest labels. */
  async next(person) {
    const until = this.#until();
    const now = new Date();
    await this.#images.updateMany({ "seats.until": { $lt: now } }, { $pull: { seats: { until: { $lt: now } } } });
    const own = { gone: false, seats: { $elemMatch: { person, until: TAKEN } } };
    let image = await this.#change(own, { $set: { "seats.$[mine].until": until } }, person);
    for (let labels = 0; !image && labels < this.#overlap; labels += 1) {
      const free = { ...this.#open(person, labels), skipped: { $ne: person } };
      image = await this.#change(free, { $push: { seats: { person, token: randomUUID(), until } } });
    }
    return image && task(image, person);
  }

  /** Select images with at most so many labels that a person may label. */
  #open(person, labels) {
    return { gone: false, "seats.person": { $ne: person }, [`seats.${labels}`]: FREE };
  }

  /** Change one image, and return it as it is afterwards. `$[mine]` in an update is the seat of this person. */
  #change(filter, update, person) {
    return this.#images.findOneAndUpdate(filter, update, {
      sort: { _id: 1 },
      returnDocument: "after",
      ...(person && { arrayFilters: [{ "mine.person": person }] }),
    });
  }

  #until() {
    return new Date(Date.now() + 1000 * this.#leaseSeconds);
  }

  /**
   * Store a label. Sending the same label twice, because the first response got lost, stores it once.
   * @throws {ConflictError} The person has labeled this image before, or others have all its seats by now.
   */
  async label(person, { image: _id, token }, label) {
    const time = new Date();
    const seat = { _id, seats: { $elemMatch: { person, until: TAKEN } } };
    const update = {
      $set: { "seats.$[mine].label": label, "seats.$[mine].time": time },
      $unset: { "seats.$[mine].until": "" },
    };
    if (await this.#change(seat, update, person)) return;
    // Their time was over. That does not matter if the seat is still free.
    const late = { ...this.#open(person, this.#overlap - 1), _id };
    if (await this.#change(late, { $push: { seats: { person, token, label, time } } })) return;
    const image = await this.#images.findOne({ _id });
    const earlier = image?.seats.find((each) => each.person === person);
    if (earlier && earlier.token === token && earlier.label === label) return;
    throw new ConflictError(
      earlier
        ? `You have already labeled this image as “${earlier.label}”, perhaps in another window. That label stays.`
        : "Your time for this image was over, and somebody else got it. Your label was not stored.",
    );
  }

  /** Return an image without a label. The person does not get it again until `unskip`. */
  async skip(person, { image: _id }) {
    const seat = { _id, seats: { $elemMatch: { person, until: TAKEN } } };
    await this.#change(seat, { $pull: { seats: { person } }, $addToSet: { skipped: person } });
  }

  /** Offer a person the images again that they have skipped. */
  async unskip(person) {
    await this.#images.updateMany({ skipped: person }, { $pull: { skipped: person } });
  }

  /**
   * Take a person's last label back and give them its image again.
   * @throws {ConflictError} There is none.
   */
  async undo(person) {
    const [last] = await this.#seats({ gone: false, "seats.person": person }, { "seats.person": person })
      .sort({ "seats.time": -1 })
      .limit(1)
      .toArray();
    if (!last) throw new ConflictError("There is no label of yours to undo.");
    const leased = { seats: { $elemMatch: { person, until: TAKEN } } };
    await this.#images.updateMany(leased, { $pull: { seats: { person } } });
    const image = await this.#change(
      { _id: last._id, seats: { $elemMatch: { person, label: TAKEN } } },
      {
        $set: { "seats.$[mine].until": this.#until(), "seats.$[mine].token": randomUUID() },
        $unset: { "seats.$[mine].label": "", "seats.$[mine].time": "" },
      },
      person,
    );
    return image && task(image, person);
  }

  /** Select the seats with a label of images that match, those that match themselves. */
  #seats(images, seats = {}) {
    return this.#images.aggregate([
      { $match: images },
      { $unwind: "$seats" },
      { $match: { ...seats, "seats.label": TAKEN } },
    ]);
  }

  /** Count images, labels that are wanted and stored, and what a person without an image still waits for. */
  async progress(person) {
    const open = this.#open(person, this.#overlap - 1);
    const others = { gone: false, "seats.person": { $ne: person }, "seats.until": TAKEN };
    const [people, images, skipped, waiting] = await Promise.all([
      this.#seats({ gone: false })
        .group({ _id: "$seats.person", labels: { $sum: 1 } })
        .toArray(),
      this.#images.countDocuments({ gone: false }),
      this.#images.countDocuments({ ...open, skipped: person }),
      this.#images.countDocuments(others),
    ]);
    return {
      images,
      wanted: images * this.#overlap,
      labels: people.reduce((sum, each) => sum + each.labels, 0),
      mine: people.find((each) => each._id === person)?.labels ?? 0,
      skipped,
      waiting,
    };
  }

  /** Return all labels, the oldest first, those of deleted images too. */
  async labels() {
    const seats = await this.#seats({}).sort({ "seats.time": 1 }).toArray();
    return seats.map(({ _id, seats: { label, person, time } }) => ({ image: _id, label, person, time }));
  }

  /** Remove all images and labels. */
  async clear() {
    await this.#images.deleteMany({});
    await this.#uploads.deleteMany({});
  }
}

function task(image, person) {
  return { image: image._id, token: image.seats.find((seat) => seat.person === person).token };
}
