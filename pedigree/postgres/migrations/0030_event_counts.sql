-- How many events of each type the feed has, kept as it grows: counting a million takes too long.

CREATE TABLE pedigree.event_count (
    type text COLLATE "C" NOT NULL,
    -- What is counted apart within a type, see pedigree.event_detail; '' where nothing is.
    detail text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (type, detail)
);

-- Of a move the stage that was entered; of a check its name and whether it passed.
CREATE FUNCTION pedigree.event_detail(type text, canonical bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        CASE type
            WHEN 'version.stage_changed' THEN convert_from(canonical, 'UTF8')::json #>> '{body,to}'
            WHEN 'version.check_recorded' THEN
                (convert_from(canonical, 'UTF8')::json #>> '{body,check}') || ':'
                || (convert_from(canonical, 'UTF8')::json #>> '{body,passed}')
        END,
        ''
    )
$$;

-- By a trigger, so that also code of the version before counts what it sequences.
CREATE FUNCTION pedigree.count_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pedigree.event_count AS known (type, detail, count)
    SELECT event.type, pedigree.event_detail(event.type, event.canonical), count(*)
    FROM added JOIN pedigree.event USING (id)
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (type, detail) DO UPDATE SET count = known.count + excluded.count;
    RETURN NULL;
END
$$;

-- Nothing joins the feed between the count of what is there and the trigger.
LOCK TABLE pedigree.feed IN SHARE ROW EXCLUSIVE MODE;

INSERT INTO pedigree.event_count (type, detail, count)
SELECT event.type, pedigree.event_detail(event.type, event.canonical), count(*)
FROM pedigree.feed JOIN pedigree.event USING (id)
GROUP BY 1, 2;

CREATE TRIGGER feed_counted AFTER INSERT ON pedigree.feed
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION pedigree.count_events();

-- How many seconds ago an event happened.
CREATE FUNCTION pedigree.age_of_event(canonical bytea) RETURNS float8
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(0, extract(epoch FROM clock_timestamp()
        - (convert_from(canonical, 'UTF8')::json ->> 'at')::timestamptz)::float8)
$$;
