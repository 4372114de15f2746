"""Tokens of others (JWT): those of Cloudflare Access, and those of a website's logged-in visitors.

One way for both, by RFC 8725: `tokens` reads a token strictly, `key_sets` has the keys of its
issuer, `verifier` puts the two together.
"""
