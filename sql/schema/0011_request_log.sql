-- What the owner looks at: the log page by page, with filters, and what today came to.

-- The machine that answered, as its gateway calls it; null: none did, or an older gateway told.
alter table gateway.usage_logs add column backend text;

-- What gateway.log_rows filters by, in the order of time. The rare values of the last two are what
-- is looked for. A model or a route is found by the first: an index for each would take 150 bytes a
-- request, as much as its row, and spare 15 ms of a log of 100,000.
drop index gateway.usage_logs_by_time; -- what it did, the first of these does
create index usage_logs_by_age on gateway.usage_logs (created_at);
create index usage_logs_by_key on gateway.usage_logs (api_key_id, created_at);
create index usage_logs_by_visitor on gateway.usage_logs (visitor, created_at)
where visitor is not null;
create index usage_logs_by_status on gateway.usage_logs (status, created_at)
where status <> 'ok';
create index usage_logs_by_source on gateway.usage_logs (usage_source, created_at)
where usage_source <> 'reported';

-- Days are added to, never moved, so it is written once a day for each key and model.
create index usage_daily_by_day on gateway.usage_daily (day);

-- It takes the machine now: the old one would stay beside the new one, called by none.
drop function if exists gateway.settle_hold(
    gateway.holds, bigint, bigint, text, text, integer, integer
);

-- gateway.added_up_usage does their work.
drop function if exists gateway.grouped_usage(timestamptz, uuid, date, date, text[]);
drop function if exists gateway.usage_rows(uuid, date, date);
