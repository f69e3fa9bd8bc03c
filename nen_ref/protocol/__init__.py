"""Nen as a protocol, sans-IO: bytes in, bytes or typed values out.

No sockets, no clock, no randomness of its own: time and random bytes are arguments, so that every run can be replayed.
Standard library only. Read in this order:

| module | holds | specification |
|---|---|---|
| `errors` | the catalogue of ISO codes, and the exceptions that carry them | 10 |
| `wire` | strict base64 and JSON | 1 |
| `messages` | requests, replies and headers as values | |
| `handshake`, `identity` | the handshake, both sides | 2, 3 |
| `session` | keys, and the life of a session as a transition table | 9 |
| `signing` | the canonical string and its HMAC | 5 |
| `payload` | sealing and opening `{"ct", "n"}` | 4 |
| `verification` | the server's nine steps, in order | 5, 6 |
| `responses` | sealing answers | 7 |
| `sse`, `stream` | server-sent events, encrypted streams | 8 |
| `client` | one session as its client sees it | 4, 7, 8, 9 |

Beside the sessions stand sealed envelopes (spec/seal.md): `seal`, then `seal_signed`, `seal_framed`, `seal_media`,
`seal_fields` and `seal_webhook`.
"""
