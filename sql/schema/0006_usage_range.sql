-- They take a grouping now: the old ones beside the new ones would make a call ambiguous.
drop function if exists public.usage_report(uuid, date, date);
drop function if exists gateway.usage_report_at(timestamptz, uuid, date, date);
drop function if exists public.admin_usage(uuid, date, date);
drop function if exists gateway.admin_usage_at(timestamptz, uuid, date, date);
