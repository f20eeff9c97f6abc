-- What others stated about checkpoints that are anchored: witnesses, and authorities of time stamps.

-- A cosignature of a witness (https://c2sp.org/tlog-cosignature).
CREATE TABLE pedigree.log_cosignature (
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    size bigint NOT NULL REFERENCES pedigree.log_checkpoint (size),
    -- The line of the note; it names the witness.
    line text NOT NULL,
    -- The time that the witness states.
    cosigned_at timestamptz NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (public_key, size)
);

CREATE INDEX log_cosignature_size ON pedigree.log_cosignature (size);

-- The note of a checkpoint with all its cosignatures.
CREATE FUNCTION pedigree.cosigned_note(pedigree.log_checkpoint) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT $1.note || coalesce(
        (
            SELECT string_agg(line, '' ORDER BY added_at, public_key)
            FROM pedigree.log_cosignature WHERE size = $1.size
        ),
        ''
    )
$$;

-- A time stamp of the note as the log signed it (RFC 3161).
CREATE TABLE pedigree.log_timestamp (
    -- The URL of the authority.
    authority text NOT NULL,
    size bigint NOT NULL REFERENCES pedigree.log_checkpoint (size),
    -- The raw reply.
    reply bytea NOT NULL CHECK (length(reply) <= 65536),
    -- The time that the authority states.
    stamped_at timestamptz NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (authority, size)
);

CREATE INDEX log_timestamp_size ON pedigree.log_timestamp (size);

-- Which process asks a witness or an authority now, so that several do not ask at once.
CREATE TABLE pedigree.log_asking (
    member text PRIMARY KEY,
    until timestamptz NOT NULL
);

CREATE TRIGGER log_cosignature_append_only BEFORE UPDATE OR DELETE ON pedigree.log_cosignature
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_cosignature_no_truncate BEFORE TRUNCATE ON pedigree.log_cosignature
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_timestamp_append_only BEFORE UPDATE OR DELETE ON pedigree.log_timestamp
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER log_timestamp_no_truncate BEFORE TRUNCATE ON pedigree.log_timestamp
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.log_cosignature ENABLE ALWAYS TRIGGER log_cosignature_append_only;
ALTER TABLE pedigree.log_cosignature ENABLE ALWAYS TRIGGER log_cosignature_no_truncate;
ALTER TABLE pedigree.log_timestamp ENABLE ALWAYS TRIGGER log_timestamp_append_only;
ALTER TABLE pedigree.log_timestamp ENABLE ALWAYS TRIGGER log_timestamp_no_truncate;
