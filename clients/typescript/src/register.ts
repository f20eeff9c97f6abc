import { createHash } from "node:crypto";
import type { Client } from "openapi-fetch";

import { PedigreeError, type paths, type Schemas } from "./index.js";

/** To ask whether the registry has this few bytes takes longer than to send them. */
const SENT_UNASKED = 64 << 10;
/** At most this many bytes are sent with the request that registers them; more go through an upload. */
const MOST_SENT = 4 << 20;

/** What a file of a version is made of, by its path. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The bytes of files, by their digests. */
type Contents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Register files as a version of a model: only bytes that the registry lacks are sent. */
export async function register(
  registry: Client<paths>,
  name: string,
  files: Files,
  version: Schemas["NewVersion"],
): Promise<Schemas["Registration"]> {
  const listed = [...files].map(([path, bytes]) => ({ path, size: bytes.length, digest: digestOf(bytes) }));
  const contents = new Map([...files.values()].map((bytes) => [digestOf(bytes), bytes]));
  const missing = await missingOf(registry, name, listed, contents, version);
  if ("version" in missing) return missing;
  if (sizeOf(missing) <= MOST_SENT) return withFiles(registry, name, { files: listed, version }, missing);
  const wanted = [...contents].map(([digest, bytes]) => ({ digest, size: bytes.length }));
  const params = { path: { name } };
  const begun = await registry.POST("/api/v1/models/{name}/uploads", { params, body: { files: wanted } });
  const { upload_id, files: known } = begun.data!;
  for (const file of known) {
    if (!file.stored) await send(registry, name, upload_id, file, contents.get(file.digest)!);
  }
  const done = await registry.POST("/api/v1/models/{name}/versions", {
    params,
    body: { files: listed, upload_id, version },
  });
  return done.data!;
}

/** Register files that the registry may have; return those that it lacks. */
async function missingOf(
  registry: Client<paths>,
  name: string,
  files: Schemas["ManifestFile"][],
  contents: Contents,
  version: Schemas["NewVersion"],
): Promise<Schemas["Registration"] | Contents> {
  if (sizeOf(contents) <= SENT_UNASKED) return contents;
  try {
    const params = { path: { name } };
    const done = await registry.POST("/api/v1/models/{name}/versions", { params, body: { files, version } });
    return done.data!;
  } catch (error) {
    if (!(error instanceof PedigreeError && error.problem.missing)) throw error;
    return new Map(error.problem.missing.map((digest) => [digest, contents.get(digest)!]));
  }
}

/** Send the document with the bytes of files as one request. */
async function withFiles(
  registry: Client<paths>,
  name: string,
  document: Schemas["NewListedVersion"],
  contents: Contents,
): Promise<Schemas["Registration"]> {
  const form = new FormData();
  form.append("registration", new Blob([JSON.stringify(document)], { type: "application/json" }));
  for (const [digest, bytes] of contents) form.append(digest, new Blob([bytes]));
  const done = await registry.POST("/api/v1/models/{name}/versions", {
    params: { path: { name } },
    body: document, // stands for the form, which is given here:
    bodySerializer: () => form,
  });
  return done.data!;
}

function sizeOf(contents: Contents): number {
  return [...contents.values()].reduce((sum, bytes) => sum + bytes.length, 0);
}

async function send(
  registry: Client<paths>,
  name: string,
  upload_id: string,
  file: Schemas["UploadFile"],
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  if (file.url) {
    // Azure's name for an ordinary object; others pass it by.
    const answer = await fetch(file.url, { method: "PUT", body: bytes, headers: { "x-ms-blob-type": "BlockBlob" } });
    if (!answer.ok) throw new Error(`the store answered ${answer.status}`);
    return;
  }
  await registry.PUT("/api/v1/models/{name}/uploads/{upload_id}/files/{digest}", {
    params: { path: { name, upload_id, digest: file.digest } },
    headers: { "Content-Type": "application/octet-stream" },
    body: "", // its type stands for bytes, which are given here:
    bodySerializer: () => bytes,
  });
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
