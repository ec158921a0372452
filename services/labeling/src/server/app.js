/** The HTTP interface, and the page. */
import path from "node:path";
import fastifyStatic from "@fastify/static";
import Fastify from "fastify";
import { MongoError, MongoServerError } from "mongodb";
import { checkUpload, Folder, NO_IMAGE, TYPES } from "./images.js";
import { classes, SettingError } from "./settings.js";
import { Store, UPLOADS } from "./store.js";

/** `?trial` is for trying things out: it has two classes, only uploads, and labels of its own. */
const TRIAL = { classes: ["circle", "square"], overlap: 2 };
const AUTHENTICATION_FAILED = 18;
const TEXT = { type: "string", minLength: 1, maxLength: 60, pattern: "^\\S([^\\p{Cc}]*\\S)?$" };
const NAME = { type: "string", minLength: 1, maxLength: 4096 };
const TASK = {
  type: "object",
  properties: { image: NAME, token: NAME },
  required: ["image", "token"],
  additionalProperties: false,
};

/** Nothing comes from elsewhere, and what an image contains is never run. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const IMAGE_POLICY = "default-src 'none'; sandbox";

class RequestError extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** Return what to tell a person if the database has failed. */
function databaseProblem(error) {
  if (error.code === AUTHENTICATION_FAILED) {
    return "The database refuses the password. Run: make down up SERVICE=labeling.";
  }
  if (error instanceof MongoServerError) {
    return `The database reports an error: ${error.message}. See: make logs SERVICE=labeling.`;
  }
  return "The database does not answer. If that lasts, run: make up SERVICE=labeling.";
}

/** Return the options of a route whose request has a person's name and these properties. */
function body(properties) {
  return {
    schema: {
      body: {
        type: "object",
        properties: { person: TEXT, ...properties },
        required: ["person", ...Object.keys(properties)],
        additionalProperties: false,
      },
    },
  };
}

/** Return a Fastify instance for these settings and this database. */
export function application({ images, folder: root, overlap, leaseSeconds, maxBytes, hosts }, db) {
  const app = Fastify({
    bodyLimit: maxBytes,
    // A name is what was typed, without conversions.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  const folder = new Folder(root, maxBytes);
  const stores = {
    project: new Store(db, "", overlap, leaseSeconds),
    trial: new Store(db, "trial_", TRIAL.overlap, leaseSeconds),
  };
  const isTrial = (request) => "trial" in request.query;
  const storeOf = (request) => (isTrial(request) ? stores.trial : stores.project);

  let synced;
  /** Let the database know the images that are in the folder now. */
  async function sync(request) {
    if (isTrial(request)) return;
    const files = await folder.files();
    if (files === synced) return;
    await stores.project.sync([...files.keys()].filter((name) => !name.startsWith(UPLOADS)));
    synced = files;
  }

  /** Return everything that the page shows: what to do next, and how far everybody is. */
  async function view(request, task) {
    const store = storeOf(request);
    const { person } = request.body;
    await sync(request);
    return {
      classes: isTrial(request) ? TRIAL.classes : await classes(),
      task: task ?? (await store.next(person)),
      ...(await store.progress(person)),
      folder: images,
      ignored: isTrial(request) ? 0 : folder.ignored,
      maxBytes,
    };
  }

  app.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "content-security-policy": PAGE_POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
    });
    // Another site can have its own name lead to this address, and then read everything here as its own.
    const { host = "", origin } = request.headers;
    if (!hosts.has(host.replace(/:\d+$/, ""))) {
      throw new RequestError(421, "This name is not one of this server's. Add it to LABELING_HOSTS in .env.");
    }
    if (origin && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new RequestError(403, "Only this site's own page can send this.");
    }
  });

  app.addContentTypeParser([...TYPES, "application/octet-stream"], { parseAs: "buffer" }, (_, bytes, done) => {
    done(null, bytes);
  });
  // Fastify takes it by default, and a form of another site can send it.
  app.removeContentTypeParser("text/plain");

  app.setErrorHandler((error, request, reply) => {
    let { statusCode = 500, message } = error;
    const isUpload = request.routeOptions.url === "/api/images";
    if (error instanceof SettingError) statusCode = 503;
    else if (error instanceof MongoError) {
      statusCode = 503;
      message = databaseProblem(error);
    } else if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
      message = `${isUpload ? "This image" : "The request"} has more than ${maxBytes} bytes. Nothing was stored.`;
    } else if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
      message = isUpload ? NO_IMAGE : "Send the request as application/json. Nothing was stored.";
    } else if (error.validation) {
      statusCode = 422;
      message = `The request is not valid: ${message}. Nothing was stored.`;
    }
    if (statusCode >= 500) console.error(`error: ${request.method} ${request.routeOptions.url}: ${error.message}`);
    reply.code(statusCode).send({ error: message });
  });
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ error: "There is nothing at this address." }));

  app.post("/api/next", body({}), (request) => view(request));

  app.post("/api/label", body({ task: TASK, label: TEXT }), async (request) => {
    const { person, task, label } = request.body;
    const known = isTrial(request) ? TRIAL.classes : await classes();
    if (!known.includes(label)) {
      throw new RequestError(422, `There is no class “${label}” any more. Reload this page. Nothing was stored.`);
    }
    // The label may be older than the database, if that was restored.
    await sync(request);
    await storeOf(request).label(person, task, label);
    return view(request);
  });

  app.post("/api/skip", body({ task: TASK }), async (request) => {
    await storeOf(request).skip(request.body.person, request.body.task);
    return view(request);
  });

  app.post("/api/unskip", body({}), async (request) => {
    await storeOf(request).unskip(request.body.person);
    return view(request);
  });

  app.post("/api/undo", body({}), async (request) => view(request, await storeOf(request).undo(request.body.person)));

  app.post("/api/images", async (request, reply) => {
    if (!Buffer.isBuffer(request.body)) throw new RequestError(415, NO_IMAGE);
    const type = checkUpload(request.body);
    return reply.code(201).send({ image: await storeOf(request).addUpload(request.body, type) });
  });

  const named = { schema: { querystring: { type: "object", properties: { name: NAME }, required: ["name"] } } };
  app.get("/api/image", named, async (request, reply) => {
    const { name } = request.query;
    const isUpload = name.startsWith(UPLOADS);
    const found = isUpload ? await storeOf(request).upload(name) : !isTrial(request) && (await folder.read(name));
    if (!found) throw new RequestError(404, `There is no image ${name} any more.`);
    return reply.headers({ "content-type": found.type, "content-security-policy": IMAGE_POLICY }).send(found.data);
  });

  app.get("/api/labels", (request) => storeOf(request).labels());

  app.delete("/api/trial", async () => {
    await stores.trial.clear();
    return {};
  });

  app.get("/health", async () => {
    // Unlike a ping, this needs the password.
    await stores.project.progress("");
    return {};
  });

  app.register(fastifyStatic, { root: path.resolve(import.meta.dirname, "../dist"), cacheControl: false });
  return app;
}
