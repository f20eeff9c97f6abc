"""What verifying a token of an OIDC provider costs, by processor time: no request, no network."""

import statistics
import sys
import time
from collections.abc import Callable
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from pydantic_core import to_json

from benchmarks._report import Measured, report
from pedigree.access.oidc.identities import identity_of
from pedigree.access.oidc.keys import keys_in
from pedigree.access.oidc.providers import Provider
from pedigree.access.oidc.verification import unverified, verified

_TARGET_MS = 0.3
_ROUNDS, _TIMES = 20, 200
_ISSUER, _AUDIENCE = "https://sso.example.com", "https://registry.example.com"


def main() -> int:
    """Measure and report; return the exit code."""
    keys: dict[str, Key] = {
        "RS256": RSAKey.generate_key(2048, {"kid": "a"}),
        "ES256": ECKey.generate_key("P-256", {"kid": "b"}),
    }
    figures = [
        Measured(
            what=f"a token by {algorithm}, from its text to its principal, median of {_ROUNDS}",
            value=_milliseconds(_verification(algorithm, key)),
            unit="ms",
            target=_TARGET_MS,
            at_least=False,
        )
        for algorithm, key in keys.items()
    ]
    return report(figures, sys.argv[1:])


def _verification(algorithm: str, key: Key) -> Callable[[], object]:
    provider = Provider.model_validate(
        {
            "name": "sso",
            "issuer": _ISSUER,
            "audience": _AUDIENCE,
            "algorithms": [algorithm],
            "principal": "{email}",
            "rule": [
                {"when": {"groups": "deployers"}, "roles": ["deployer"]},
                {"when": {"groups": "ml-*"}, "roles": ["contributor"], "models": ["churn*"]},
            ],
        }
    )
    known = keys_in(to_json({"keys": [key.as_dict(private=False)]}), "sso")
    now = int(time.time())
    claims = {
        **{"iss": _ISSUER, "aud": _AUDIENCE, "sub": uuid4().hex, "iat": now, "exp": now + 3600},
        **{"email": "ann@example.com", "email_verified": True, "jti": uuid4().hex},
        "groups": [f"ml-{number}" for number in range(20)],
    }
    text = jwt.encode({"alg": algorithm, "kid": key.kid, "typ": "at+jwt"}, claims, key)

    def verify() -> object:
        token = unverified(text)
        return identity_of(verified(token, known[token.key_id], provider), provider)

    return verify


def _milliseconds(work: Callable[[], object]) -> float:
    work()
    rounds = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        for _ in range(_TIMES):
            work()
        rounds.append((time.process_time() - begun) / _TIMES * 1000)
    return statistics.median(rounds)


if __name__ == "__main__":
    sys.exit(main())
