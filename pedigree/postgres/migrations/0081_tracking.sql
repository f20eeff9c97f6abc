-- For a service with an MLflow tracking server: the permission to write to one by this service, and
-- areas into which MLflow's clients put files by paths before a version is made of them.

UPDATE pedigree.access_role SET permissions = permissions || '{track}'::text[]
WHERE name IN ('contributor', 'admin') AND defined_at IS NULL;

-- An area of a principal is a session of no model, until a version takes it. So its bytes are kept and
-- collected as those of other sessions.
CREATE TABLE pedigree.upload_area (
    upload_id uuid CONSTRAINT upload_area_pkey PRIMARY KEY
        CONSTRAINT upload_area_session REFERENCES pedigree.upload_session (upload_id)
        ON DELETE CASCADE,
    principal text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    CONSTRAINT upload_area_name UNIQUE (principal, name)
);

CREATE TABLE pedigree.upload_area_file (
    upload_id uuid NOT NULL CONSTRAINT upload_area_file_area
        REFERENCES pedigree.upload_area (upload_id) ON DELETE CASCADE,
    path text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    CONSTRAINT upload_area_file_pkey PRIMARY KEY (upload_id, path),
    CONSTRAINT upload_area_file_bytes FOREIGN KEY (upload_id, digest)
        REFERENCES pedigree.upload_file (upload_id, digest) ON DELETE CASCADE
);
CREATE INDEX upload_area_file_digest ON pedigree.upload_area_file (upload_id, digest);

-- A file that a client sends in parts, each to a signed URL of the store.
CREATE TABLE pedigree.upload_area_parts (
    parts_id uuid CONSTRAINT upload_area_parts_pkey PRIMARY KEY,
    upload_id uuid NOT NULL CONSTRAINT upload_area_parts_area
        REFERENCES pedigree.upload_area (upload_id) ON DELETE CASCADE,
    path text COLLATE "C" NOT NULL,
    parts integer NOT NULL CONSTRAINT upload_area_parts_number CHECK (parts > 0)
);
CREATE INDEX upload_area_parts_of_area ON pedigree.upload_area_parts (upload_id);
