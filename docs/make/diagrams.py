"""Mermaid diagrams, drawn from the tables that the code and the specification run on."""

from __future__ import annotations

import re
from pathlib import Path

from nen_ref.protocol.messages import HANDSHAKE_PATH, REKEY_PATH, TERMINATE_PATH
from nen_ref.protocol.session import CLIENT_TRANSITIONS, ClientState

SPEC = Path(__file__).parents[2] / "spec" / "v1.md"
_STEP = re.compile(r"^\| (\d) \| (.+?) \| (ISO-[^|]+?) \|$", re.MULTILINE)


def mermaid(lines: list[str]) -> str:
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def sequence() -> str:
    """A session from its beginning to its end."""
    return mermaid(
        [
            "sequenceDiagram",
            "    participant C as Client",
            "    participant T as Where TLS ends",
            "    participant S as Server",
            "    participant H as Handler",
            "    Note over C: ek, dk = KeyGen()",
            f"    C->>S: POST {HANDSHAKE_PATH} {{pk}}",
            "    Note over S: ss, ct = Encaps(ek), HMAC key, sid",
            "    S-->>C: {sid, ct, hmac}",
            "    Note over T: sees sid and the HMAC key, not ss",
            "    Note over C: ss = Decaps(dk, ct), dk is wiped",
            "    C->>S: X-Nen-Session, -Timestamp, -Signature, {ct, n}",
            "    Note over S: the nine checks",
            "    S->>H: the JSON value",
            "    H-->>S: its answer",
            "    alt an answer",
            "        S-->>C: {ct, n} under a fresh n",
            "    else a stream",
            "        S-->>C: X-Nen-Stream-Nonce, one event for each chunk",
            "        S-->>C: the event that seals __FIN__",
            "    end",
            f"    C->>S: POST {TERMINATE_PATH}, X-Nen-Session",
            "    Note over C,S: both forget the keys",
        ]
    )


def sequence_v3() -> str:
    """A session of V3, with a rekey and a resumption."""
    return mermaid(
        [
            "sequenceDiagram",
            "    participant C as Client",
            "    participant T as Where TLS ends",
            "    participant S as Server",
            "    Note over C: ek, dk = KeyGen(), x",
            f"    C->>S: POST {HANDSHAKE_PATH} {{pk_kem, pk_x, securityMode}}",
            "    Note over S: Encaps(ek), y, k_enc, k_mac, psk, sid",
            "    S-->>C: {sid, ct, pk_x_server, ticket}, with an identity three more",
            "    Note over T: sees no key",
            "    Note over C: server_sig and its nonce are right, k_enc, k_mac, psk",
            "    C->>S: X-Nen-Session, -Timestamp, -Nonce, -Signature, {ct} or no body",
            "    S-->>C: {ct, n}, or a stream",
            f"    C->>S: POST {REKEY_PATH}, signed",
            "    S-->>C: {ok: true}",
            "    Note over C,S: k_enc and k_mac move on, nothing leads back",
            f"    C->>S: POST {HANDSHAKE_PATH} {{resume: ticket, rn}}, later",
            "    S-->>C: {sid, srn, ticket, resumed: true}",
            "    Note over C,S: k_enc and k_mac of psk, rn and srn",
        ]
    )


def client_states() -> str:
    """The transition table of `nen_ref.protocol.session`."""
    lines = ["stateDiagram-v2", f"    [*] --> {ClientState.NEW.name}"]
    lines += [
        f"    {before.name} --> {after.name}: {event.value}" for (before, event), after in CLIENT_TRANSITIONS.items()
    ]
    return mermaid([*lines, f"    {ClientState.CLOSED.name} --> [*]"])


def steps() -> list[tuple[str, str, str]]:
    """Number, question and codes of each step: the table of section 5."""
    section = SPEC.read_text(encoding="utf-8").partition("## 5 ")[2].partition("\n## ")[0]
    return _STEP.findall(section)


def verification() -> str:
    """The nine checks as a flow."""
    lines = ["flowchart TD", '    arrives(["a request arrives"]) --> s1']
    found = steps()
    for number, question, codes in found:
        lines.append(f'    s{number}["{number}. {_label(question)}<br/><b>no:</b> {codes}"]')
        following = f"s{int(number) + 1}" if number != found[-1][0] else 'handler(["the handler runs"])'
        lines.append(f"    s{number} -- yes --> {following}")
    return mermaid(lines)


def _label(question: str) -> str:
    return question.partition("?")[0].replace("`", "") + "?"
