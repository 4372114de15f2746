// What is yours. Everybody can read it.
export const GATEWAY = "https://llm.example.com";
export const KEY = "llm_…";
export const MODEL = "qwen2.5:7b";
