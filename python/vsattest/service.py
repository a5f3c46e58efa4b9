# SPDX-License-Identifier: Apache-2.0
"""Client of a verification service, vsattest-verifierd (docs/SERVICE.md).

By urllib: two requests need no dependency, and TLS is the caller's ``ssl.SSLContext``.

The signature of a token is not verified here: whom a token convinces is not this client, which asked
for it, but a relying party, with a JWT library and the service's ``jwks.json``.
"""

import base64
import http.client
import ipaddress
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Mapping, NamedTuple, Optional

from vsattest.errors import AttestationError, FormatError, LimitError, PolicyError, TransportError, UsageError

_MAX_ANSWER = 1024 * 1024


class Appraisal(NamedTuple):
    """What the service found.

    Attributes:
        affirming: the document is genuine, and all is as the policy says.
        token: the signed result, a JWT, to pass on.
        result: its claims (EAR), as the service sent them; their signature was not verified.
    """

    affirming: bool
    token: str
    result: Dict[str, Any]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """A service does not redirect: documents and bearer tokens go where the caller said."""


class VerificationService:
    """One service. Safe to share between threads.

    Args:
        url: its root, ``https://verifier.example``; ``http://`` only of this machine, since nothing
            else proves who answers.
        bearer_token: if it asks for one.
        timeout: seconds that connecting, and each wait for bytes, may take.
        context: whose certificates are trusted, and the client's own; default: the system's.
    """

    def __init__(
        self,
        url: str,
        bearer_token: Optional[str] = None,
        timeout: float = 30.0,
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        _check_url(url)
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if bearer_token is not None:
            if not re.fullmatch("[!-~]{1,512}", bearer_token):
                raise UsageError("the bearer token must be 1 to 512 visible characters")
            self._headers["Authorization"] = f"Bearer {bearer_token}"
        # No proxy of the environment: where a document goes is not for a variable to say.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect(), urllib.request.HTTPSHandler(context=context)
        )

    def challenge(self, policy: str) -> str:
        """Returns a challenge, which becomes the nonce of a document; good for 300 s, once."""
        challenge: str = _member(self._ask("/v1/challenges", {"policy": policy}), "challenge", str)
        return challenge

    def verify(
        self,
        document: bytes,
        policy: str,
        challenge: Optional[str] = None,
        audience: Optional[str] = None,
    ) -> Appraisal:
        """Has a document (CBOR) appraised; its challenge is used up.

        A document that fails the appraisal is a result that is not ``affirming``, no exception.

        Raises:
            PolicyError: the challenge is not good (``challenge_used``, ``challenge_expired``,
                ``challenge_unknown``, ``challenge_mismatch``), the document too old, the client unknown.
            FormatError: the service does not understand the request; ``error_code`` says why.
            LimitError: too many requests, or too large.
            TransportError: the service or its store is away.
        """
        request = {"document": base64.b64encode(document).decode("ascii"), "policy": policy}
        if challenge is not None:
            request["challenge"] = challenge
        if audience is not None:
            request["audience"] = audience
        answer = self._ask("/v1/verify", request)
        return Appraisal(
            _member(answer, "affirming", bool), _member(answer, "token", str), _member(answer, "result", dict)
        )

    def _ask(self, path: str, request: Mapping[str, str]) -> Dict[str, Any]:
        body = json.dumps(request).encode("ascii")
        asked = urllib.request.Request(self._url + path, body, self._headers, method="POST")
        try:
            with self._opener.open(asked, timeout=self._timeout) as answer:
                data = answer.read(_MAX_ANSWER)
                # read() with a limit does not notice that a part is missing.
                if answer.length:
                    raise OSError(f"{answer.length} bytes of its answer are missing")
                return _object(data)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise _refused(refusal.code, refusal.read(_MAX_ANSWER)) from None
        except (OSError, http.client.HTTPException) as failure:
            raise TransportError(f"the verification service does not answer: {_visible(str(failure))}",
                                 "io_error") from failure


def _check_url(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise UsageError(f"{url[:80]!r} is no URL") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError("the service's URL has a user or a password: give bearer_token")
    if parts.scheme == "https" and host:
        return
    if parts.scheme != "http" or not _is_loopback(host):
        raise UsageError("the service's URL begins with https://, or http:// of this machine, "
                         f"not {url[:80]!r}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _object(data: bytes) -> Dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise FormatError("the verification service's answer is no JSON object", "reply_invalid")
    return value


def _member(answer: Dict[str, Any], name: str, kind: type) -> Any:
    if not isinstance(answer.get(name), kind):
        raise FormatError(f"the verification service's answer has no {name}", "reply_invalid")
    return answer[name]


def _visible(text: str) -> str:
    """The service's words, some 200 of its characters: errors reach terminals and logs."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _refused(status: int, body: bytes) -> AttestationError:
    problem = _object(body)
    code, message = (_visible(_member(problem, name, str)) for name in ("error", "message"))
    if status in (401, 409):
        return PolicyError(message, code)
    if status in (413, 429):
        return LimitError(message, code)
    if status >= 500:
        return TransportError(message, code)
    return FormatError(message, code)
