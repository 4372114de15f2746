-- The calls of the whole window beside those of each second, so that nobody adds them up.
alter table gateway.key_counters add column window_calls integer not null default 0;
update gateway.key_counters
set window_calls = (select coalesce(sum(n), 0) from unnest(window_counts) as w (n))::integer;

-- What is decided and counted is worked out before it is written.
alter table gateway.key_counters drop column last_granted;
alter table gateway.key_counters drop column last_charged;

-- They take and give other things now, or are gone: the old ones would stay beside the new ones.
drop function if exists gateway.limit_refusal(
    gateway.api_keys, gateway.key_counters, timestamptz, bigint, bigint, integer, integer
);
drop function if exists gateway.make_verdict(
    timestamptz, gateway.api_keys, gateway.key_counters, text, integer
);
drop function if exists gateway.find_caller(timestamptz, text, text, text, text, jsonb);
drop function if exists gateway.limit_verdict(
    timestamptz, gateway.api_keys, gateway.key_counters, text, bigint, integer, integer
);
drop function if exists gateway.visitor_denial(
    timestamptz, timestamptz, gateway.api_keys, gateway.visitor, gateway.visitor_room
);
drop function if exists gateway.tell_visitor(
    timestamptz, timestamptz, gateway.verdict, gateway.visitor
);
drop function if exists gateway.counter_of(timestamptz, uuid);
drop function if exists gateway.move_to_month(uuid, timestamptz);
drop function if exists gateway.settle_hold(
    gateway.holds, bigint, bigint, text, text, integer, integer, text
);
