-- Reads that matter are events, at most one an hour for each reader, type and subject.

CREATE TABLE pedigree.noted_read (
    hour timestamptz NOT NULL,
    -- The sha256 of who read what: the table keeps no name of a person.
    read_hash bytea NOT NULL CHECK (length(read_hash) = 32),
    PRIMARY KEY (hour, read_hash)
);

-- Write the event of a read, unless this hour has it already; return the seconds until the hour ends.
-- It takes no lock of the model: a read changes nothing, so its place among the changes is free. Rows
-- of past hours are removed a few at a time, those that another call removes are skipped.
CREATE FUNCTION pedigree.note_read(
    reader text, event jsonb, hole text, of_model text, of_version integer
) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    this_hour timestamptz := date_trunc('hour', at);
BEGIN
    INSERT INTO pedigree.noted_read (hour, read_hash) VALUES (this_hour, sha256(convert_to(
        jsonb_build_array(reader, event ->> 'type', of_model, of_version)::text, 'UTF8'
    ))) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM pedigree.record_filled_events(
            jsonb_build_array(event), ARRAY[hole], ARRAY[pedigree.time_in_json(at)],
            of_model, of_version, at
        );
        DELETE FROM pedigree.noted_read r USING (
            SELECT hour, read_hash FROM pedigree.noted_read
            WHERE hour < this_hour - interval '1 hour'
            ORDER BY hour LIMIT 10 FOR UPDATE SKIP LOCKED
        ) AS past
        WHERE r.hour = past.hour AND r.read_hash = past.read_hash;
    END IF;
    RETURN extract(epoch FROM this_hour + interval '1 hour' - at);
END
$$;
