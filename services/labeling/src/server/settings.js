/** The settings, which compose.yaml gives to the container as environment variables. */
import { readFile } from "node:fs/promises";
import path from "node:path";

/** Where the project's data folder is mounted, and the file with the classes. */
const PROJECT = "/workspace";
const CLASSES = `${PROJECT}/services/labeling/classes.txt`;
const LONGEST_CLASS = 60;

/** A setting or a file of settings is wrong. The message says what to do. */
export class SettingError extends Error {}

function wholeNumber(name, least, most) {
  const text = process.env[name] ?? "";
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new SettingError(`${name} is not a whole number from ${least} to ${most}. Correct it in .env.`);
  }
  return value;
}

/**
 * Read the settings.
 * @throws {SettingError} One of them is not valid.
 */
export function settings() {
  const images = process.env.LABELING_IMAGES ?? "";
  const folder = path.resolve(PROJECT, images);
  if (!`${folder}/`.startsWith(`${PROJECT}/data/`)) {
    throw new SettingError("LABELING_IMAGES is not a folder in data. Correct it in .env.");
  }
  const hosts = process.env.LABELING_HOSTS?.match(/[^\s,]+/g) ?? [];
  return {
    images: path.relative(PROJECT, folder),
    folder,
    overlap: wholeNumber("LABELING_OVERLAP", 1, 20),
    leaseSeconds: wholeNumber("LABELING_LEASE", 1, 86400),
    // A document of MongoDB has at most 16 MiB.
    maxBytes: wholeNumber("LABELING_MAX_BYTES", 1, 16_000_000),
    hosts: new Set(["localhost", "127.0.0.1", "[::1]", "labeling", ...hosts]),
  };
}

/**
 * Read the classes: a line each. Blank lines and comments do not count.
 * @throws {SettingError} The file is missing or not valid.
 */
export async function classes() {
  const name = path.relative(PROJECT, CLASSES);
  let text;
  try {
    text = await readFile(CLASSES, "utf8");
  } catch (error) {
    throw new SettingError(`${name} cannot be read (${error.code}). Put it back, with a class on each line.`);
  }
  const lines = text.split("\n").map((line) => line.trim().normalize("NFC"));
  const found = lines.filter((line) => line && !line.startsWith("#"));
  const wrong =
    (!found.length && "There are no classes") ||
    (new Set(found).size < found.length && "A class is there twice") ||
    (found.some((line) => line.length > LONGEST_CLASS) && `A class has more than ${LONGEST_CLASS} characters`);
  if (wrong) throw new SettingError(`${wrong}. Correct ${name}, which has a class on each line, then reload this page.`);
  return found;
}
