-- What the registry holds, counted in the transaction of each change; and which bytes lost a
-- reference, so that a garbage collection looks at them instead of at everything.

-- The sums over all rows are the counts of the registry. A transaction adds to the first row that
-- no other transaction holds, and to a new one if all are held: so no writer waits for another, and
-- no deadlock arises. There are as many rows as there once were concurrent writers.
CREATE TABLE pedigree.statistic (
    shard integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    versions bigint NOT NULL DEFAULT 0,
    logical_bytes bigint NOT NULL DEFAULT 0,
    artifacts bigint NOT NULL DEFAULT 0,
    files bigint NOT NULL DEFAULT 0,
    blobs bigint NOT NULL DEFAULT 0,
    stored_bytes bigint NOT NULL DEFAULT 0,
    archived_bytes bigint NOT NULL DEFAULT 0
);

-- What the sums must be: a count of everything, which takes seconds at a million versions.
CREATE VIEW pedigree.statistic_source AS
SELECT living.versions, living.logical_bytes,
    (SELECT count(*) FROM pedigree.artifact) AS artifacts,
    (SELECT count(*) FROM pedigree.artifact_file) AS files,
    stored.blobs, stored.stored_bytes, stored.archived_bytes
FROM (
    SELECT count(*) AS versions, coalesce(sum(artifact.size), 0)::bigint AS logical_bytes
    FROM pedigree.model_version v
    JOIN pedigree.registered_model m USING (model_id)
    JOIN pedigree.artifact ON artifact.digest = v.digest
    WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL
) AS living, (
    SELECT count(*) AS blobs, coalesce(sum(size), 0)::bigint AS stored_bytes,
        coalesce(sum(size) FILTER (WHERE tier = 'archive'), 0)::bigint AS archived_bytes
    FROM pedigree.blob
) AS stored;

-- Bytes that lost a reference, and may have none: artifacts of which a version was collected, and
-- blobs of which a list, a card or an upload was removed. A plan of a collection judges only these.
CREATE TABLE pedigree.released (
    kind text COLLATE "C" NOT NULL CONSTRAINT released_kind CHECK (kind IN ('artifact', 'blob')),
    digest text COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, digest)
);

CREATE FUNCTION pedigree.add_to_statistic(
    versions bigint DEFAULT 0, logical_bytes bigint DEFAULT 0, artifacts bigint DEFAULT 0,
    files bigint DEFAULT 0, blobs bigint DEFAULT 0, stored_bytes bigint DEFAULT 0,
    archived_bytes bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pedigree.statistic s SET
        versions = s.versions + $1, logical_bytes = s.logical_bytes + $2,
        artifacts = s.artifacts + $3, files = s.files + $4, blobs = s.blobs + $5,
        stored_bytes = s.stored_bytes + $6, archived_bytes = s.archived_bytes + $7
    FROM (
        SELECT shard FROM pedigree.statistic ORDER BY shard LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    ) AS free
    WHERE s.shard = free.shard;
    IF NOT FOUND THEN
        INSERT INTO pedigree.statistic (
            versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
        ) VALUES ($1, $2, $3, $4, $5, $6, $7);
    END IF;
END
$$;

-- A later release of the same bytes waits for a collection that forgets this one: hence the update.
CREATE FUNCTION pedigree.release_bytes(kind text, digests text[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO pedigree.released AS known (kind, digest)
    SELECT DISTINCT $1, each.digest FROM unnest($2) AS each (digest)
    WHERE each.digest IS NOT NULL
    ORDER BY 2
    ON CONFLICT (kind, digest) DO UPDATE SET digest = excluded.digest
$$;

CREATE FUNCTION pedigree.count_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    number bigint;
    bytes bigint;
    archived bigint;
BEGIN
    SELECT count(*), sum(size), coalesce(sum(size) FILTER (WHERE tier = 'archive'), 0)
    INTO number, bytes, archived FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            blobs => sign * number, stored_bytes => sign * bytes,
            archived_bytes => sign * archived
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.recount_blob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pedigree.add_to_statistic(
        stored_bytes => NEW.size - OLD.size,
        archived_bytes => CASE WHEN NEW.tier = 'archive' THEN NEW.size ELSE 0 END
            - CASE WHEN OLD.tier = 'archive' THEN OLD.size ELSE 0 END
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_artifacts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    SELECT count(*) INTO number FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            artifacts => CASE TG_OP WHEN 'DELETE' THEN -number ELSE number END
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.count_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    SELECT count(*) INTO number FROM changed;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            files => CASE TG_OP WHEN 'DELETE' THEN -number ELSE number END
        );
        IF TG_OP = 'DELETE' THEN
            PERFORM pedigree.release_bytes('blob', (SELECT array_agg(blob_digest) FROM changed));
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- A version that is not deleted, of a model that is not deleted, counts with the size of its files.
CREATE FUNCTION pedigree.count_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
    number bigint;
    bytes bigint;
BEGIN
    SELECT count(*), sum(a.size) INTO number, bytes
    FROM changed
    JOIN pedigree.registered_model m USING (model_id)
    JOIN pedigree.artifact a ON a.digest = changed.digest
    WHERE changed.deleted_at IS NULL AND m.deleted_at IS NULL;
    IF number > 0 THEN
        PERFORM pedigree.add_to_statistic(
            versions => sign * number, logical_bytes => sign * bytes
        );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.recount_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(versions => sign, logical_bytes => sign * a.size)
    FROM pedigree.artifact a, pedigree.registered_model m
    WHERE a.digest = NEW.digest AND m.model_id = NEW.model_id AND m.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.recount_model() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END;
BEGIN
    PERFORM pedigree.add_to_statistic(
        versions => sign * count(*), logical_bytes => sign * coalesce(sum(a.size), 0)::bigint
    )
    FROM pedigree.model_version v
    JOIN pedigree.artifact a ON a.digest = v.digest
    WHERE v.model_id = NEW.model_id AND v.deleted_at IS NULL;
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_artifact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pedigree.release_bytes('artifact', ARRAY[NEW.digest]);
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pedigree.release_bytes('blob', (SELECT array_agg(digest) FROM changed));
    RETURN NULL;
END
$$;

CREATE FUNCTION pedigree.release_drift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pedigree.release_bytes('blob', (
        SELECT array_agg(digest) FROM changed CROSS JOIN unnest(ARRAY[html, markdown]) AS digest
    ));
    RETURN NULL;
END
$$;

-- An upload that ended in a version released nothing, and those are nearly all. A blob that it stores
-- at this moment is not visible here, so the digest is noted whether or not it is stored.
CREATE FUNCTION pedigree.release_upload() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    digests text[];
BEGIN
    SELECT array_agg(digest) INTO digests
    FROM changed
    WHERE NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = changed.digest);
    IF digests IS NOT NULL THEN
        PERFORM pedigree.release_bytes('blob', digests);
    END IF;
    RETURN NULL;
END
$$;

-- A blob that nothing refers to when its transaction ends: the bytes of a refused registration, or
-- those that a later transaction shall refer to. The end of an open upload releases its own; its
-- file is locked, so that it ends after these bytes are visible, or has ended.
CREATE FUNCTION pedigree.release_unreferenced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = NEW.digest)
        AND NOT EXISTS (SELECT FROM pedigree.document c WHERE c.digest = NEW.digest)
    THEN
        PERFORM FROM pedigree.upload_file u WHERE u.digest = NEW.digest FOR KEY SHARE;
        IF NOT FOUND THEN
            PERFORM pedigree.release_bytes('blob', ARRAY[NEW.digest]);
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- Nothing is written between the counts of what is there and the triggers.
LOCK TABLE pedigree.registered_model, pedigree.model_version, pedigree.artifact,
    pedigree.artifact_file, pedigree.blob, pedigree.model_card, pedigree.drift_result,
    pedigree.upload_file IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO pedigree.statistic (
    versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
)
SELECT versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes
FROM pedigree.statistic_source;

INSERT INTO pedigree.released (kind, digest)
SELECT 'artifact', a.digest
FROM pedigree.artifact a
WHERE EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.artifact_digest = a.digest)
    AND NOT EXISTS (
        SELECT FROM pedigree.model_version v WHERE v.digest = a.digest AND v.collected_at IS NULL
    )
UNION ALL
SELECT 'blob', b.digest
FROM pedigree.blob b
WHERE NOT EXISTS (SELECT FROM pedigree.artifact_file f WHERE f.blob_digest = b.digest)
    AND NOT EXISTS (SELECT FROM pedigree.model_card c WHERE c.digest = b.digest)
    AND NOT EXISTS (SELECT FROM pedigree.drift_result d WHERE d.html = b.digest)
    AND NOT EXISTS (SELECT FROM pedigree.drift_result d WHERE d.markdown = b.digest);

CREATE TRIGGER blob_added AFTER INSERT ON pedigree.blob REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_blobs();
CREATE CONSTRAINT TRIGGER blob_unreferenced AFTER INSERT ON pedigree.blob
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pedigree.release_unreferenced();
CREATE TRIGGER blob_removed AFTER DELETE ON pedigree.blob REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_blobs();
CREATE TRIGGER blob_moved AFTER UPDATE OF size, tier ON pedigree.blob
    FOR EACH ROW WHEN ((OLD.size, OLD.tier) IS DISTINCT FROM (NEW.size, NEW.tier))
    EXECUTE FUNCTION pedigree.recount_blob();
CREATE TRIGGER artifact_added AFTER INSERT ON pedigree.artifact REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_artifacts();
CREATE TRIGGER artifact_removed AFTER DELETE ON pedigree.artifact REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_artifacts();
CREATE TRIGGER file_added AFTER INSERT ON pedigree.artifact_file REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_files();
CREATE TRIGGER file_removed AFTER DELETE ON pedigree.artifact_file REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_files();
CREATE TRIGGER version_added AFTER INSERT ON pedigree.model_version REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_versions();
CREATE TRIGGER version_removed AFTER DELETE ON pedigree.model_version
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_versions();
CREATE TRIGGER version_deleted AFTER UPDATE OF deleted_at ON pedigree.model_version
    FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
    EXECUTE FUNCTION pedigree.recount_version();
CREATE TRIGGER version_collected AFTER UPDATE OF collected_at ON pedigree.model_version
    FOR EACH ROW WHEN (OLD.collected_at IS NULL AND NEW.collected_at IS NOT NULL)
    EXECUTE FUNCTION pedigree.release_artifact();
CREATE TRIGGER model_deleted AFTER UPDATE OF deleted_at ON pedigree.registered_model
    FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
    EXECUTE FUNCTION pedigree.recount_model();
CREATE TRIGGER card_removed AFTER DELETE ON pedigree.model_card REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_card();
CREATE TRIGGER drift_removed AFTER DELETE ON pedigree.drift_result REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_drift();
CREATE TRIGGER upload_file_removed AFTER DELETE ON pedigree.upload_file
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.release_upload();

-- The blobs of the archive, which a plan compares with what versions need.
CREATE INDEX blob_archive ON pedigree.blob (digest) WHERE tier = 'archive';
