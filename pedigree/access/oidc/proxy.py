"""A proxy that authenticates people and names them in a header of each request.

It is believed only where nobody else can send that header: on a Unix socket, or from named networks
with a secret of the proxy.
"""

import hashlib
import hmac
import stat
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, FilePath

from pedigree._record import Record
from pedigree._setting_lists import Network
from pedigree.access.oidc.judgement import (
    require_first_admin,
    require_one_name,
    require_rule,
    wrong,
)
from pedigree.access.oidc.providers import (
    Conditions,
    Name,
    Provider,
    ProviderKind,
    Rules,
    ScimLink,
    Template,
    TokenUse,
)
from pedigree.errors import InvalidProviderError

_LEAST_SECRET_BYTES = 32
_MOST_SECRET_BYTES = 1024

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class AuthenticatingProxy(Record):
    """A proxy whose header names who sends a request."""

    name: Name = "proxy"
    socket: bool = Field(
        default=False, description="Believe what arrives by the Unix socket of `serve --socket`"
    )
    networks: tuple[Network, ...] = Field(
        default=(), description="Networks of the proxy, which also sends its secret"
    )
    secret_file: FilePath | None = Field(
        default=None, description="The secret of the proxy: at least 32 bytes, for this user alone"
    )
    secret_header: HeaderName = "X-Pedigree-Proxy-Secret"  # noqa: S105 -- a name
    user_header: HeaderName = "X-Forwarded-User"
    groups_header: HeaderName | None = Field(
        default=None, description="Groups of the person, separated by commas"
    )
    email_header: HeaderName | None = Field(
        default=None, description="The e-mail of the person, which the proxy verified"
    )
    principal: Template = "{sub}"
    links_by_email: bool = False
    scim: ScimLink | None = None
    first_admin: Conditions = Field(default_factory=dict, max_length=32)
    rules: Rules

    @property
    def issuer(self) -> str:
        """The issuer of the identities that it names."""
        return f"proxy:{self.name}"

    @property
    def kind(self) -> ProviderKind:
        """It names people."""
        return ProviderKind.OIDC

    @property
    def use(self) -> TokenUse:
        """Its header is sent with each request."""
        return TokenUse.BEARER

    @property
    def groups(self) -> str:
        """The claim that has the groups of its header."""
        return "groups"

    @cached_property
    def _secret_hash(self) -> bytes | None:
        return None if self.secret_file is None else _hash(read_secret(self.secret_file))

    def has_secret(self, given: bytes) -> bool:
        """Return whether a text is the secret of the proxy, in a time that reveals nothing of it.

        Raises:
            InvalidProviderError: The file of the secret cannot be used.
        """
        wanted = self._secret_hash
        return wanted is not None and hmac.compare_digest(_hash(given), wanted)


def require_sound_proxy(proxy: AuthenticatingProxy, providers: Iterable[Provider]) -> None:
    """Require that a proxy's header gives nobody else rights.

    Raises:
        InvalidProviderError: Others could send the header, or a rule must not be.
    """
    if any(each.name == proxy.name for each in providers):
        raise wrong(proxy, "a provider has the same name")
    if not proxy.socket and not proxy.networks:
        raise wrong(proxy, "needs socket = true, or networks with a secret_file")
    if any(network.prefixlen == 0 for network in proxy.networks):
        raise wrong(proxy, "a network of all addresses lets everybody send the header")
    if proxy.networks and proxy.secret_file is None:
        raise wrong(proxy, "networks need a secret_file: others in them could send the header")
    headers = [proxy.secret_header, proxy.user_header, proxy.groups_header, proxy.email_header]
    given = [each.lower() for each in headers if each is not None]
    if len(given) != len(set(given)) or "authorization" in given:
        raise wrong(proxy, "needs a header of its own for each of secret, user, groups and e-mail")
    if proxy.secret_file is not None:
        read_secret(proxy.secret_file)
    for rule in proxy.rules:
        require_rule(proxy, rule)
    require_one_name(proxy)
    require_first_admin(proxy)


def read_secret(file: Path) -> bytes:
    """Return the secret of a file that only this user can read.

    Raises:
        InvalidProviderError: It cannot be read, others can read it, or it is short.
    """
    try:
        mode = file.stat().st_mode
        content = file.read_bytes()[: _MOST_SECRET_BYTES + 1].strip()
    except OSError as error:
        raise _refused(f"cannot be read: {error.strerror}", file) from error
    if stat.S_IMODE(mode) & 0o077:
        raise _refused(f"has mode {stat.S_IMODE(mode):04o}: others can read or write it", file)
    if not _LEAST_SECRET_BYTES <= len(content) <= _MOST_SECRET_BYTES:
        raise _refused(f"needs {_LEAST_SECRET_BYTES} to {_MOST_SECRET_BYTES:,} bytes", file)
    return content


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _refused(message: str, file: Path) -> InvalidProviderError:
    return InvalidProviderError(
        message,
        field="secret_file",
        value=str(file),
        remedy="Write `openssl rand -hex 32` into a file of mode 0600",
    )
