import { createHash } from "node:crypto";
import type { Client } from "openapi-fetch";

import type { paths, Schemas } from "./index.js";

/** What a file of a version is made of, by its path. */
export type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Register files as a version of a model: only bytes that the registry lacks are sent. */
export async function register(
  registry: Client<paths>,
  name: string,
  files: Files,
  version: Schemas["NewVersion"],
): Promise<Schemas["Registration"]> {
  const listed = [...files].map(([path, bytes]) => ({ path, size: bytes.length, digest: digestOf(bytes) }));
  const contents = new Map([...files.values()].map((bytes) => [digestOf(bytes), bytes]));
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
