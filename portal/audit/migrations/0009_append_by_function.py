"""Only a function of the owner's appends events, and the database holds each of them to its own clock.

The portal's role could insert any row before: of another day, past the ledger, with a text of its choice. The function
takes the values of an event, knows time and number itself, and writes the text from them, so that no argument can say
what another column says. It runs with the owner's rights: its search path is fixed, and only who is granted it may call
it. Events that prove something about the log are for the roles that may do what they speak of.

The function of 0008 stays for the release before, which takes texts apart: it takes them together again by way of this
one.
"""

from __future__ import annotations

from django.db import migrations

HOLD_TO_THE_CLOCK = """
CREATE FUNCTION audit_event_date() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.at BETWEEN clock_timestamp() - interval '5 seconds' AND clock_timestamp() + interval '5 seconds' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: an event of another time refused'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_event_dated BEFORE INSERT ON audit_event
FOR EACH ROW EXECUTE FUNCTION audit_event_date();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_dated;
"""
LET_GO_OF_THE_CLOCK = """
DROP TRIGGER audit_event_dated ON audit_event;
DROP FUNCTION audit_event_date();
"""
APPEND = """
CREATE FUNCTION audit_append(
    action text, actor text, address text, change bigint, code integer, data text, request text, secret bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
    instant timestamptz;
    number bigint;
    place integer;
BEGIN
    IF $1 IN ('audit.key_changed', 'audit.dated', 'audit.checkpoint_mailed') THEN
        IF NOT has_table_privilege(caller, 'public.audit_seal', 'INSERT') THEN
            RAISE EXCEPTION 'permission denied for event %: the sealer alone records it', $1
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    ELSIF $1 IN ('audit.pruned', 'audit.retention_changed', 'audit.held', 'audit.unheld', 'audit.restored') THEN
        IF NOT has_table_privilege(caller, 'public.audit_event', 'DELETE') THEN
            RAISE EXCEPTION 'permission denied for event %: the role that migrates alone records it', $1
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF json_typeof($6::json) IS DISTINCT FROM 'object' OR $6 ~ '[\\x01-\\x1f]' THEN
        RAISE EXCEPTION 'the data of an event are a JSON object on one line'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF $4 IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(16725, ($4 % 2147483648)::integer);
        place := (SELECT COALESCE(MAX(e.seq), 0) + 1 FROM public.audit_event e WHERE e.change = $4);
    END IF;
    instant := clock_timestamp();
    INSERT INTO public.audit_event (at, action, actor, change, seq, secret, code, text)
    VALUES (
        instant, $1, $2, $4, place, $8, $5,
        '{"action":' || to_json($1)::text || ',"actor":' || to_json($2)::text || ',"address":' || to_json($3)::text
        || ',"at":"' || to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')
        || '","change":' || COALESCE($4::text, 'null') || ',"code":' || COALESCE($5::text, 'null')
        || ',"data":' || $6 || ',"request":' || to_json($7)::text || ',"secret":' || COALESCE($8::text, 'null')
        || ',"seq":' || COALESCE(place::text, 'null') || ',"v":1}'
    )
    RETURNING id INTO number;
    RETURN number;
END $$;
REVOKE ALL ON FUNCTION audit_append FROM PUBLIC;
"""
APPEND_AS_BEFORE = """
CREATE OR REPLACE FUNCTION audit_event_append(
    action text, actor text, change bigint, secret bigint, code integer, head text, middle text, tail text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    said json := ($6 || $7 || 'null' || $8)::json;
BEGIN
    RETURN audit_append($1, $2, said ->> 'address', $3, $5, (said -> 'data')::text, said ->> 'request', $4);
END $$;
"""
APPEND_BY_INSERT = """
CREATE OR REPLACE FUNCTION audit_event_append(
    action text, actor text, change bigint, secret bigint, code integer, head text, middle text, tail text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    place integer;
    instant timestamptz;
BEGIN
    IF $3 IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(16725, ($3 % 2147483648)::integer);
        place := (SELECT COALESCE(MAX(e.seq), 0) + 1 FROM audit_event e WHERE e.change = $3);
    END IF;
    instant := clock_timestamp();
    INSERT INTO audit_event (at, action, actor, change, seq, secret, code, text)
    VALUES (
        instant, $1, $2, $3, place, $4, $5,
        $6 || to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')
        || $7 || COALESCE(place::text, 'null') || $8
    )
    RETURNING id INTO number;
    RETURN number;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_append")]
    operations = [
        migrations.RunSQL(HOLD_TO_THE_CLOCK, LET_GO_OF_THE_CLOCK),
        migrations.RunSQL(APPEND, "DROP FUNCTION audit_append"),
        migrations.RunSQL(APPEND_AS_BEFORE, APPEND_BY_INSERT),
    ]
