-- Whether a model is one of those that a key may use, all in canonical form. In an entry `*` stands
-- for any run of characters; no other character is more than itself. Null: one was not given. An
-- entry that is null allows nothing, and neither does an empty list.
-- gateway/core/model_names.py has a twin; tests/vectors/allowed_models.json holds both to the same
-- answers.
create or replace function gateway.model_allowed(p_model text, p_allowed text[]) returns boolean
language sql immutable strict parallel safe
return (
    select
        coalesce(bool_or(
            a.entry is not null
            and p_model like replace(regexp_replace(a.entry, '([\\%_])', '\\\1', 'g'), '*', '%')
        ), false)
    from unnest(p_allowed) as a (entry)
);
