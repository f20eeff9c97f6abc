-- A search in one model reads its versions in the order of time, and ends with the page, however
-- many versions the model has. By their numbers, the primary key has them.
DROP INDEX pedigree.search_version_name;
CREATE INDEX search_version_name ON pedigree.search_version (name, created_at, model_id, version);

-- The rows of search of all versions, for what derives all of them: a check, and a load. They are
-- the rows of search_source, search_record_source and search_text_source. Those look up what each
-- version has, one version after the other; these read each table once.

-- The first training of each version, and how many it has.
CREATE VIEW pedigree.first_training AS
SELECT n.trainings, t.*
FROM (
    SELECT count(*) AS trainings,
        (array_agg(training_id ORDER BY created_at, training_id))[1] AS training_id
    FROM pedigree.training
    GROUP BY model_id, version
) AS n
JOIN pedigree.training t USING (training_id);

-- The rows of version_in_full, as its type, with the first training.
CREATE VIEW pedigree.version_in_bulk AS
SELECT first.training_id, ROW(
        v.model_id, m.name, m.name_key, m.generation, v.version, v.digest, a.size, v.flavor,
        v.signature, v.description, v.owners, v.tags, v.approval_status, v.approval_notes,
        v.approved_by, v.approval_timestamp, v.risk_class, v.risk_assessment_id,
        v.drift_monitor_id, v.datasheet_uri, v.quarantine_reason, v.hold_reason, v.created_at,
        v.created_by, v.created_by_source, first.run_id, first.git_commit, first.git_dirty,
        first.git_source, first.code_version, first.training_data_digest,
        first.training_data_version, first.validation_dataset_id, first.environment_hash,
        first.ci_build, first.metrics, first.params, first.trainings,
        coalesce(stage.name, 'none'), stage.held_since, coalesce(alias.names, '{}'), card.digest,
        CASE WHEN first.trainings = 1 THEN first.verification ELSE (
            SELECT t.verification
            FROM pedigree.training t
            WHERE t.model_id = v.model_id AND t.version = v.version
            ORDER BY t.verification ->> 'status' <> 'verified', t.created_at, t.training_id
            LIMIT 1
        ) END
    )::pedigree.version_in_full AS version
FROM pedigree.model_version v
JOIN pedigree.registered_model m USING (model_id)
JOIN pedigree.artifact a ON a.digest = v.digest
JOIN pedigree.first_training first ON first.model_id = v.model_id AND first.version = v.version
LEFT JOIN pedigree.tenure stage ON stage.model_id = v.model_id AND stage.version = v.version
    AND stage.pointer = 'stage' AND stage.held_until IS NULL
LEFT JOIN (
    SELECT model_id, version, array_agg(name ORDER BY name) AS names
    FROM pedigree.tenure
    WHERE pointer = 'alias' AND held_until IS NULL
    GROUP BY model_id, version
) AS alias ON alias.model_id = v.model_id AND alias.version = v.version
LEFT JOIN (
    SELECT DISTINCT ON (model_id, version) model_id, version, digest
    FROM pedigree.model_card
    ORDER BY model_id, version, revision DESC
) AS card ON card.model_id = v.model_id AND card.version = v.version
WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL;

CREATE VIEW pedigree.search_version_in_bulk AS
SELECT (r).model_id, (r).version_id AS version, training_id, (r).model_name AS name,
    (r).created_at, (r).created_by, (r).flavor, (r).stage, (r).aliases, (r).owners, (r).git_commit,
    (r).run_id, (r).tags, (r).metrics, (r).params, (r).digest, (r).description, (r).size,
    (r).git_dirty, (r).code_version, (r).training_data_digest, (r).training_data_version,
    (r).validation_dataset_id, (r).environment_hash, (r).ci_build, (r).risk_class,
    (r).approval_status, (r).approved_by, (r).quarantine_reason IS NOT NULL AS quarantined,
    (r).hold_reason IS NOT NULL AS held
FROM pedigree.version_in_bulk AS bulk (training_id, r);

-- Names, descriptions and tags that several versions share are parsed once.
CREATE VIEW pedigree.search_text_in_bulk AS
SELECT s.model_id, s.version, s.created_at, name.words || coalesce(description.words, '')
    || coalesce(tag.words, '') || coalesce(card.words, '') AS document
FROM pedigree.search_version s
JOIN pedigree.model_version v USING (model_id, version)
JOIN (
    SELECT name, setweight(to_tsvector('english', translate(name, '_-.', '   ')), 'A') AS words
    FROM (SELECT DISTINCT name FROM pedigree.search_version) AS each
) AS name ON name.name = s.name
LEFT JOIN (
    SELECT description, setweight(to_tsvector('english', left(description, 20000)), 'B') AS words
    FROM (SELECT DISTINCT description FROM pedigree.model_version) AS each
) AS description ON description.description = v.description
LEFT JOIN (
    SELECT each.tags, setweight(to_tsvector('english', left((
        SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) FROM jsonb_each_text(each.tags)
    ), 20000)), 'C') AS words
    FROM (SELECT DISTINCT tags FROM pedigree.search_version) AS each
) AS tag ON tag.tags = s.tags
LEFT JOIN (
    SELECT model_id, version, setweight(to_tsvector('english', left((
        SELECT string_agg(note.value #>> '{}', ' ' ORDER BY note.place)
        FROM jsonb_path_query(newest.notes, 'strict $.**') WITH ORDINALITY AS note (value, place)
        WHERE jsonb_typeof(note.value) = 'string'
    ), 100000)), 'D') AS words
    FROM (
        SELECT DISTINCT ON (model_id, version) model_id, version, notes
        FROM pedigree.model_card
        ORDER BY model_id, version, revision DESC
    ) AS newest
) AS card ON card.model_id = s.model_id AND card.version = s.version;
