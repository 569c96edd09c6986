"""Triggers and functions of the log: append-only tables, the sealer's queue, event times, one function that appends.

Append-only: no event is altered, and an event may be deleted only if its tombstone exists and no legal hold is on its
change; the tables that prove the log are append-only as well. The triggers are ENABLE ALWAYS, because
`session_replication_role = replica` bypasses an ordinary trigger. There is no TRUNCATE trigger, because it would break
the flush of Django's transactional tests: in production the tables belong to the role that migrates, and the role of
the application gets neither UPDATE, DELETE nor TRUNCATE on them.

Appended to by one function of the owner: a role that may insert rows could bypass the ledger and add events of another
day, with a text of its choice. The function takes the values of an event, determines time and number itself, and builds
the text from them, so that no argument can contradict another column. It runs with the owner's rights: its search path
is fixed, and only roles with a grant may call it. It accepts events that prove something about the log only from the
roles that may do what these events record.
"""

from django.db import migrations

REFUSE = """
    CREATE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
RETIRED = """
    EXISTS (SELECT 1 FROM audit_tombstone t JOIN audit_treeleaf s ON s.event = t.event AND s.leaf = t.leaf
            WHERE t.event = OLD.id)
    AND NOT EXISTS (SELECT 1 FROM audit_legalhold h WHERE h.change = OLD.change)
"""
GUARD_EVENT = f"""
    CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND {RETIRED} THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
QUEUE_EVENT = """
    CREATE FUNCTION audit_event_queue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_unsealedevent (event) VALUES (NEW.id);
        RETURN NULL;
    END $$
"""
CHECK_CLOCK = """
CREATE FUNCTION audit_event_date() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.at BETWEEN clock_timestamp() - interval '5 seconds' AND clock_timestamp() + interval '5 seconds' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: an event of another time refused'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
APPEND = """
CREATE FUNCTION audit_append(
    action text, actor text, address text, change bigint, http_status integer, data text, request text, secret bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
    instant timestamptz;
    number bigint;
    place integer;
BEGIN
    IF $1 IN ('audit.key_changed', 'audit.dated', 'audit.checkpoint_mailed') THEN
        IF NOT has_table_privilege(caller, 'public.audit_treeleaf', 'INSERT') THEN
            RAISE EXCEPTION 'permission denied for event %: the sealer alone records it', $1
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    ELSIF $1 IN ('audit.pruned', 'audit.retention_changed', 'audit.hold_placed', 'audit.hold_lifted', 'audit.restored') THEN
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
    INSERT INTO public.audit_event (at, action, actor, change, seq, secret, http_status, text)
    VALUES (
        instant, $1, $2, $4, place, $8, $5,
        '{"action":' || to_json($1)::text || ',"actor":' || to_json($2)::text || ',"address":' || to_json($3)::text
        || ',"at":"' || to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00')
        || '","change":' || COALESCE($4::text, 'null') || ',"data":' || $6
        || ',"http_status":' || COALESCE($5::text, 'null') || ',"request":' || to_json($7)::text || ',"secret":' || COALESCE($8::text, 'null')
        || ',"seq":' || COALESCE(place::text, 'null') || ',"v":1}'
    )
    RETURNING id INTO number;
    RETURN number;
END $$;
REVOKE ALL ON FUNCTION audit_append FROM PUBLIC;
"""

EVENT_APPEND_ONLY = """
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_guard();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_append_only;
"""
TOMBSTONE_APPEND_ONLY = """
CREATE TRIGGER audit_tombstone_append_only BEFORE UPDATE OR DELETE ON audit_tombstone
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
ALTER TABLE audit_tombstone ENABLE ALWAYS TRIGGER audit_tombstone_append_only;
"""
SEAL_APPEND_ONLY = """
CREATE TRIGGER audit_treeleaf_append_only BEFORE UPDATE OR DELETE ON audit_treeleaf
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
ALTER TABLE audit_treeleaf ENABLE ALWAYS TRIGGER audit_treeleaf_append_only;
"""
SUBTREE_APPEND_ONLY = """
CREATE TRIGGER audit_subtree_append_only BEFORE UPDATE OR DELETE ON audit_subtree
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
ALTER TABLE audit_subtree ENABLE ALWAYS TRIGGER audit_subtree_append_only;
"""
CHECKPOINT_APPEND_ONLY = """
CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_event_refuse();
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_append_only;
"""
EVENT_IS_QUEUED = """
CREATE TRIGGER audit_event_queue AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_queue();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_queue;
"""
EVENT_IS_DATED = """
CREATE TRIGGER audit_event_dated BEFORE INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_date();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_dated;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION audit_event_refuse()"),
        migrations.RunSQL(GUARD_EVENT, "DROP FUNCTION audit_event_guard()"),
        migrations.RunSQL(QUEUE_EVENT, "DROP FUNCTION audit_event_queue()"),
        migrations.RunSQL(CHECK_CLOCK, "DROP FUNCTION audit_event_date()"),
        migrations.RunSQL(APPEND, "DROP FUNCTION audit_append"),
        migrations.RunSQL(EVENT_APPEND_ONLY, "DROP TRIGGER audit_event_append_only ON audit_event"),
        migrations.RunSQL(TOMBSTONE_APPEND_ONLY, "DROP TRIGGER audit_tombstone_append_only ON audit_tombstone"),
        migrations.RunSQL(SEAL_APPEND_ONLY, "DROP TRIGGER audit_treeleaf_append_only ON audit_treeleaf"),
        migrations.RunSQL(SUBTREE_APPEND_ONLY, "DROP TRIGGER audit_subtree_append_only ON audit_subtree"),
        migrations.RunSQL(CHECKPOINT_APPEND_ONLY, "DROP TRIGGER audit_checkpoint_append_only ON audit_checkpoint"),
        migrations.RunSQL(EVENT_IS_QUEUED, "DROP TRIGGER audit_event_queue ON audit_event"),
        migrations.RunSQL(EVENT_IS_DATED, "DROP TRIGGER audit_event_dated ON audit_event"),
    ]
