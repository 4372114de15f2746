// What is yours. Everybody can read it; the key is not here, only its id.
export const GATEWAY = "https://llm.example.com";
export const MODEL = "qwen2.5:7b";
export const FUNCTION = "https://REF.supabase.co/functions/v1/visitor-token";
export const SITE = "KEY_ID";
export const WIDGET = "1x00000000000000000000AA"; // Turnstile's sitekey; this one is for trials
