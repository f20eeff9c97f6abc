-- What the web page reads, without looking at rows that it does not show.

-- The events of one version, newest first.
CREATE INDEX event_of_version ON pedigree.event (model, version, id) WHERE version IS NOT NULL;

-- The orders of the list of models besides that by name. A number, so that ties follow each other by name;
-- of a time without a zone, because only its epoch is the same in every session.
CREATE INDEX search_model_newest ON pedigree.search_model (
    (- date_part('epoch', coalesce(latest_at, created_at) AT TIME ZONE 'UTC')), name_key
);
CREATE INDEX search_model_metric ON pedigree.search_model (
    (- coalesce(value, '-Infinity'::double precision)), name_key
);
CREATE INDEX search_model_waiting ON pedigree.search_model (
    (coalesce(date_part('epoch', asking_since AT TIME ZONE 'UTC'), 'Infinity'::double precision)),
    name_key
);
-- Models that need attention for a reason that few have; all of them are looked through otherwise.
CREATE INDEX search_model_asking ON pedigree.search_model (name_key) WHERE 'waiting' = ANY (attention);
CREATE INDEX search_model_stale ON pedigree.search_model (name_key) WHERE 'stale' = ANY (attention);
CREATE INDEX search_model_drifted ON pedigree.search_model (name_key) WHERE 'drifted' = ANY (attention);
CREATE INDEX search_model_quarantined ON pedigree.search_model (name_key)
    WHERE 'quarantined' = ANY (attention);

-- The newest transaction that changed what the counts of the list are made of, by model, also of those
-- that left the list. A process keeps counts together with the snapshot in which it made them: they are true as
-- long as every transaction here is visible in that snapshot.
CREATE TABLE pedigree.search_model_change (
    model_id bigint PRIMARY KEY,
    changed_by xid8 NOT NULL
);
CREATE INDEX search_model_change_newest ON pedigree.search_model_change (changed_by);

CREATE FUNCTION pedigree.note_search_model_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.search_model_change AS known (model_id, changed_by)
    VALUES (coalesce(NEW.model_id, OLD.model_id), pg_current_xact_id())
    ON CONFLICT (model_id) DO UPDATE SET changed_by = excluded.changed_by
    WHERE known.changed_by <> excluded.changed_by;
    RETURN NULL;
END
$$;

CREATE TRIGGER listed_model_added AFTER INSERT OR DELETE ON pedigree.search_model
    FOR EACH ROW EXECUTE FUNCTION pedigree.note_search_model_change();
CREATE TRIGGER listed_model_changed AFTER UPDATE ON pedigree.search_model
    FOR EACH ROW WHEN (
        (OLD.stages, OLD.team, OLD.owners, OLD.risk_class, OLD.attention, OLD.name, OLD.words)
        IS DISTINCT FROM
        (NEW.stages, NEW.team, NEW.owners, NEW.risk_class, NEW.attention, NEW.name, NEW.words)
    ) EXECUTE FUNCTION pedigree.note_search_model_change();
