-- Revisions of policies, what people decided about versions, and what candidates wait for.

ALTER TABLE pedigree.registered_model ADD COLUMN policy_revision integer NOT NULL DEFAULT 0;

UPDATE pedigree.registered_model m SET policy_revision = told.revisions
FROM (
    SELECT e.model, count(*) AS revisions
    FROM pedigree.event e
    WHERE e.type = 'model.updated'
        AND convert_from(e.canonical, 'UTF8')::jsonb #> '{body,policy}' IS NOT NULL
    GROUP BY e.model
) AS told
WHERE told.model = m.name;

-- The database numbers the revisions, so the code of the version before cannot leave one out.
CREATE FUNCTION pedigree.count_policy_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.policy_revision := OLD.policy_revision + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER policy_changed BEFORE UPDATE OF policy ON pedigree.registered_model
    FOR EACH ROW WHEN (OLD.policy IS DISTINCT FROM NEW.policy)
    EXECUTE FUNCTION pedigree.count_policy_revision();

-- The stage that a version was approved for, until it enters it or the approval becomes void.
ALTER TABLE pedigree.model_version ADD COLUMN approval_stage text;

CREATE INDEX model_version_approved ON pedigree.model_version (model_id)
    WHERE approval_status = 'approved' AND approval_stage IS NOT NULL;

-- What a decision is bound to: these bytes, by this author.
CREATE UNIQUE INDEX model_version_author
    ON pedigree.model_version (model_id, version, digest, created_by);

CREATE TABLE pedigree.decision (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    digest text COLLATE "C" NOT NULL,
    author text NOT NULL,
    from_stage text COLLATE "C" NOT NULL,
    to_stage text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    approved boolean NOT NULL,
    comment text NOT NULL,
    decided_by text NOT NULL,
    decided_by_source text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT decision_version FOREIGN KEY (model_id, version, digest, author)
        REFERENCES pedigree.model_version (model_id, version, digest, created_by),
    CONSTRAINT decision_not_by_author CHECK (lower(decided_by) <> lower(author))
);

CREATE INDEX decision_of_version ON pedigree.decision (model_id, version, decision_id);

CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON pedigree.decision
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON pedigree.decision
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_append_only;
ALTER TABLE pedigree.decision ENABLE ALWAYS TRIGGER decision_no_truncate;

-- How the versions that wait for an automatic stage stood when they were last looked at. It follows
-- from the tables before, so it has no events of its own.
CREATE TABLE pedigree.candidacy (
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text COLLATE "C" NOT NULL,
    waits_for text[] NOT NULL,
    evaluated_at timestamptz NOT NULL,
    -- When time alone may change it: a soak ends, a verdict or an approval grows too old.
    next_evaluation_at timestamptz,
    PRIMARY KEY (model_id, version, stage),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version)
);

CREATE INDEX candidacy_due ON pedigree.candidacy (next_evaluation_at)
    WHERE next_evaluation_at IS NOT NULL;
