-- Blobs (files by digest), the artifacts made of them, and the uploads that are under way.

-- A row here says that the bytes are in the store, whole. Collecting a blob is two-phase: its row
-- goes and its key becomes an orphan in one committed transaction, then the object is removed.
CREATE TABLE pedigree.blob (
    digest text COLLATE "C" PRIMARY KEY,
    size bigint NOT NULL CHECK (size >= 0),
    -- Where the object lies in the store; no key is ever written twice, so bytes that come back
    -- while their old object is still being removed lie elsewhere and are not harmed.
    key text COLLATE "C" NOT NULL CONSTRAINT blob_key_unique UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A row precedes the first byte of an upload and goes when its blobs are live, so what a crash
-- leaves behind is found here and the store never has to be listed.
CREATE TABLE pedigree.upload (
    upload_id uuid PRIMARY KEY,
    digests text[] COLLATE "C" NOT NULL DEFAULT '{}',
    lease_until timestamptz NOT NULL
);

CREATE INDEX upload_lease ON pedigree.upload (lease_until);

-- Keys that no blob names any more, to be removed from the store.
CREATE TABLE pedigree.orphan (
    key text COLLATE "C" PRIMARY KEY,
    orphaned_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE pedigree.artifact (
    digest text COLLATE "C" PRIMARY KEY,
    manifest bytea NOT NULL,
    size bigint NOT NULL CHECK (size >= 0)
);

CREATE TABLE pedigree.artifact_file (
    artifact_digest text COLLATE "C" NOT NULL REFERENCES pedigree.artifact (digest),
    path text COLLATE "C" NOT NULL,
    blob_digest text COLLATE "C" NOT NULL REFERENCES pedigree.blob (digest),
    PRIMARY KEY (artifact_digest, path)
);

CREATE INDEX artifact_file_blob ON pedigree.artifact_file (blob_digest);
