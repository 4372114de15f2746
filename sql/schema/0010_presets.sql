-- Presets: a model with a prompt of the owner's, which callers know as the model @preset/NAME.

create table gateway.presets (
    name text not null,
    version integer not null,
    model text not null,
    system text not null, -- the prompt that comes first, and that no caller sees
    parameters jsonb not null default '{}',
    template text, -- of the message that is made of the variables
    variables jsonb not null default '{}',
    locked boolean not null default false, -- callers send variables and nothing else
    revision uuid not null default gen_random_uuid(), -- of this content, so that gateways know it
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint presets_pkey primary key (name),
    constraint the_name_must_be_1_to_64_of_a_to_z_0_to_9_dot_dash_underscore check (
        name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'
    ),
    constraint the_model_must_have_1_to_200_printable_ascii_characters check (
        model ~ '^[!-~]([ -~]{0,198}[!-~])?$'
    ),
    constraint a_preset_cannot_be_the_model_of_a_preset check (lower(model) not like '@preset/%'),
    constraint the_system_prompt_must_have_at_most_32768_characters check (
        length(system) <= 32768
    ),
    constraint the_template_must_have_1_to_16384_characters check (
        length(template) between 1 and 16384
    ),
    constraint the_parameters_must_be_an_object check (jsonb_typeof(parameters) = 'object'),
    constraint the_variables_must_be_an_object check (jsonb_typeof(variables) = 'object')
);

-- What a preset was, and is: the last 20 versions, to go back to.
create table gateway.preset_versions (
    name text not null references gateway.presets on delete cascade,
    version integer not null,
    content jsonb not null, -- see gateway.preset_content
    updated_at timestamptz not null,
    constraint preset_versions_pkey primary key (name, version)
);
