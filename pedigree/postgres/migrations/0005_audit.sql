-- Events, written in the transaction of the change they tell of, and their one order.

CREATE TABLE pedigree.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT event_id_unique UNIQUE,
    type text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    version integer,
    -- RFC 8785 bytes of the event, and their RFC 6962 leaf hash.
    canonical bytea NOT NULL,
    leaf bytea NOT NULL CHECK (length(leaf) = 32)
);

CREATE INDEX event_model ON pedigree.event (model, version);

-- Committed events that have no place in the feed yet. An id is no place: ids are given before
-- commit, so a reader that goes by them misses whatever commits late.
CREATE TABLE pedigree.unsequenced (
    id bigint PRIMARY KEY REFERENCES pedigree.event (id)
);

CREATE TABLE pedigree.feed (
    seq bigint PRIMARY KEY,
    id bigint NOT NULL CONSTRAINT feed_event_unique UNIQUE REFERENCES pedigree.event (id)
);

-- Events are facts: nobody changes or removes one, also not with session_replication_role set.
CREATE FUNCTION pedigree.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON pedigree.event
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON pedigree.event
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER feed_append_only BEFORE UPDATE OR DELETE ON pedigree.feed
    FOR EACH ROW EXECUTE FUNCTION pedigree.refuse_change();
CREATE TRIGGER feed_no_truncate BEFORE TRUNCATE ON pedigree.feed
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.refuse_change();
ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_append_only;
ALTER TABLE pedigree.event ENABLE ALWAYS TRIGGER event_no_truncate;
ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_append_only;
ALTER TABLE pedigree.feed ENABLE ALWAYS TRIGGER feed_no_truncate;
