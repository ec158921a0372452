/** Images: those in the project's folder, and the check of an upload. The content says the type, never the name. */
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import path from "node:path";
import { crc32 } from "node:zlib";
import { imageSize } from "image-size";

/** The bytes that a file of each type begins with: `.` is any byte. */
const SIGNATURES = {
  "image/png": /^\x89PNG\r\n\x1a\n/,
  "image/jpeg": /^\xff\xd8\xff/,
  "image/gif": /^GIF8[79]a/,
  "image/webp": /^RIFF.{4}WEBP/s,
};
export const TYPES = Object.keys(SIGNATURES);
export const NO_IMAGE = "This is not a PNG, JPEG, WebP or GIF image. Nothing was stored.";
/** A browser needs four bytes for each pixel. */
const MOST_PIXELS = 100_000_000;

/** An upload is refused. The status and the message are those of the response. */
export class ImageError extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

function typeOf(bytes) {
  const start = bytes.toString("latin1", 0, 16);
  return TYPES.find((type) => SIGNATURES[type].test(start));
}

/** Return whether an image ends as its format requires. A transfer that broke off, for example, leaves half of one. */
function isComplete(bytes, type) {
  if (type === "image/jpeg") return bytes.lastIndexOf("\xff\xd9", undefined, "latin1") > 0;
  if (type === "image/gif") return bytes.at(-1) === 0x3b;
  if (type === "image/webp") return bytes.length >= bytes.readUInt32LE(4) + 8;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at);
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) return false;
    if (bytes.toString("latin1", at + 4, at + 8) === "IEND") return true;
    at = end + 4;
  }
  return false;
}

/**
 * Return the type of an uploaded image.
 * @throws {ImageError} It is not an image, or a broken one.
 */
export function checkUpload(bytes) {
  const type = typeOf(bytes);
  if (!type) throw new ImageError(415, NO_IMAGE);
  let size;
  try {
    size = isComplete(bytes, type) && imageSize(bytes);
  } catch {
    // Reported below.
  }
  if (!size?.width || !size.height) throw new ImageError(422, "This image is damaged or incomplete. Nothing was stored.");
  if (size.width * size.height > MOST_PIXELS) {
    throw new ImageError(422, `This image has more than ${MOST_PIXELS / 1e6} million pixels. Nothing was stored.`);
  }
  return type;
}

/** The images in a folder and its subfolders. The name of an image is its path in that folder. */
export class Folder {
  #root;
  #maxBytes;
  #files = new Map();
  #scan;
  #next = 0;
  /** How many files were left out because they are no images or too large. */
  ignored = 0;

  constructor(root, maxBytes) {
    this.#root = root;
    this.#maxBytes = maxBytes;
  }

  /**
   * Return all images by name, as of a few seconds ago. It is the same object until the folder was looked at again. A
   * folder that does not exist has none.
   */
  async files() {
    if (!this.#scan && Date.now() >= this.#next) {
      const start = Date.now();
      this.#scan = this.#look().finally(() => {
        // At most a twentieth of the time goes into looking.
        this.#next = Date.now() + 1000 + 20 * (Date.now() - start);
        this.#scan = undefined;
      });
    }
    await this.#scan;
    return this.#files;
  }

  /**
   * Open an image for reading. Only the name of an image that was found here leads to a file.
   * @returns its type and its contents, or undefined if there is no such image any more
   */
  async read(name) {
    const known = this.#files.get(name);
    if (!known) return undefined;
    try {
      const file = await open(path.join(this.#root, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      return { type: known.type, data: file.createReadStream() };
    } catch {
      // It was deleted, so look again at the next request.
      this.#next = 0;
      return undefined;
    }
  }

  async #look() {
    const before = this.#files;
    const files = new Map();
    let ignored = 0;
    const folders = [""];
    for (const folder of folders) {
      let entries = [];
      try {
        entries = await readdir(path.join(this.#root, folder), { withFileTypes: true });
      } catch {
        // It does not exist, or you may not read it.
      }
      for (const entry of entries) {
        // A symbolic link could lead out of the folder, or in circles.
        if (entry.name.startsWith(".") || !(entry.isFile() || entry.isDirectory())) continue;
        const name = path.join(folder, entry.name);
        if (entry.isDirectory()) folders.push(name);
        else {
          const found = await this.#examine(name, before.get(name));
          if (found) files.set(name, found);
          else ignored += 1;
        }
      }
    }
    this.#files = files;
    this.ignored = ignored;
  }

  /** Return the type of a file, or undefined if it is not an image or too large. */
  async #examine(name, known) {
    let file;
    try {
      file = await open(path.join(this.#root, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      const { size, mtimeMs } = await file.stat();
      if (known?.size === size && known.mtimeMs === mtimeMs) return known;
      if (size > this.#maxBytes) return undefined;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
      const type = typeOf(buffer.subarray(0, bytesRead));
      return type && { type, size, mtimeMs };
    } catch {
      return undefined;
    } finally {
      await file?.close();
    }
  }
}
