-- Whose a hold is that only keeps its place: see gateway.bar_holds.
create or replace function gateway.nobody() returns uuid
language sql immutable parallel safe
return '00000000-0000-0000-0000-000000000000'::uuid;
