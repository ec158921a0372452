/** Requests to the server. Those that change something are repeated until the server has answered. */

/** `?trial` leads to images and labels of their own. */
export const trial = new URLSearchParams(location.search).has("trial");

const RETRY_MS = 2000;
/** The server itself waits for the database for less than this. */
const TIMEOUT_MS = 10_000;

/** The server has refused a request, which would be refused again. */
export class Refused extends Error {}

/** The server cannot answer a request now. */
class Unavailable extends Error {}

/** Return the address of an endpoint. */
export function address(path, query = {}) {
  return `/api/${path}?${new URLSearchParams({ ...query, ...(trial && { trial: "" }) })}`;
}

async function answer(response) {
  const json = await response.json();
  if (response.status >= 500) throw new Unavailable(json.error);
  if (!response.ok) throw new Refused(json.error);
  return json;
}

/**
 * Send a request until the server answers, however long that takes.
 * @param onWait is called with the reason each time that there was no answer
 * @throws {Refused} The answer is an error that repeating would not change.
 */
export async function send(path, body, onWait) {
  for (;;) {
    try {
      return await answer(
        await fetch(address(path), {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
          // The connection to a machine that is gone may stay open for many minutes.
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }),
      );
    } catch (error) {
      if (error instanceof Refused) throw error;
      onWait(reasonFor(error));
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

/** Return why there was no answer. A browser's own reasons, such as "Failed to fetch", help nobody. */
export function reasonFor(error) {
  return error instanceof Refused || error instanceof Unavailable ? error.message : "The server does not answer.";
}

/** Upload a file. `reasonFor` knows what the error means that is thrown if it was not stored. */
export async function upload(file, maxBytes) {
  // A server that refuses a large body closes the connection, and the browser may not show its reason.
  if (file.size > maxBytes) throw new Refused(`This image has more than ${maxBytes} bytes. Nothing was stored.`);
  const response = await fetch(address("images"), {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: file,
  });
  return answer(response);
}

/** Remember something in this browser; without a value, forget it. Some people's settings allow neither. */
export function remember(key, value) {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Then it lasts as long as the page.
  }
}

/** Return what this browser remembers, or null. */
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
