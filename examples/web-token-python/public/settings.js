// What is yours. Everybody can read it; the key is not here.
export const GATEWAY = "https://llm.example.com";
export const MODEL = "qwen2.5:7b";
