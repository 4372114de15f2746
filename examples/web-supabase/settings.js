// What is yours. Everybody can read it; there is no key of the gateway in this page.
export const GATEWAY = "https://llm.example.com";
export const MODEL = "qwen2.5:7b";
export const SUPABASE = "https://REF.supabase.co";
export const PUBLISHABLE_KEY = "sb_publishable_…";
