-- run as superuser
-- Schemas, roles, tenancy, the row-security guard and the operations tables every room writes to.

CREATE SCHEMA IF NOT EXISTS extensions;
CREATE EXTENSION IF NOT EXISTS ltree SCHEMA extensions;

-- Roles belong to the cluster, not to the database: they may be there already.
DO $roles$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('tw_owner', 'NOLOGIN BYPASSRLS'),
            ('tw_pipeline', 'LOGIN BYPASSRLS'),
            ('tw_engine', 'LOGIN'),
            ('tw_reader', 'NOLOGIN')
        ) AS roles (name, options)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.options);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this cluster is being migrated at the same moment
            END;
        END IF;
    END LOOP;
END
$roles$;

DO $settings$
BEGIN
    -- A lost BYPASSRLS is an error, never an empty mart. A killed client's statement ends within two seconds.
    EXECUTE format('ALTER ROLE tw_pipeline IN DATABASE %I SET row_security = off', current_database());
    EXECUTE format('ALTER ROLE tw_pipeline IN DATABASE %I SET client_connection_check_interval = ''2s''', current_database());
    EXECUTE format('ALTER ROLE tw_engine IN DATABASE %I SET client_connection_check_interval = ''2s''', current_database());
    EXECUTE format('ALTER DATABASE %I SET search_path = extensions', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO tw_pipeline, tw_engine, tw_reader', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tw_pipeline, tw_engine', current_database());
    -- dbt asks CREATE SCHEMA IF NOT EXISTS for schemas that are there.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO tw_pipeline', current_database());
END
$settings$;
SET LOCAL search_path = extensions;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;

DO $schemas$
DECLARE
    schema_name text;
BEGIN
    FOREACH schema_name IN ARRAY ARRAY[
        'tenancy', 'staging', 'master', 'planning', 'finance', 'intelligence', 'analytics', 'publish', 'ops'
    ] LOOP
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION tw_owner', schema_name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO tw_pipeline, tw_engine, tw_reader', schema_name);
        EXECUTE format('GRANT CREATE ON SCHEMA %I TO tw_pipeline', schema_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tw_owner IN SCHEMA %I GRANT SELECT ON TABLES TO tw_pipeline, tw_engine', schema_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tw_pipeline IN SCHEMA %I GRANT SELECT ON TABLES TO tw_engine', schema_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tw_owner IN SCHEMA %I GRANT SELECT ON TABLES TO tw_reader', schema_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE tw_pipeline IN SCHEMA %I GRANT SELECT ON TABLES TO tw_reader', schema_name);
    END LOOP;
END
$schemas$;

SET LOCAL ROLE tw_owner;

CREATE TABLE tenancy.tenants (
    tenant_id text PRIMARY KEY CHECK (tenant_id ~ '^[a-z][a-z0-9_]{0,30}$'),
    name text NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenancy.tenants IS 'One company. settings: see include/settings.py for keys and defaults.';

CREATE TABLE tenancy.reader_roles (
    tenant_id text NOT NULL REFERENCES tenancy.tenants,
    role_name name NOT NULL UNIQUE,
    PRIMARY KEY (tenant_id, role_name)
);
COMMENT ON TABLE tenancy.reader_roles IS
    'Binds a log-in to one tenant. Readers are recognised by session_user, which they cannot change.';

-- The engine's tenant is a setting of its transaction; a reader's is its log-in. Both are stable, so that a
-- policy written as (SELECT f()) is evaluated once per query and indexes on tenant_id stay usable.
CREATE FUNCTION tenancy.tenant_setting() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NULLIF(current_setting('app.tenant_id', true), '') $$;

CREATE FUNCTION tenancy.tenant_of_session() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT tenant_id FROM tenancy.reader_roles WHERE role_name = session_user $$;

RESET ROLE;

CREATE FUNCTION tenancy.protect(relation regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog
    AS $$
DECLARE
    kind "char";
    tenant_type oid;
BEGIN
    SELECT c.relkind INTO kind FROM pg_class c WHERE c.oid = relation;
    IF kind = 'm' THEN
        RAISE EXCEPTION 'materialized view % refused: row security cannot apply to it; build a table', relation;
    ELSIF kind = 'f' THEN
        RAISE EXCEPTION 'foreign table % refused: row security cannot apply to it; land its rows in a table', relation;
    ELSIF kind = 'v' THEN
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true, security_barrier = true)', relation);
    ELSIF kind IN ('r', 'p') THEN
        SELECT a.atttypid INTO tenant_type FROM pg_attribute a
            WHERE a.attrelid = relation AND a.attname = 'tenant_id' AND NOT a.attisdropped;
        IF tenant_type IS NULL THEN
            RAISE EXCEPTION 'table % refused: it has no tenant_id, so its rows cannot be kept apart', relation;
        END IF;
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
        IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'tenant_engine') THEN
            EXECUTE format(
                'CREATE POLICY tenant_engine ON %s TO tw_engine
                    USING (tenant_id = (SELECT tenancy.tenant_setting()))
                    WITH CHECK (tenant_id = (SELECT tenancy.tenant_setting()))', relation);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'tenant_reader') THEN
            IF relation = 'tenancy.reader_roles'::regclass THEN
                EXECUTE format(
                    'CREATE POLICY tenant_reader ON %s FOR SELECT TO tw_reader USING (role_name = session_user)', relation);
            ELSE
                EXECUTE format(
                    'CREATE POLICY tenant_reader ON %s FOR SELECT TO tw_reader
                        USING (tenant_id = (SELECT tenancy.tenant_of_session()))', relation);
            END IF;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION tenancy.protect(regclass) IS
    'Puts row security on one relation. The guard calls it for every relation made in a governed schema.';
REVOKE ALL ON FUNCTION tenancy.protect(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.guard() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog
    AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT DISTINCT c.oid AS relation
        FROM pg_event_trigger_ddl_commands() d
        JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND n.nspname IN ('tenancy', 'staging', 'master', 'planning', 'finance', 'intelligence',
                            'analytics', 'publish', 'ops')
    LOOP
        PERFORM tenancy.protect(made.relation);
    END LOOP;
END
$$;

SELECT tenancy.protect('tenancy.tenants'), tenancy.protect('tenancy.reader_roles');

-- dbt drops and remakes its relations; the policies are put back in the same statement that makes them.
CREATE EVENT TRIGGER tenancy_guard ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW', 'CREATE FOREIGN TABLE')
    EXECUTE FUNCTION tenancy.guard();

SET LOCAL ROLE tw_owner;

INSERT INTO tenancy.tenants (tenant_id, name, is_active) VALUES ('system', 'Rows of no tenant', false);

CREATE TABLE ops.lease (
    tenant_id text NOT NULL DEFAULT 'system',
    scope text NOT NULL,
    token bigint NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, scope)
);
COMMENT ON TABLE ops.lease IS
    'Who may write for a scope: the holder of the highest token. A newer attempt raises it and ends older sessions.';

CREATE TABLE ops.runs (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    verb text NOT NULL,
    as_of date NOT NULL,
    period text,
    parameters jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('running', 'success', 'failed')),
    summary jsonb NOT NULL DEFAULT '{}',
    error text,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, verb, run_id)
);
COMMENT ON TABLE ops.runs IS 'One row per verb, tenant and run.';

CREATE TABLE ops.run_log (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    step text NOT NULL,
    attempt integer NOT NULL DEFAULT 1,
    status text NOT NULL CHECK (status IN ('running', 'success', 'failed')),
    row_count bigint,
    message text,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, run_id, step, attempt)
);
COMMENT ON TABLE ops.run_log IS 'One row per step and attempt of a run.';

CREATE TABLE ops.dbt_results (
    tenant_id text NOT NULL DEFAULT 'system',
    run_id text NOT NULL,
    layer text NOT NULL,
    node_id text NOT NULL,
    status text NOT NULL,
    row_count bigint,
    seconds numeric(12, 3) NOT NULL,
    message text,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, run_id, layer, node_id)
);
COMMENT ON TABLE ops.dbt_results IS 'One row per dbt node and transform run, the last attempt.';

CREATE TABLE ops.fault (
    tenant_id text NOT NULL DEFAULT 'system',
    name text NOT NULL,
    nth integer NOT NULL DEFAULT 1 CHECK (nth >= 1),
    action text NOT NULL CHECK (action IN ('kill', 'stop', 'raise')),
    PRIMARY KEY (tenant_id, name)
);
COMMENT ON TABLE ops.fault IS 'One-shot faults for crash tests; read only where TRADEWIND_FAULTS=1.';

GRANT INSERT, UPDATE ON ops.lease, ops.runs, ops.run_log TO tw_engine, tw_pipeline;
GRANT INSERT, UPDATE, DELETE ON ops.dbt_results TO tw_pipeline;
GRANT UPDATE, DELETE ON ops.fault TO tw_pipeline, tw_engine;
