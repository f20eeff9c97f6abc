-- Sessions of the web page: somebody signed in by a token, or at an issuer. The secret is in their
-- browser's cookie, and its hash is here.
CREATE TABLE pedigree.web_session (
    session_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    token_id bigint REFERENCES pedigree.access_token (token_id),
    identity_id bigint REFERENCES pedigree.identity (identity_id),
    -- What the token of the identity gave: its provider, rule, roles, models, groups and time.
    login jsonb,
    -- Of the answer of the issuer, which begins one session only.
    login_hash bytea,
    began_at timestamptz NOT NULL,
    -- To five minutes.
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT web_session_secret_unique UNIQUE (secret_hash),
    CONSTRAINT web_session_login_unique UNIQUE (login_hash),
    CONSTRAINT web_session_is_of_one CHECK (
        num_nonnulls(token_id, identity_id) = 1
        AND (identity_id IS NULL) = (login IS NULL)
        AND (identity_id IS NULL) = (login_hash IS NULL)
    ),
    CONSTRAINT web_session_end CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE INDEX web_session_token ON pedigree.web_session (token_id);
CREATE INDEX web_session_identity ON pedigree.web_session (identity_id);
CREATE INDEX web_session_expiry ON pedigree.web_session (expires_at);

-- How long a session lasts without a request, and in any case.
CREATE FUNCTION pedigree.web_session_idle() RETURNS interval LANGUAGE sql IMMUTABLE AS $$
SELECT interval '8 hours'
$$;

CREATE FUNCTION pedigree.web_session_length() RETURNS interval LANGUAGE sql IMMUTABLE AS $$
SELECT interval '24 hours'
$$;

-- Whether a session gives rights now, as far as its own row says.
CREATE FUNCTION pedigree.is_open(session pedigree.web_session) RETURNS boolean
LANGUAGE sql STABLE AS $$
SELECT session.ended_at IS NULL AND session.expires_at > clock_timestamp()
    AND session.used_at > clock_timestamp() - pedigree.web_session_idle()
$$;

-- Begin the session of a valid token, or of an identity; no row if there is no such token or identity, or
-- if the issuer's answer has begun one before.
CREATE FUNCTION pedigree.begin_web_session(
    hash bytea, of_token bigint, of_issuer text, of_subject text, given_login jsonb,
    given_login_hash bytea
) RETURNS SETOF pedigree.web_session LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := clock_timestamp();
    until timestamptz := now + pedigree.web_session_length();
    of_identity bigint;
BEGIN
    PERFORM pedigree.acting();
    -- What nobody needs any more; the events keep who signed in.
    DELETE FROM pedigree.web_session s USING (
        SELECT w.session_id FROM pedigree.web_session w
        WHERE w.expires_at < now - interval '30 days'
        ORDER BY w.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
    ) AS past
    WHERE s.session_id = past.session_id;
    IF of_token IS NOT NULL THEN
        SELECT least(until, t.expires_at) INTO until FROM pedigree.access_token t
        WHERE t.token_id = of_token AND t.revoked_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > now)
        FOR SHARE;
    ELSE
        SELECT i.identity_id INTO of_identity FROM pedigree.identity i
        WHERE i.issuer = of_issuer AND i.subject = of_subject;
    END IF;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    INSERT INTO pedigree.web_session (
        secret_hash, token_id, identity_id, login, login_hash, began_at, used_at, expires_at
    ) VALUES (hash, of_token, of_identity, given_login, given_login_hash, now, now, until)
    ON CONFLICT ON CONSTRAINT web_session_login_unique DO NOTHING
    RETURNING *;
END
$$;

-- An open session with its token and what that token's principal holds, or with its identity, as JSON.
CREATE FUNCTION pedigree.find_web_session(wanted_hash bytea)
RETURNS TABLE (session text, token text, access text, identity text)
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
    RETURN QUERY
    SELECT json_build_object(
        'session_id', s.session_id, 'expires_at', s.expires_at, 'login', s.login,
        'issuer', i.issuer, 'subject', i.subject,
        'is_idle', s.used_at < clock_timestamp() - interval '5 minutes'
    )::text, b.token, b.access, f.identity
    FROM pedigree.web_session s
    LEFT JOIN pedigree.access_token t ON t.token_id = s.token_id
    LEFT JOIN pedigree.identity i ON i.identity_id = s.identity_id
    LEFT JOIN LATERAL pedigree.find_bearer(t.secret_hash) b ON true
    LEFT JOIN LATERAL pedigree.find_identity(i.issuer, i.subject) f ON true
    WHERE s.secret_hash = wanted_hash AND pedigree.is_open(s);
END
$$;

-- Note that a session is used, to five minutes.
CREATE FUNCTION pedigree.note_web_session_used(of_session bigint) RETURNS void LANGUAGE sql AS $$
UPDATE pedigree.web_session s SET used_at = clock_timestamp()
WHERE s.session_id = of_session AND pedigree.is_open(s)
    AND s.used_at < clock_timestamp() - interval '5 minutes'
$$;

-- End a session; no row if it does not exist, or ended before.
CREATE FUNCTION pedigree.end_web_session(of_session bigint) RETURNS SETOF pedigree.web_session
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    UPDATE pedigree.web_session s
    SET ended_at = clock_timestamp(), ended_by = pedigree.acting()
    WHERE s.session_id = of_session AND s.ended_at IS NULL
    RETURNING s.*;
END
$$;
