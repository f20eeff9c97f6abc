-- Names of stages and aliases have one rule, and a training keeps all that was stated with it.

-- The code judges names under the model's lock, as pedigree/lifecycle/pointer_names.py says; here is what the
-- database itself refuses, whichever code asks. It refuses nothing that is stored: a stage or an alias
-- whose name breaks the rule (latest, none, v1, 3, a/b, an empty one, a twin by case, a stage called as
-- an alias) keeps its name in policies, tenures and events, since events do not change. It is shown, its
-- timeline is read, a version leaves such a stage and such an alias is deleted as before; the version is
-- named by its number where @NAME means something else, as @latest does. The code of before goes on with
-- such names while a deployment rolls. The code of now lets no version enter the stage until the policy
-- names it otherwise, and moves no such alias.
CREATE FUNCTION pedigree.judge_pointer_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.pointer = NEW.pointer AND t.name = NEW.name
    ) THEN
        RETURN NEW;
    END IF;
    -- Compared as ASCII: what is the same letter beyond it depends on the server's locale.
    IF NEW.name ~ '[\s/\\:@%#.]' OR length(NEW.name) NOT BETWEEN 1 AND 255
        OR NEW.name ~ '^[vV]?[0-9]+$' OR lower(NEW.name COLLATE "C") IN ('latest', 'none')
    THEN
        RAISE EXCEPTION 'no stage and no alias may be called %', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_name';
    END IF;
    IF EXISTS (
        SELECT FROM pedigree.tenure t
        WHERE t.model_id = NEW.model_id AND t.name = NEW.name AND t.pointer <> NEW.pointer
            AND t.held_until IS NULL
    ) THEN
        RAISE EXCEPTION '% is a stage and would be an alias, or the reverse', quote_literal(NEW.name)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tenure_names_apart';
    END IF;
    RETURN NEW;
END
$$;

-- Not one that began before this transaction: that is a row of another database, which is copied.
CREATE TRIGGER tenure_named BEFORE INSERT ON pedigree.tenure
    FOR EACH ROW WHEN (NEW.held_since >= transaction_timestamp())
    EXECUTE FUNCTION pedigree.judge_pointer_name();

-- What was stated with a training beside what it already has. The version keeps what its first training
-- stated, or people changed since. NULL in owners: a training of before, of which it is not known.
ALTER TABLE pedigree.training
    ADD COLUMN description text,
    ADD COLUMN owners text[],
    ADD COLUMN tags jsonb,
    ADD COLUMN risk_class text,
    ADD COLUMN risk_assessment_id text,
    ADD COLUMN drift_monitor_id text,
    ADD COLUMN datasheet_uri text,
    -- How many trainings the same step of the same run had before, which stated something else.
    ADD COLUMN restated integer NOT NULL DEFAULT 0;

DROP INDEX pedigree.training_run_unique;
CREATE UNIQUE INDEX training_run_unique
    ON pedigree.training (model_id, version, run_id, coalesce(step_key, ''), restated);
