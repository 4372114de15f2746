-- Wrong admin secrets of the last quarter of an hour, a row each. Never more of them than lock
-- everybody out: see public.admin_login.

create table gateway.admin_failures (
    address text not null, -- as gateway.failure_address gives it
    failed_at timestamptz not null
);
