"""How a session and its nonces lie in Redis, whichever way its commands get there.

One key for each session, a sorted set, so that a session and its nonces expire together and are evicted together: an
eviction that took the nonces alone would open the session to replays. Its members are ASCII texts:

    s{"v":1,"sid":...}   the session as JSON, with the score +inf
    n<base64>            a nonce, with its `keep_until` in ms as score
    f                    the watermark: its score is the latest `keep_until` of a nonce that was forgotten

Every script is one atomic step. A key of another type, or without one of `s` and `f`, is no session.

Whoever can read the Redis can read the sessions: the keys lie in it as they are.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

MAX_NONCES = 100_000
TIMEOUT = 2.0  # seconds
FORMAT = 1
KEY_SIZE = 32
IDENTITY_SIZE = ML_DSA_65.pk_size
MEMBERS = {"v", "sid", "enc", "mac", "created_at", "identity"}
FAMILIES = ("v1", "v3")

log = logging.getLogger("nen_ref.stores")


@dataclass(frozen=True)
class Script:
    """The text of a Lua script; `sha1` is the name under which Redis knows it."""

    text: str

    @cached_property
    def sha1(self) -> str:
        return hashlib.sha1(self.text.encode("ascii"), usedforsecurity=False).hexdigest()


# KEYS[1]: the session; ARGV: its member, its life in ms. A key that is there already is dropped first, so that no nonce
# of it stays; only then, because a script that has written is let through where memory is short. A script is not undone
# where it fails: a session whose life cannot be set must not stay, for it would never end.
SET = Script("""\
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('UNLINK', KEYS[1])
end
redis.call('ZADD', KEYS[1], '+inf', ARGV[1], 0, 'f')
local ends = redis.pcall('PEXPIRE', KEYS[1], ARGV[2])
if type(ends) == 'table' then
  redis.call('UNLINK', KEYS[1])
  return ends
end
return 'KEPT'
""")

# KEYS[1]: the session; ARGV: its member as it was read, its new member. The nonces stay, and so does its life. The new
# one comes first: where memory is short a script ends with its first write.
REPLACE = Script("""\
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 'GONE'
end
redis.call('ZADD', KEYS[1], '+inf', ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return 'REPLACED'
""")

# KEYS[1]: the session; ARGV: the member of the nonce, its keep_until in ms, the bound of the session. Time is that of
# Redis, one clock for all nodes. What is as old as a forgotten nonce cannot be told from it and counts as used: so no
# difference between the clocks of Redis and of the nodes lets a replay through. The answer repeats the nonce.
RECORD = Script("""\
local top = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
local forgotten = redis.call('ZSCORE', KEYS[1], 'f')
if not top or string.sub(top, 1, 1) ~= 's' or not forgotten then
  return 'NO_SESSION ' .. ARGV[1]
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local over = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. now, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
if over[1] and over[1] ~= 'f' then
  forgotten = over[2]
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)
  redis.call('ZADD', KEYS[1], forgotten, 'f')
end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) or tonumber(ARGV[2]) <= tonumber(forgotten) then
  return 'USED ' .. ARGV[1]
end
if redis.call('ZCARD', KEYS[1]) - 2 >= tonumber(ARGV[3]) then
  redis.call('UNLINK', KEYS[1])
  return 'NO_SESSION ' .. ARGV[1]
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 'NEW ' .. ARGV[1]
""")


def key_of(sid: str) -> str:
    """The key of a session. A client can send any text as its session id, so that it is escaped into plain ASCII."""
    return "nen:" + quote(sid, safe="", errors="surrogatepass")


def session_member(session: Session) -> str:
    """The member that holds the session. It contains the keys: for the store, and never for a log."""
    identity = None if session.identity is None else encode_base64(session.identity)
    members = {
        "v": FORMAT,
        "sid": session.sid,
        "enc": encode_base64(session.keys.enc),
        "mac": encode_base64(session.keys.mac),
        "created_at": session.created_at,
        "identity": identity,
    }
    if session.family != "v1":  # sessions of V1 and V2 stay readable for a node that knows no other
        members["family"] = session.family
    return "s" + dump_json(members).decode("ascii")


def nonce_member(nonce: bytes) -> str:
    return "n" + encode_base64(nonce)


def read_session(sid: str, member: str | bytes) -> Session | None:
    """The session of a member; None, and a line in the log, for one that cannot be read or is of another session."""
    try:
        return _session(sid, member.encode("utf-8", "surrogatepass") if isinstance(member, str) else member)
    except Malformed as fault:
        unreadable(sid, str(fault))
        return None


def unreadable(sid: str, fault: str) -> None:
    """Log that what lies under the key of a session is none. Its content stays out of the log: it may hold keys."""
    log.error("what is stored under %.60s is no session (%s): its client has to make a new one", key_of(sid), fault)


def _session(sid: str, member: bytes) -> Session:
    if not member.startswith(b"s"):
        raise Malformed("without the session itself")
    members = parse_json_object(member[1:])
    family = members.pop("family", "v1")
    if members.keys() != MEMBERS or members["v"] != FORMAT or family not in FAMILIES:
        raise Malformed("of another format")
    if members["sid"] != sid:
        raise Malformed("of another session")
    created_at, identity = members["created_at"], members["identity"]
    if type(created_at) is not int:
        raise Malformed("without the time when it was made")
    keys = SessionKeys(_key(members["enc"], KEY_SIZE), _key(members["mac"], KEY_SIZE))
    proven = None if identity is None else _key(identity, IDENTITY_SIZE)
    return Session(sid, keys, created_at, proven, str(family))


def _key(text: object, size: int) -> bytes:
    if not isinstance(text, str):
        raise Malformed("a key that is no text")
    key = decode_base64(text)
    if len(key) != size:
        raise Malformed(f"a key of {len(key)} bytes")
    return key


def nonce_answer(answer: object, member: str) -> NonceAnswer | None:
    """What `RECORD` answered about this very nonce, None for any other answer."""
    text = answer.decode("latin-1") if isinstance(answer, bytes) else answer
    answers = {
        f"NEW {member}": NonceAnswer.NEW,
        f"USED {member}": NonceAnswer.USED,
        f"NO_SESSION {member}": NonceAnswer.NO_SESSION,
    }
    return answers.get(text) if isinstance(text, str) else None


# An error is judged by how it begins: Upstash repeats the command behind it, with the session id that a client has sent
# and our scripts. Redis before 7 tells first that it was a script that failed.
OF_A_SCRIPT = re.compile(r"^(ERR )?Error running script \(call to f_[0-9a-f]{40}\): (@user_script: ?\d+: )*")
NO_RIGHTS = re.compile(r"(ERR )?(The user executing the script can't|ACL failure in script|NOPERM\b)")
RIGHTS_MISSING = "the user lacks a right that the store needs (docs/deploy.md lists them)"


def error_text(message: str) -> str:
    """An error of Redis without what old versions put before it. Not for the log."""
    return OF_A_SCRIPT.sub("", message)


def error_code(message: str) -> str:
    """The first word of an error of Redis, such as OOM or READONLY; the rest may repeat the command, keys included."""
    word = error_text(message).split(" ", 1)[0].rstrip(":")
    return word if word.isascii() and word.isalpha() and word.isupper() and len(word) <= 20 else "an error"


def refusal(message: str) -> str:
    """What an error of Redis means, in words for the log. A right that is missing in a script is no NOPERM there."""
    return RIGHTS_MISSING if NO_RIGHTS.match(error_text(message)) else f"refused with {error_code(message)}"
