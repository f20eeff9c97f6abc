-- Uploads whose files come one by one from elsewhere. What a session lists is not collected while
-- it lasts, whether it was there before or came through it.

CREATE TABLE pedigree.upload_session (
    upload_id uuid PRIMARY KEY,
    -- The model that the files are for; it need not exist yet.
    model text COLLATE "C" NOT NULL,
    lease_until timestamptz NOT NULL
);

CREATE INDEX upload_session_lease ON pedigree.upload_session (lease_until);

CREATE TABLE pedigree.upload_file (
    upload_id uuid NOT NULL REFERENCES pedigree.upload_session (upload_id) ON DELETE CASCADE,
    digest text COLLATE "C" NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (upload_id, digest)
);

CREATE INDEX upload_file_digest ON pedigree.upload_file (digest);
