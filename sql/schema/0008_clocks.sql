-- What time it was when gateways last swept, the evidence by which a clock that jumps is known for
-- wrong; which gateways there are; and a rate window of seconds.

create table gateway.clock (
    only_row boolean primary key default true check (only_row),
    seen_at timestamptz not null,
    steady_since timestamptz not null -- no gap and no jump since
);
insert into gateway.clock (seen_at, steady_since) values (clock_timestamp(), clock_timestamp());

create table gateway.gateways (
    id uuid primary key, -- of a running process
    seen_at timestamptz not null
);

-- 61 seconds in place of seven buckets of ten. The calls of the last minute count as those of this
-- moment. What the window was called while it ran is of no use later.
alter table gateway.key_counters
alter column window_counts set default array_fill(0, array[61]);
update gateway.key_counters
set
    bucket = floor(extract(epoch from clock_timestamp()))::bigint,
    window_counts = array[(select sum(n) from unnest(window_counts) as w (n))::integer]
    || array_fill(0, array[60])
where cardinality(window_counts) = 7;

-- They take other arguments now: the old ones beside the new ones would make a call ambiguous.
drop function if exists public.authorize_request(
    uuid, text, text, text, text, text, integer, integer, integer
);
drop function if exists gateway.authorize_request_at(
    timestamptz, uuid, text, text, text, text, text, integer, integer, integer
);
drop function if exists public.settle_requests(jsonb);
drop function if exists gateway.settle_requests_at(timestamptz, jsonb);
drop function if exists public.sweep_holds(uuid[], integer);
drop function if exists gateway.sweep_holds_at(timestamptz, uuid[], integer);
drop function if exists gateway.is_counted(timestamptz, uuid, uuid);
drop function if exists gateway.limit_refusal(
    gateway.api_keys, gateway.key_counters, timestamptz, bigint, bigint, integer
);
drop function if exists gateway.grantable(
    gateway.api_keys, gateway.key_counters, timestamptz, bigint, integer
);

-- A sweep says how many gateways there are, too.
drop type if exists gateway.sweep_result;
create type gateway.sweep_result as (released integer, renewed integer, gateways integer);
