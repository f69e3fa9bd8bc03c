"""The bounded fuzz run: whatever arrives, the outcome is success or a code of the catalogue, within bounds.

| module | holds |
|---|---|
| `mutation` | inputs changed: bytes, tokens, JSON trees, base64 |
| `material` | the fixed sessions, the fast primitives, what the published vectors offer as a start |
| `messages` | HTTP requests of the protocol, right or wrong in chosen places and signed over it |
| `servers` | targets: the ASGI stack, by raw bytes over h11, by scopes, and uvicorn over loopback |
| `clients` | targets: the client against hostile answers |
| `parsers` | targets: JSON, base64, SSE, DER, envelopes, handshakes, tickets, attestations, stored sessions and more |
| `seals` | targets: sealed envelopes of every kind |
| `engine` | the seeded loop with its bounds, and its report |
| `guided` | the same targets under atheris, where it is installed |

`python -m tests.fuzz --help`.
"""
